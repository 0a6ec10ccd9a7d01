"""An archive in a directory: written beside its place, forced to disk, then renamed, so a name never leads to half a file.

Files and folders are readable by their owner only: whoever may read a result is decided by the gateway.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
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
        final = self._path(name)
        part = final.with_name(f".{name}.{secrets.token_hex(8)}{UNFINISHED}")
        file = await self._work(_begin, final, part)
        digest, size, done = hashlib.sha256(), 0, False
        try:
            async for block in blocks(chunks, WRITE):
                digest.update(block)
                size += len(block)
                await self._work(file.write, block)
            await self._work(_finish, file, part, final)
            done = True
        finally:
            if not done:
                await self._work(_give_up, file, part)
        return Kept(size, digest.hexdigest())

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """See `Archive.open`."""
        file = await self._work(self._path(name).open, "rb")
        try:
            while start < end:
                block = await self._work(os.pread, file.fileno(), min(READ, end - start), start)
                if not block:
                    raise ArchiveError(f"the copy {name} in {self._folder} is shorter than it was when it was kept")
                start += len(block)
                yield block
        finally:
            file.close()

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
        """What touches the disk runs in a thread."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as broken:
            raise ArchiveError(
                f"the archive {self._folder} failed: {broken.strerror or broken}; check the folder, its permissions and the disk"
            ) from broken


def _begin(final: Path, part: Path) -> BinaryIO:
    """Open a file to write to; what attempts that were killed have left goes first."""
    for folder in (final.parent.parent, final.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_unfinished(final)
    part.touch(mode=0o600, exist_ok=False)
    return part.open("wb")


def _finish(file: BinaryIO, part: Path, final: Path) -> None:
    """Durable under its own name first, then under the final one; the folders too, should they be new."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    part.replace(final)
    for folder in (final.parent, final.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _give_up(file: BinaryIO, part: Path) -> None:
    with suppress(OSError):  # a full disk refuses what the file still wanted to write
        file.close()
    part.unlink(missing_ok=True)


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
