"""The shelf: only what is whole, in time and in the archive of now is found."""

from pathlib import Path

import pytest

from proxy.archive import ArchiveError
from proxy.archive.local import LocalArchive
from proxy.archive.shelf import FOR_EVER
from proxy.store.archive import CopyState
from tests.archive.studio import DAY, Studio


async def test_before_the_copy_nothing_is_found(studio: Studio) -> None:
    """A result that is not copied yet, or whose copy failed, is not on the shelf."""
    record = await studio.film()
    keeper = studio.keeper(max_size=1)
    assert await keeper.shelf.find(record) is None
    await keeper.step()
    assert (await studio.copy(record)).state is CopyState.FAILED
    assert await keeper.shelf.find(record) is None


async def test_parts_of_a_copy_can_be_read(studio: Studio) -> None:
    """What is found tells size, type and checksum, and any part of it can be read."""
    record = await studio.film("[[sim:size=700000]]")
    keeper = studio.keeper()
    await keeper.step()
    found = await keeper.shelf.find(record)
    assert found is not None
    assert (found.size, found.content_type, found.archived_at) == (700_000, "video/mp4", studio.clock())
    whole = await studio.served(keeper, record)
    part = b"".join([chunk async for chunk in keeper.shelf.read(found, 299_999, 600_001)])
    assert part == whole[299_999:600_001]
    assert keeper.shelf.link(found, "v.mp4") is None


@pytest.mark.parametrize("bytes_", [None, b"", b"cut"])
async def test_a_copy_that_is_not_as_it_was_is_not_found(studio: Studio, bytes_: bytes | None) -> None:
    """A file that was removed or cut is not served as the result, and an event says so."""
    record = await studio.film()
    keeper = studio.keeper()
    await keeper.step()
    path = studio.folder / "archive" / record.key[:2] / f"{record.key}.mp4"
    if bytes_ is None:
        path.unlink()
    else:
        path.write_bytes(bytes_)
    assert await keeper.shelf.find(record) is None
    assert studio.told.messages() == ["an archived result is not where it was kept"]


async def test_another_archive_s_copies_are_not_its_own(studio: Studio) -> None:
    """After a change of `video.archive` the copies of the old place are not looked for in the new one, nor removed there."""
    record = await studio.film()
    await studio.keeper(days=1).step()

    class Elsewhere(LocalArchive):
        """A place of another kind."""

        kind = "s3"

    keeper = studio.keeper(Elsewhere(studio.folder / "archive"), days=1)
    assert await keeper.shelf.find(record) is None
    studio.clock.now += 2 * DAY
    await keeper.step()
    assert studio.files() == [f"{record.key}.mp4"]
    await studio.keeper(days=1).step()
    assert studio.files() == []


async def test_an_archive_in_trouble_is_told_from_an_empty_one(studio: Studio) -> None:
    """A place that cannot be read is an error, not an absent copy."""
    record = await studio.film()
    await studio.keeper().step()
    archive = studio.folder / "archive"
    moved = archive.rename(studio.folder / "moved")
    (archive / record.key[:2]).parent.mkdir()
    (archive / record.key[:2]).write_bytes(b"a file where the folder was")
    with pytest.raises(ArchiveError, match="check the folder"):
        await studio.keeper().shelf.find(record)
    assert moved.is_dir()


async def test_a_link_lasts_as_long_as_the_copy(studio: Studio, tmp_path: Path) -> None:
    """The end of our links is the end of the retention, never before the upstream's 24 hours, and the same at every read."""
    record = await studio.film()
    ended = int(studio.clock())
    for days, end in ((30, ended + 30 * DAY), (1, ended + DAY), (0.5, ended + DAY), (0, FOR_EVER)):
        shelf = studio.keeper(days=days).shelf
        assert shelf.ends_at(record) == end
        studio.clock.now += 5
        assert shelf.ends_at(record) == end
