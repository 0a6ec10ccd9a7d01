"""Server-sent events, read incrementally: an object fed with bytes, right at every split point. Events that nothing changes leave as they came."""

import re
from typing import Final

# A line ends with CRLF, LF or CR, whichever is longest; a blank line ends an event. Atomic, so that a CRLF is never taken for two ends.
_BOUNDARY: Final = re.compile(rb"(?>\r\n?|\n)(?>\r\n?|\n)")
_LONGEST_BOUNDARY: Final = 4
_LINES: Final = re.compile(rb"\r\n?|\n")
_NAME: Final = re.compile(rb"(?:\A|[\r\n])event:([^\r\n]*)")
_BOM: Final = b"\xef\xbb\xbf"

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of one event that we hold; a longer one passes on in pieces, unread."""

DONE: Final = b"[DONE]"
"""The data of the event that ends a stream, where a family has one."""


class Splitter:
    """Cuts a byte stream into events, each with the blank line that ends it. `longest` is how many bytes of one event it holds."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held = bytearray()
        self._returns = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes, raw; bytes that complete nothing are looked at once and held."""
        if not self._returns and b"\r" in chunk:
            self._returns = True
        events = self._by_any_line(chunk) if self._returns else self._by_newlines(chunk)
        if len(self._held) > self._longest:
            events.append(self.close())
        return events

    def close(self) -> bytes:
        """What is left when the stream ends: a final event without its blank line, or nothing."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _by_newlines(self, chunk: bytes) -> list[bytes]:
        """The usual stream, in which no CR has come yet: a plain split is ten times as fast as a pattern."""
        held = self._held
        if held:
            if b"\n\n" not in chunk and not (held[-1] == 0x0A and chunk[:1] == b"\n"):
                held += chunk
                return []
            chunk = bytes(held) + chunk
            held.clear()
        pieces = chunk.split(b"\n\n")
        if len(pieces) == 2 and not pieces[1]:
            return [chunk]
        held += pieces.pop()
        return [piece + b"\n\n" for piece in pieces]

    def _by_any_line(self, chunk: bytes) -> list[bytes]:
        """The same for lines that end in any way; a boundary that ends the bytes with a CR waits, its LF may be still to come."""
        held = self._held
        begin, at = 0, max(0, len(held) - _LONGEST_BOUNDARY + 1)
        held += chunk
        events: list[bytes] = []
        for boundary in _BOUNDARY.finditer(held, at):
            end = boundary.end()
            if end == len(held) and held[-1] == 0x0D:
                break
            events.append(bytes(held[begin:end]))
            begin = end
        del held[:begin]
        return events


def data_of(event: bytes) -> bytes:
    """The data of an event: its data lines joined, white space around them aside; empty for comments and the like."""
    if event.startswith(b"data:") and b"\r" not in event:
        line, _, rest = event.partition(b"\n")
        if not rest or rest == b"\n":
            return line[5:].strip()
    lines = _LINES.split(event.removeprefix(_BOM))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")).strip()


def name_of(event: bytes) -> bytes:
    """The value of the event's `event:` line, or nothing."""
    found = _NAME.search(event.removeprefix(_BOM))
    return found[1].strip() if found else b""


def with_data(event: bytes, data: bytes, new: bytes) -> bytes:
    """The event with `data`, which is what `data_of` says of it, replaced; every other byte stays where the data stands in one line."""
    at = event.rfind(data)
    if at >= 0:
        return event[:at] + new + event[at + len(data) :]
    lines = [line for line in _LINES.split(event) if line and not line.startswith(b"data:")]
    lines += [b"data: " + line for line in new.split(b"\n")]
    return b"\n".join(lines) + b"\n\n"


def event(data: bytes, name: bytes = b"") -> bytes:
    """One event with one line of data."""
    head = b"event: " + name + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"
