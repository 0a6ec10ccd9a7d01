"""An archive in a directory: written beside its place, forced to disk, then renamed, so a name never leads to half a file.

Files and folders are readable by their owner only: whoever may read a result is decided by the gateway.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from proxy.archive import ArchiveError, Kept, blocks, checked

P = ParamSpec("P")
T = TypeVar("T")

WRITE = 1024 * 1024
READ = 256 * 1024
UNFINISHED = ".part"


class LocalArchive:
    """Copies under `folder`, in 256 or fewer folders named by the first two letters of the copy."""

    kind = "local"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Kept:
        """See `Archive.keep`."""
        part = _Part(self._path(name))
        digest, size = hashlib.sha256(), 0
        try:
            await self._work(part.begin)
            async for block in blocks(chunks, WRITE):
                digest.update(block)
                size += len(block)
                await self._work(part.write, block)
            await self._work(part.finish)
        finally:
            await self._work(part.give_up)
        return Kept(size, digest.hexdigest())

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """See `Archive.open`."""
        source = _Source(self._path(name))
        try:
            await self._work(source.begin)
            while start < end:
                block = await self._work(source.read, start, min(READ, end - start))
                if not block:
                    raise ArchiveError(f"the copy {name} in {self._folder} is shorter than it was when it was kept")
                start += len(block)
                yield block
        finally:
            source.close()

    async def size(self, name: str) -> int | None:
        """See `Archive.size`."""
        return await self._work(_size, self._path(name))

    async def remove(self, name: str) -> None:
        """See `Archive.remove`."""
        await self._work(_remove, self._path(name))

    def link(self, name: str, shown: str, kind: str, seconds: int) -> str | None:
        """A directory has no links."""
        return None

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)[:2] / name

    async def _work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What touches the disk runs in a thread, and is waited for even when nobody wants it any more: the next step must not meet it."""
        running = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
        except OSError as broken:
            raise ArchiveError(
                f"the archive {self._folder} failed: {broken.strerror or broken}; check the folder, its permissions and the disk"
            ) from broken


class _Part:
    """A file that is being written beside the place that it is for."""

    def __init__(self, final: Path) -> None:
        self._final = final
        self._path = final.with_name(f".{final.name}.{secrets.token_hex(8)}{UNFINISHED}")
        self._file: BinaryIO | None = None

    def begin(self) -> None:
        """Make the file; what attempts that were killed have left goes first."""
        for folder in (self._final.parent.parent, self._final.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_unfinished(self._final)
        self._path.touch(mode=0o600, exist_ok=False)
        self._file = self._path.open("wb")

    def write(self, block: bytes) -> None:
        """Append."""
        if self._file is not None:
            self._file.write(block)

    def finish(self) -> None:
        """Durable under its own name first, then under the final one; the folders too, should they be new."""
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(self._final)
        for folder in (self._final.parent, self._final.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def give_up(self) -> None:
        """Close the file, and remove it if it is still here."""
        if self._file is not None:
            with suppress(OSError):  # a full disk refuses what the file still wanted to write
                self._file.close()
            self._path.unlink(missing_ok=True)


class _Source:
    """A file that is being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def begin(self) -> None:
        """Open it; what is removed later can still be read to its end."""
        self._handle = os.open(self._path, os.O_RDONLY)

    def read(self, start: int, size: int) -> bytes:
        """At most so many bytes from there on."""
        return b"" if self._handle is None else os.pread(self._handle, size, start)

    def close(self) -> None:
        """Let go of it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _forget_unfinished(final: Path) -> None:
    for left in final.parent.glob(f".{final.name}.*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _forget_unfinished(path)
