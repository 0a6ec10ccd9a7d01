"""A process killed in the middle of a copy (SIGKILL, the real thing): nothing half written is served, and the next start copies it."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable

from proxy.archive import Archive
from proxy.archive.local import LocalArchive
from proxy.archive.s3 import S3Archive
from proxy.simulator.media import video_bytes
from proxy.store.archive import CopyState
from tests.archive.moto import Moto, bucket
from tests.archive.shop import Shop
from tests.archive.studio import Studio
from tests.support.processes import ROOT, Server, checkout_environment
from tests.support.raw import raw

LARGE = bytes(range(256)) * 4 * 1024 * 12


class Copying(Server):
    """The process that copies; entering waits until it is about to begin."""

    def __init__(self, studio: Studio, endpoint: str = "") -> None:
        folder = studio.folder
        command = [sys.executable, "-m", "tests.archive.killed", str(folder), studio.upstream.base_url, endpoint]
        super().__init__(command, ROOT, folder / "copying.log", checkout_environment())


async def until(wanted: Callable[[], bool]) -> None:
    """Wait for what nothing tells of; it is looked at over sockets and files."""
    pause = threading.Event()
    async with asyncio.timeout(30):
        while not wanted():
            await asyncio.to_thread(pause.wait, 0.02)


async def killed_and_again(studio: Studio, archive: Archive, endpoint: str, begun: Callable[[], bool]) -> None:
    """Let a process copy, kill it once it has `begun`, look at what it left, and do what the next start does."""
    shop = Shop(LARGE, cuts=[-11 * 1024 * 1024])
    async with raw(shop) as server:
        record = await studio.linked(f"{server.url}/v.mp4")
        process = Copying(studio, endpoint)
        await asyncio.to_thread(process.start)
        await shop.sent.wait()
        await until(begun)
        await asyncio.to_thread(process.kill)
        keeper = studio.keeper(archive)
        assert (await studio.copy(record)).state is CopyState.COPYING
        assert await keeper.shelf.find(record) is None
        assert await archive.size(f"{record.key}.mp4") is None
        await keeper.recover()
        await keeper.step()
        assert (await studio.copy(record)).attempts == 2
        assert await studio.served(keeper, record) == LARGE
        assert len(shop.seen) == 2


async def test_killed_while_writing_a_file(studio: Studio) -> None:
    """The half file is under no name that is served, and is gone after the next copy."""
    folder = studio.folder / "archive"

    def begun() -> bool:
        return any(path.stat().st_size > 5_000_000 for path in folder.rglob("*.part"))

    await killed_and_again(studio, LocalArchive(folder), "", begun)
    assert [name for name in studio.files() if name.endswith(".part")] == []


async def test_killed_while_sending_parts(studio: Studio) -> None:
    """The parts in the bucket are no object, and are gone after the next copy."""
    moto = Moto(studio.folder)
    await asyncio.to_thread(moto.start)
    archive = S3Archive(bucket(moto.url))
    await killed_and_again(studio, archive, moto.url, lambda: bool(moto.unfinished()))
    assert moto.unfinished() == []
    moto.client.close()
    await archive.close()
    await asyncio.to_thread(moto.stop)


async def test_killed_between_the_copy_and_its_row(studio: Studio) -> None:
    """A copy that is durable while its row is not says nothing; the next start makes it again and serves it then."""
    record = await studio.film()
    archive = LocalArchive(studio.folder / "archive")
    now = studio.clock()
    await studio.store.claim_copy(record.key, now, now + 60)

    async def body() -> AsyncIterator[bytes]:
        yield b"what the dead process wrote"

    await archive.keep(f"{record.key}.mp4", body())
    keeper = studio.keeper(archive)
    assert await keeper.shelf.find(record) is None
    await keeper.recover()
    await keeper.step()
    assert await studio.served(keeper, record) == video_bytes(label=record.id or "")
    assert studio.files() == [f"{record.key}.mp4"]
