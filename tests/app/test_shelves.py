"""The archive that a configuration asks for."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.app.shelves import archive_of
from proxy.archive import Archive
from proxy.config import Config, load
from proxy.errors import ConfigError


def config(**video: object) -> Config:
    """The defaults with these keys of [video]."""
    plain = load(None, {})
    return replace(plain, video=plain.video.model_copy(update=video))


def test_off() -> None:
    """As it comes, nothing is archived."""
    assert archive_of(config()) is None


@pytest.mark.parametrize("named", [False, True])
def test_local(tmp_path: Path, named: bool) -> None:
    """Copies lie in the directory that is named, else beside the database."""
    there = tmp_path / "named" if named else tmp_path / "archive"
    read = config(archive="local", archive_path=str(there) if named else "")
    read = replace(read, store=read.store.model_copy(update={"url": f"sqlite:///{tmp_path}/a.db"}))
    archive = archive_of(read)
    assert archive is not None
    assert asyncio.run(_kept(archive)) == 5
    assert there.is_dir()


async def _kept(archive: Archive) -> int:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"video"

    kept = await archive.keep("ab12.mp4", chunks())
    await archive.close()
    return kept.size


@pytest.fixture
def no_botocore() -> Iterator[None]:
    """A machine without the extra for S3."""
    hidden = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.split(".")[0] == "botocore" or name == "proxy.archive.s3"
    }
    sys.modules["botocore"] = None  # type: ignore[assignment]  # which is how Python marks a module that cannot be imported
    yield
    del sys.modules["botocore"]
    sys.modules.update(hidden)


@pytest.mark.usefixtures("no_botocore")
def test_s3_without_its_extra() -> None:
    """What has to be installed is said, with the key."""
    with pytest.raises(ConfigError, match=r"video\.archive: s3 needs an extra package: install arkbridge\[s3\]"):
        archive_of(config(archive="s3", archive_bucket="videos"))


@pytest.mark.skipif(
    importlib.util.find_spec("botocore") is None, reason="botocore: the extra arkbridge[s3] is not installed"
)
def test_s3() -> None:
    """With the extra it is a bucket."""
    archive = archive_of(config(archive="s3", archive_bucket="videos", archive_region="cn-beijing"))
    assert archive is not None
    assert archive.kind == "s3"
    asyncio.run(archive.close())
