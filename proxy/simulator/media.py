"""The media a simulator hands out: one small real MP4 and one JPEG, and byte ranges of them.

A video can be made longer with a trailing `free` box (ISO 14496-12), which every player skips: so a test gets a
playable video of any size without holding it in memory.
"""

import hashlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

SAMPLE = (Path(__file__).parent / "sample.mp4").read_bytes()
LAST_FRAME = (Path(__file__).parent / "last_frame.jpg").read_bytes()
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Source:
    """Bytes without all of them in memory: `head`, then zeros up to `size`."""

    head: bytes
    size: int

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop)."""
        part = self.head[start:stop]
        return part + bytes(stop - start - len(part))

    def etag(self) -> str:
        """A strong validator, quotes included; it differs with any byte of the source."""
        return f'"{hashlib.sha256(self.head + self.size.to_bytes(8, "big")).hexdigest()[:32]}"'


def video(size: int | None = None, label: str = "") -> Source:
    """A playable MP4, exactly `size` bytes long where that is given and not smaller than the smallest.

    `label` (a job's id) is written into the `free` box, so that two jobs' videos differ.
    """
    text = label.encode()
    least = len(SAMPLE) + 16 + len(text)
    total = max(size or 0, least)
    # size 1 means that a 64-bit size follows: one form of box for every length
    box = struct.pack(">I4sQ", 1, b"free", total - len(SAMPLE)) + text
    return Source(SAMPLE + box, total)


def video_bytes(size: int | None = None, label: str = "") -> bytes:
    """The whole video as one value; raises ValueError if it cannot be as small as `size`."""
    source = video(size, label)
    if size is not None and source.size != size:
        raise ValueError(f"the smallest video is {source.size} bytes, {size} asked for")
    return source.read(0, source.size)


def ranged(request: Request, source: Source, content_type: str, modified: float) -> Response:
    """The answer to a GET or HEAD of a file: whole (200), one byte range (206) or none that fits (416).

    `modified` is in seconds since 1970. Several ranges in one header are answered with the whole, as RFC 9110 lets
    a server do, and a range whose If-Range names another version too.
    """
    etag, date = source.etag(), formatdate(modified, usegmt=True)
    headers = {"accept-ranges": "bytes", "etag": etag, "last-modified": date, "content-type": content_type}
    wanted = None
    if request.headers.get("if-range") in {None, etag, date}:
        wanted = _span(request.headers.get("range"), source.size)
    if wanted == (0, 0):
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{source.size}"})
    start, stop = wanted or (0, source.size)
    headers["content-length"] = str(stop - start)
    if wanted:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{source.size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_chunks(source, start, stop), status_code=status, headers=headers)


async def _chunks(source: Source, start: int, stop: int) -> AsyncIterator[bytes]:
    for at in range(start, stop, CHUNK):
        yield source.read(at, min(at + CHUNK, stop))


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, stop) that a Range header asks for; None for no (readable, single) range, (0, 0) for none left."""
    unit, _, text = (header or "").partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (first + last).isascii() or not (first + last).isdigit():
        return None
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    return (start, stop) if start < stop else (0, 0)
