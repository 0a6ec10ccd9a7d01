"""The directory: whole files under checked names, readable by their owner only, and nothing left of what was not finished."""

import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.archive import ArchiveError, Kept, blocks, checked
from proxy.archive.local import READ, WRITE, LocalArchive

NAME = "4fd1c0de.mp4"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """The parts, one after another."""
    for part in parts:
        yield part


async def failing(*parts: bytes) -> AsyncIterator[bytes]:
    """The parts, then a failure."""
    for part in parts:
        yield part
    raise LookupError("the source broke")


async def read(archive: LocalArchive, start: int, end: int, name: str = NAME) -> bytes:
    """The bytes [start, end) of a copy."""
    return b"".join([block async for block in archive.open(name, start, end)])


def files(folder: Path) -> list[str]:
    """Every file below."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_what_is_kept_can_be_read_again(tmp_path: Path) -> None:
    """Bytes in chunks of any size come back, whole or in part, and their size and checksum are told."""
    archive, body = LocalArchive(tmp_path / "a" / "b"), os.urandom(2 * WRITE + 77)
    kept = await archive.keep(NAME, chunks(body[:1], b"", body[1 : WRITE + 5], body[WRITE + 5 :]))
    assert kept == Kept(len(body), hashlib.sha256(body).hexdigest())
    assert await archive.size(NAME) == len(body)
    assert await read(archive, 0, len(body)) == body
    assert await read(archive, 5, 6) == body[5:6]
    assert await read(archive, READ - 1, 2 * READ + 1) == body[READ - 1 : 2 * READ + 1]
    assert (tmp_path / "a" / "b" / "4f" / NAME).read_bytes() == body


async def test_an_empty_copy_is_one(tmp_path: Path) -> None:
    """The place itself judges nothing."""
    archive = LocalArchive(tmp_path)
    assert await archive.keep(NAME, chunks()) == Kept(0, hashlib.sha256().hexdigest())
    assert await archive.size(NAME) == 0


async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """Neither files nor folders are open to others."""
    await LocalArchive(tmp_path / "archive").keep(NAME, chunks(b"x"))
    for path in (tmp_path / "archive", tmp_path / "archive" / "4f", tmp_path / "archive" / "4f" / NAME):
        assert path.stat().st_mode & 0o077 == 0


async def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    """What the source raises passes through, no file stays, and a copy of before is untouched."""
    archive = LocalArchive(tmp_path)
    with pytest.raises(LookupError):
        await archive.keep(NAME, failing(bytes(WRITE), b"x"))
    assert files(tmp_path) == []
    await archive.keep(NAME, chunks(b"before"))
    with pytest.raises(LookupError):
        await archive.keep(NAME, failing(b"after"))
    assert files(tmp_path) == [NAME]
    assert await read(archive, 0, 6) == b"before"


async def test_a_copy_is_replaced_whole(tmp_path: Path) -> None:
    """Who reads the old copy reads it to its end; who comes later reads the new one."""
    archive = LocalArchive(tmp_path)
    await archive.keep(NAME, chunks(b"a" * (READ + 1)))
    reading = archive.open(NAME, 0, READ + 1)
    assert await anext(reading) == b"a" * READ
    await archive.keep(NAME, chunks(b"b" * (READ + 1)))
    assert await anext(reading) == b"a"
    await reading.aclose()
    assert await read(archive, 0, 2) == b"bb"


async def test_what_a_killed_attempt_left_goes(tmp_path: Path) -> None:
    """The next attempt for that name, or its removal, takes the half file away, and no other name's."""
    archive = LocalArchive(tmp_path)
    (tmp_path / "4f").mkdir()
    mine, other = tmp_path / "4f" / f".{NAME}.0011.part", tmp_path / "4f" / ".4fd1c0de-last.jpeg.0011.part"
    for left in (mine, other):
        left.write_bytes(b"half")
    assert await archive.size(NAME) is None
    await archive.keep(NAME, chunks(b"x"))
    assert files(tmp_path) == [other.name, NAME]
    mine.write_bytes(b"half")
    await archive.remove(NAME)
    assert files(tmp_path) == [other.name]


async def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """A removal may be made twice, and in an archive that holds nothing yet."""
    archive = LocalArchive(tmp_path / "none")
    await archive.remove(NAME)
    await archive.keep(NAME, chunks(b"x"))
    await archive.remove(NAME)
    await archive.remove(NAME)
    assert await archive.size(NAME) is None


async def test_a_copy_that_is_gone_or_cut_is_an_error(tmp_path: Path) -> None:
    """Reading never ends early in silence."""
    archive = LocalArchive(tmp_path)
    with pytest.raises(ArchiveError, match="check the folder"):
        await read(archive, 0, 1)
    await archive.keep(NAME, chunks(b"four"))
    with pytest.raises(ArchiveError, match="shorter"):
        await read(archive, 0, 5)


async def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    """The message names the folder and what to do."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError, match=r"file failed: .*check the folder"):
        await LocalArchive(tmp_path / "file").keep(NAME, chunks(b"x"))


def test_a_directory_has_no_links(tmp_path: Path) -> None:
    """Only a store with an address of its own can be redirected to."""
    assert LocalArchive(tmp_path).link(NAME, "v.mp4", "video/mp4", 60) is None


@pytest.mark.parametrize(
    "name", ["", "a", "../x", "ab/cd", "/etc/passwd", ".hidden", "ab..mp4", "ab\n", "ab.part.x.y", "ä1"]
)
def test_a_name_can_never_be_a_path(name: str) -> None:
    """Names that could lead elsewhere are refused before anything is touched."""
    with pytest.raises(ValueError, match="no name of a copy"):
        checked(name)


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 50))
async def test_blocks_are_the_same_bytes(parts: Sequence[bytes], size: int) -> None:
    """However the bytes come, they leave in full blocks, the last one aside, and none is empty."""
    cut = [block async for block in blocks(chunks(*parts), size)]
    assert b"".join(cut) == b"".join(parts)
    assert all(len(block) == size for block in cut[:-1])
    assert all(0 < len(block) <= size for block in cut)


async def test_nothing_is_held_whole(tmp_path: Path) -> None:
    """Keeping and reading a large copy takes a few blocks of memory, however large it is."""
    size = 40 * 1024 * 1024

    async def large() -> AsyncIterator[bytes]:
        for _ in range(size // 65536):
            yield bytes(65536)

    archive = LocalArchive(tmp_path)
    tracemalloc.start()
    await archive.keep(NAME, large())
    async for _ in archive.open(NAME, 0, size):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * WRITE
