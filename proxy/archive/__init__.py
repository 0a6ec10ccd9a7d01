"""Results are copied before their link dies and then served from the copy (contract.md §7). What is half written is never served.

An archive is a place for named runs of bytes; `keeper` decides what goes there, `shelf` finds it again. Nothing is ever held whole.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from proxy.errors import ArkbridgeError

NAME = re.compile(r"[A-Za-z0-9_-]{2,128}(\.[a-z0-9]{1,8}){0,2}")
"""A copy's name: the task's internal key and what kind of file it is; nothing that a path could be made of."""


class ArchiveError(ArkbridgeError):
    """The archive cannot be written or read just now; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy that is durable: its bytes and their SHA-256 in hex."""

    size: int
    sha256: str


class Archive(Protocol):
    """A place where copies lie. `kind` is what a copy's location starts with, so that one place never serves another's copies."""

    kind: str

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Kept:
        """Take the bytes and make them durable under this name, all or none; what `chunks` raises passes through.

        A copy of that name is replaced; what an earlier attempt left behind is removed. Raises `ArchiveError`.
        """

    def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes [start, end) of a copy; raises `ArchiveError` when they cannot be read."""

    async def size(self, name: str) -> int | None:
        """The bytes of a copy, None if there is none; raises `ArchiveError`."""

    async def remove(self, name: str) -> None:
        """Remove a copy and whatever an unfinished attempt left; no error if there is none. Raises `ArchiveError`."""

    def link(self, name: str, shown: str, kind: str, seconds: int) -> str | None:
        """A link that hands out the copy for so many seconds as a file called `shown` of that type; None if the place has no links."""

    async def close(self) -> None:
        """Let go of what is held; running reads may break."""


def checked(name: str) -> str:
    """The name itself; ValueError for one that no copy has."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a copy")
    return name


async def blocks(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in blocks of exactly `size`, but for the last one; no block is empty."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        while len(held) >= size:
            with memoryview(held) as view:
                block = bytes(view[:size])
            del held[:size]
            yield block
    if held:
        yield bytes(held)
