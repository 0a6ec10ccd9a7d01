"""Server-sent events, read incrementally: an object fed with bytes, right at every split point. Events that nothing changes leave as they came."""

import re
from typing import Final

_BOUNDARY: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r|\r\n\n|\n\r\n")
_LINES: Final = re.compile(rb"\r\n|\n|\r")

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of one event that we hold; a longer one passes on in pieces, unread."""


class Splitter:
    """Cuts a byte stream into events, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes, raw; a stream in which nothing completes costs one search of the new bytes."""
        held = self._held
        held += chunk
        events: list[bytes] = []
        begin, at = 0, max(0, self._searched - 3)
        for boundary in _BOUNDARY.finditer(held, at):
            if boundary.end() == len(held) and boundary.group().endswith(b"\r"):
                break  # the "\n" of a "\r\n" may be still to come
            events.append(bytes(held[begin : boundary.end()]))
            begin = boundary.end()
        if begin:
            del held[:begin]
        self._searched = len(held)
        if len(held) > LONGEST:
            events.append(self.close())
        return events

    def close(self) -> bytes:
        """What is left when the stream ends: a final event without its blank line, or nothing."""
        rest = bytes(self._held)
        self._held.clear()
        self._searched = 0
        return rest


def data_of(event: bytes) -> bytes:
    """The data of an event: its data lines joined; empty for comments and the like."""
    if (
        event.startswith(b"data:")
        and event.count(b"\n") <= 2
        and b"\r" not in event
        and event.find(b"\n") >= len(event) - 2
    ):
        return event[5:].strip()
    lines = (line for line in _LINES.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[6:] if line.startswith(b"data: ") else line[5:] for line in lines)


def name_of(event: bytes) -> bytes:
    """The value of the event's `event:` line, or nothing."""
    for line in _LINES.split(event):
        if line.startswith(b"event:"):
            return line[6:].strip()
    return b""


def event(data: bytes, name: bytes = b"") -> bytes:
    """One event with one line of data."""
    head = b"event: " + name + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"
