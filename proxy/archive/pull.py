"""One result as one run of bytes, however often its connection breaks; it never lets a wrong, cut or other file pass as the result.

Where the connection breaks, the rest is asked for by a byte range, and taken only if it is the rest of the same file.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

from proxy.errors import ArkbridgeError, OutcomeUnknown
from proxy.upstream.client import Stream
from proxy.upstream.media import Verdict, judge, kind

RESUMES = 2
"""How often one attempt goes on after a break: the keeper's attempts times this stay below the 100 downloads of a link (ark-wire.md §0)."""

HEADERS: Mapping[str, str] = {"accept": "*/*", "accept-encoding": "identity"}
SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)

Source = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Stream]]
"""Opens the result with these request headers."""


class PullError(ArkbridgeError):
    """The result did not come whole; the message says why. Another attempt may succeed."""


class GoneError(PullError):
    """The link is no longer good."""


class TooLargeError(PullError):
    """The result is larger than may be kept: no attempt will succeed."""


class Pull:
    """A download that is under way; entering it opens the result. `limit` is the most bytes it may have."""

    def __init__(self, source: Source, limit: int) -> None:
        self.size = 0
        self._source = source
        self._limit = limit
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._stream = await self._open(HEADERS)
            self._first = self._stream.headers
            self.content_type = kind(self._stream)
            self._total = _length(self._first)
            self._admit(self._total or 0)
            if self._stream.status != 200:
                raise PullError(f"its upstream answered {self._stream.status} where the whole file should be")
        except ArkbridgeError:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, once; raises `PullError` or `TransportError` unless all of them came and they are what was announced."""
        breaks = 0
        while True:
            broken: OutcomeUnknown | None = None
            try:
                async for chunk in self._stream.chunks:
                    self._take(chunk)
                    yield chunk
            except OutcomeUnknown as error:
                broken = error
            if broken is None and (self._total is None or self.size >= self._total):
                break
            breaks += 1
            if self._total is None or breaks > RESUMES:
                raise broken or PullError(f"it ended after {self.size} of {self._total} bytes")
            await self._resume()
        self._verify()

    def _take(self, chunk: bytes) -> None:
        self._admit(self.size + len(chunk))
        self.size += len(chunk)
        self._md5.update(chunk)

    def _admit(self, size: int) -> None:
        if size > self._limit:
            raise TooLargeError(
                f"it has more than {self._limit} bytes, the most that is archived (video.archive_max_size)"
            )

    async def _open(self, headers: Mapping[str, str]) -> Stream:
        stream = await self._stack.enter_async_context(self._source(headers))
        verdict = judge(stream)
        if verdict is Verdict.GONE:
            raise GoneError(f"its upstream no longer hands it out (it answered {stream.status})")
        if verdict is not Verdict.RESULT:
            said = stream.headers.get("content-type", "no type")
            raise PullError(f"its upstream answered {stream.status} ({said}) where the file should be")
        return stream

    async def _resume(self) -> None:
        """Go on where it broke off, if the server can and the file is still the same."""
        await self._stack.aclose()
        asked = {**HEADERS, "range": f"bytes={self.size}-"}
        etag = self._first.get("etag", "")
        if etag.startswith('"'):  # a weak one may not be used here (RFC 9110 §13.1.5)
            asked["if-range"] = etag
        self._stream = await self._open(asked)
        if self._stream.status != 206 or not self._continues(self._stream.headers):
            raise PullError(f"it broke off after {self.size} of {self._total} bytes and cannot be continued there")

    def _continues(self, now: Mapping[str, str]) -> bool:
        span = SPAN.fullmatch(now.get("content-range", ""))
        if span is None or (int(span[1]), int(span[3])) != (self.size, self._total):
            return False
        return all(now.get(name) == self._first.get(name) for name in ("etag", "last-modified") if name in self._first)

    def _verify(self) -> None:
        if self.size == 0 or (self._total is not None and self.size != self._total):
            raise PullError(f"it has {self.size} bytes instead of {self._total or 'some'}")
        announced = self._first.get("content-md5")
        if announced and announced.strip() != base64.b64encode(self._md5.digest()).decode():
            raise PullError("its bytes do not agree with its Content-MD5")


def _length(headers: Mapping[str, str]) -> int | None:
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else None
