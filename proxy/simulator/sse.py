"""Event streams, well-formed and otherwise: the same events in every form that a reader of streams must survive.

Directives, in the prompt or planned by a `words` fault; the numbers of events count from the first one:

- `first=S`, `delay=S`: S seconds between the head and the first event, and before every later one;
- `split=N` or `split=3,1,7`: the bytes in pieces of these lengths, over and over, whatever is in them;
- `crlf`, `tight` (no space after `data:`), `comments`, `multiline` (the data over several lines), `gzip`;
- `no-done`: without the closing `[DONE]`; `unterminated`: without the blank line at the end;
- `stream-error=N`: an error after N events, then the end; `stream-stop=N`: a proper end of the body after N events;
- `stream-break=N`: the connection breaks after N events; `stream-tear=N`: in the middle of the event that follows them.

`gzip` concerns answers that are no streams too. The recorder counts `streams_open` (now), `streams_whole`, `streams_cut`
(broken by us) and `streams_left` (the client went away).
"""

import asyncio
import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from proxy.simulator.core import Core
from proxy.simulator.faults import FaultError
from proxy.simulator.front import hang
from proxy.simulator.jobs import Json
from proxy.simulator.server import ABORT

_CUTS = ("stream-error", "stream-stop", "stream-break", "stream-tear")
# Long enough for the operating system to pass on what was written before the connection breaks.
_FLUSH_SECONDS = 0.05


@dataclass(frozen=True)
class Event:
    """One event: its data as JSON, or as it is where it is a string; and its name where it has one."""

    data: Json
    name: str = ""


DONE = Event("[DONE]")


@dataclass(frozen=True)
class Manner:
    """How events become bytes and leave; `cut` is how the stream ends early, after `cut_at` events."""

    first: float = 0.0
    delay: float = 0.0
    split: tuple[int, ...] = ()
    line_end: bytes = b"\n"
    tight: bool = False
    comments: bool = False
    multiline: bool = False
    gzip: bool = False
    done: bool = True
    terminated: bool = True
    cut: str = ""
    cut_at: int = 0


def manner(words: Mapping[str, str]) -> Manner:
    """The manner that directives ask for; raises FaultError for what cannot be carried out."""
    cut = next((word for word in _CUTS if word in words), "")
    try:
        split = tuple(int(size) for size in words["split"].split(",")) if "split" in words else ()
        return Manner(
            first=float(words.get("first", 0)),
            delay=float(words.get("delay", 0)),
            split=tuple(max(1, size) for size in split),
            line_end=b"\r\n" if "crlf" in words else b"\n",
            tight="tight" in words,
            comments="comments" in words,
            multiline="multiline" in words,
            gzip="gzip" in words,
            done="no-done" not in words,
            terminated="unterminated" not in words,
            cut=cut,
            cut_at=int(words.get(cut, 0)),
        )
    except ValueError as error:
        raise FaultError(f"a directive of the stream needs a number: {error}") from error


def encode(event: Event, how: Manner) -> bytes:
    """One event as bytes, its closing blank line included."""
    lines = [b": keep-alive", b""] if how.comments else []
    if event.name:
        lines.append(b"event:" + (b"" if how.tight else b" ") + event.name.encode())
    if how.comments:
        lines.append(b": inside")
    lines += [b"data:" + (b"" if how.tight else b" ") + line for line in _data(event, how)]
    return how.line_end.join([*lines, b"", b""])


def blocks(events: Sequence[Event], how: Manner, error: Event) -> list[bytes]:
    """The events of a stream as it will be sent, one block of bytes each, cut where that was asked for."""
    if not how.done:
        events = [event for event in events if event is not DONE]
    sent = events[: how.cut_at] if how.cut else events
    made = [encode(event, how) for event in ([*sent, error] if how.cut == "stream-error" else sent)]
    if how.cut == "stream-tear" and len(events) > how.cut_at:
        torn = encode(events[how.cut_at], how)
        made.append(torn[: len(torn) // 2])
    elif not how.terminated and made:
        made[-1] = made[-1].removesuffix(how.line_end)
    return made


class EventStream(Response):
    """The answer that streams; it notices when the client goes away."""

    def __init__(self, core: Core, made: Sequence[bytes], how: Manner, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, {**headers, "content-type": "text/event-stream"})
        del self.headers["content-length"]
        if how.gzip:
            self.headers["content-encoding"] = "gzip"
        self._counts = core.recorder.counts
        self._made = made
        self._ended = False
        self._how = how

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and the blocks, until the end, the cut, or the client's going."""
        self._counts["streams_open"] += 1
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(hang(receive))
                writing = group.create_task(self._write(scope, send))
                await asyncio.wait({leaving, writing}, return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                writing.cancel()
        finally:
            self._end("streams_left")

    def _end(self, outcome: str) -> None:
        """Count how the stream ended, once, and before a client can know that it did."""
        if not self._ended:
            self._ended = True
            self._counts["streams_open"] -= 1
            self._counts[outcome] += 1

    async def _write(self, scope: Scope, send: Send) -> None:
        for place, block in enumerate(self._packed()):
            pause = self._how.delay if place else self._how.first
            if pause:
                await asyncio.sleep(pause)
            for piece in self._pieces(block):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._how.cut in {"stream-break", "stream-tear"}:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._end("streams_cut")
            _abort(scope)
            return
        self._end("streams_whole")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _packed(self) -> Iterator[bytes]:
        """The blocks, compressed where that was asked for: each can be unpacked as soon as it is there."""
        if not self._how.gzip:
            # Pieces without a pause between them know nothing of the events' ends.
            yield from [b"".join(self._made)] if self._how.split and not self._how.delay else self._made
            return
        packer = zlib.compressobj(wbits=31)
        for block in self._made:
            yield packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
        if self._how.cut not in {"stream-break", "stream-tear"}:
            yield packer.flush(zlib.Z_FINISH)

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        if not self._how.split:
            yield block
            return
        start = 0
        for size in itertools.cycle(self._how.split):
            yield block[start : start + size]
            start += size
            if start >= len(block):
                return


def packed_json(value: Json, how: Manner, headers: Mapping[str, str]) -> Response:
    """A JSON answer, compressed where that was asked for."""
    body, extra = orjson.dumps(value), dict(headers)
    if how.gzip:
        body = zlib.compress(body, wbits=31)
        extra["content-encoding"] = "gzip"
    return Response(body, 200, extra, "application/json")


def _data(event: Event, how: Manner) -> list[bytes]:
    if isinstance(event.data, str):
        return [event.data.encode()]
    # Indented JSON breaks its lines only where white space is free.
    return orjson.dumps(event.data, option=orjson.OPT_INDENT_2 if how.multiline else None).split(b"\n")


def _abort(scope: Scope) -> None:
    call: Callable[[], None] | None = scope.get("extensions", {}).get(ABORT, {}).get("call")
    if call is None:
        raise ConnectionAbortedError("the simulator was asked to break this connection")
    call()
