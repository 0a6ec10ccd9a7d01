"""One log line per call, written off the event loop: a bounded queue, and a thread that writes in batches. Known secrets never reach the stream.

A log that cannot be written never stops a call: its lines are dropped and counted.
"""

import json
import logging
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import BinaryIO
from urllib.parse import quote

import orjson

from proxy.model import Secret

Line = tuple[float, Mapping[str, object]]

WAITING = 10_000
"""Lines that may wait to be written; further ones are dropped and counted."""

PAUSE = 0.02
"""Seconds the writer lets lines gather, so that a busy gateway pays for one write and not for hundreds."""

SHORTEST = 8
"""Characters of the shortest text that is masked as a secret: a shorter one would eat ordinary words."""

OUR_KEYS = re.compile(rb"(sk-ab-(?:admin-)?[0-9A-Za-z]{0,6})[0-9A-Za-z]{20,}")
PLAIN = re.compile(r"[^\s\"'=\\\x00-\x20\x7f-\xa0\u2028\u2029]+")
MASK = b"\xe2\x80\xa6"


class Logs:
    """The process's log on one stream of bytes. `now` gives unix seconds, `form` is "json" or "text"."""

    def __init__(self, stream: BinaryIO, form: str, now: Callable[[], float]) -> None:
        self._stream = stream
        self._render = _as_text if form == "text" else _as_json
        self._now = now
        self._queue: SimpleQueue[Line | None] = SimpleQueue()
        self._closing = threading.Event()
        self._dropped = 0
        self._secrets: tuple[bytes, ...] = ()
        self._loggers: list[logging.Logger] = []
        self._bridge = _Bridge(self)
        self._writer = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._writer.start()

    @property
    def dropped(self) -> int:
        """Lines that were not written, because too many waited or the stream failed."""
        return self._dropped

    def call(self, fields: Mapping[str, object]) -> None:
        """One finished call. `fields` must not change afterwards: they are rendered later, on another thread."""
        self._put({"level": "info", "event": "call", **fields})

    def event(self, level: str, message: str, **fields: object) -> None:
        """One line that is not about a call; `level` is debug, info, warning or error."""
        self._put({"level": level, "event": message, **fields})

    def add_secret(self, secret: str | Secret) -> None:
        """Mask this text from now on wherever a line carries it, also as it stands in JSON and in an address."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if len(text) < SHORTEST:
            return
        forms = {
            text.encode(),
            json.dumps(text)[1:-1].encode(),
            orjson.dumps(text)[1:-1],
            quote(text, safe="").encode(),
        }
        self._secrets = tuple(sorted({*self._secrets, *forms}, key=len, reverse=True))

    def attach(self, *names: str) -> None:
        """Take over the warnings and errors of these standard loggers (uvicorn's) until `close`."""
        for name in names:
            logger = logging.getLogger(name)
            logger.handlers = [self._bridge]
            logger.propagate = False
            logger.setLevel(logging.WARNING)
            self._loggers.append(logger)

    def close(self) -> None:
        """Write what waits and stop; lines that come later are dropped. Safe to call twice."""
        for logger in self._loggers:
            logger.removeHandler(self._bridge)
        if not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
        self._writer.join()

    def _put(self, fields: Mapping[str, object]) -> None:
        if self._closing.is_set() or self._queue.qsize() >= WAITING:
            self._dropped += 1
        else:
            self._queue.put((self._now(), fields))

    def _run(self) -> None:
        told = 0
        while True:
            batch = self._batch()
            lines = [line for line in batch if line is not None]
            if self._dropped > told:
                lost, told = self._dropped - told, self._dropped
                lines.append((self._now(), {"level": "warning", "event": "log lines were dropped", "count": lost}))
            self._write(lines)
            if None in batch:
                return

    def _batch(self) -> list[Line | None]:
        """Wait for a line, let others join it, take what is there."""
        batch = [self._queue.get()]
        self._closing.wait(PAUSE)
        try:
            while batch[-1] is not None:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        return batch

    def _write(self, lines: list[Line]) -> None:
        text = b"".join(self._render(when, fields) + b"\n" for when, fields in lines)
        try:
            self._stream.write(self._masked(text))
            self._stream.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe or a closed stream
            self._dropped += len(lines)

    def _masked(self, text: bytes) -> bytes:
        """One of our keys keeps its first characters, by which people know it; any other secret goes whole."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return OUR_KEYS.sub(rb"\1" + MASK, text)


class _Bridge(logging.Handler):
    """Hands the standard library's records on as events."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = logging.Formatter().formatException(record.exc_info)
        self._logs.event(record.levelname.lower(), record.getMessage(), **fields)


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(when: float, fields: Mapping[str, object]) -> bytes:
    line = {"time": _moment(when), **fields}
    try:
        return orjson.dumps(line, default=_simple, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError:  # a number beyond 64 bits, half a surrogate pair, a nesting too deep
        return json.dumps({name: ascii(value) for name, value in line.items()}).encode()


def _as_text(when: float, fields: Mapping[str, object]) -> bytes:
    rest = {name: value for name, value in fields.items() if name not in ("level", "event") and value is not None}
    head = f"{_moment(when)} {str(fields.get('level')).upper():<7} {_one_line(str(fields.get('event')))}"
    tail = "".join(f" {name}={_word(value)}" for name, value in rest.items())
    return (head + tail).encode("utf-8", "backslashreplace")


def _word(value: object) -> str:
    """A value as one word, or quoted: nothing that a caller sent can begin a line or a field of its own."""
    text = str(_simple(value)) if isinstance(value, BaseException) else str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def _one_line(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _simple(value: object) -> object:
    """What JSON has no form for: amounts as numbers, exceptions with their traceback, anything else as it shows itself."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, BaseException):
        return "".join(traceback.format_exception(value))
    return str(value)
