"""A media store that breaks connections as a test says, byte by byte over real sockets."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.raw import End, Line, Request


@dataclass
class Shop:
    """Serves `body`. `cuts` are, request by request, the bytes after which the connection breaks (None: not at all, negative: it hangs).

    `tags` are the ETags, request by request, the last one for all that follow; `ranges` says whether byte ranges are honoured.
    """

    body: bytes
    cuts: Sequence[int | None] = ()
    tags: Sequence[str] = ('"one"',)
    ranges: bool = True
    length: bool = True
    shift: int = 0
    headers: Sequence[str] = ()
    seen: list[Request] = field(default_factory=list)
    sent: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, line: Line) -> None:
        """Answer one request."""
        request = await line.request()
        number = len(self.seen)
        self.seen.append(request)
        start = self._start(request, self._tag(number))
        await line.say(self._head(start, number).encode())
        cut = self.cuts[number] if number < len(self.cuts) else None
        body = self.body[start or 0 :]
        if cut is None:
            await line.say(body)
            await line.end(End.CLOSE)
            return
        await line.say(body[: abs(cut)])
        self.sent.set()
        await line.end(End.HANG if cut < 0 else End.CLOSE)

    def _tag(self, number: int) -> str:
        return self.tags[min(number, len(self.tags) - 1)] if self.tags else ""

    def _start(self, request: Request, tag: str) -> int | None:
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if not self.ranges or found is None or request.headers.get("if-range", tag) != tag:
            return None
        return int(found[1]) + self.shift

    def _head(self, start: int | None, number: int) -> str:
        size = len(self.body)
        lines = ["HTTP/1.1 200 OK" if start is None else "HTTP/1.1 206 Partial Content", "content-type: video/mp4"]
        if self._tag(number):
            lines.append(f"etag: {self._tag(number)}")
        if start is not None:
            lines.append(f"content-range: bytes {start}-{size - 1}/{size}")
        lines.append(f"content-length: {size - (start or 0)}" if self.length else "connection: close")
        return "\r\n".join([*lines, *self.headers, "", ""])
