"""Two gateways on one database: one follows, the other waits, and takes over when the first one stops or dies."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy.app.engine import CATCH_UP_EVERY, LEASE_EVERY, Engine
from proxy.errors import ConfigError
from proxy.follower.lease import LENGTH, NAME, SEPARATOR
from tests.follower.yard import Yard, yard
from tests.support.servers import Gateway, until


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


def following(*engines: Engine) -> list[int]:
    """How many tasks each of them follows."""
    return [engine._follower.open_count() for engine in engines]


async def test_one_of_two_follows(ark: Yard) -> None:
    """The first one follows every task, also those that the second one takes on; the second one follows none."""
    async with ark.engine() as first, ark.engine() as second:
        await first.start()
        await second.start()
        assert [first.holder.held, second.holder.held] == [True, False]
        record = await ark.take(second, ark.make())
        second.gateway.reader.watcher(record)
        assert following(first, second) == [0, 0]
        await first._follower.catch_up()
        assert following(first, second) == [1, 0]
        assert CATCH_UP_EVERY + LEASE_EVERY < 15


async def test_background_work_belongs_to_the_holder(ark: Yard) -> None:
    """What is done every few seconds is done by the holder of the lease only: creates, callbacks, copies."""
    async with ark.engine() as first, ark.engine() as second:
        await first.holder.step()
        done: list[str] = []

        async def note(who: str) -> None:
            done.append(who)

        await first._holding(lambda: note("first"))()
        await second._holding(lambda: note("second"))()
        assert done == ["first"]


async def test_a_clean_stop_hands_over(ark: Yard) -> None:
    """When the first one ends, the second one has the lease at its next look, and follows what is open."""
    async with ark.engine() as second:
        async with ark.engine() as first:
            await first.start()
            await second.start()
            await ark.take(first, ark.make())
        await asyncio.to_thread(until, lambda: following(second), [1].__eq__)
        assert second.holder.held


async def test_a_dead_one_is_succeeded(ark: Yard) -> None:
    """When the first one renews its lease no more, the second one follows once it is over."""
    async with ark.engine() as dead, ark.engine() as heir:
        await dead.holder.step()
        await ark.take(dead, ark.make())
        await heir.start()
        assert following(heir) == [0]
        ark.offset += LENGTH
        await asyncio.to_thread(until, lambda: following(heir), [1].__eq__)


async def test_a_start_that_fails_leaves_nothing_open(ark: Yard) -> None:
    """An upstream that is gone stops the start, by name; the database can be opened by the next one at once."""
    async with ark.engine() as engine:
        await ark.take(engine, ark.make())
    text = ark.config.read_text()
    ark.config.write_text(text.replace('name = "ark"', 'name = "other"'))
    with pytest.raises(ConfigError, match=r"'ark' is gone but still has open tasks; keep it with retired = true"):
        async with ark.engine():
            pass
    ark.config.write_text(text)
    async with ark.engine() as engine:
        assert await engine.store.lease(NAME) is None
        assert await engine.store.healthy()


def test_processes(tmp_path: Path) -> None:
    """With real processes: the second one waits while the first one runs, and follows at once when that is killed."""
    config = '[[upstream]]\nname = "ark"\ndialect = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'
    first, second = Gateway(tmp_path, config), Gateway(tmp_path, config)
    with first, second:
        assert owner(tmp_path) == pid(first)
        first.kill()
        until(lambda: owner(tmp_path), pid(second).__eq__, patience=LENGTH / 2)


def pid(gateway: Gateway) -> str:
    """The id of its process."""
    assert gateway._process is not None
    return str(gateway._process.pid)


def owner(folder: Path) -> str:
    """The id of the process that has the lease."""
    with closing(sqlite3.connect(folder / "data" / "arkbridge.db")) as connection:
        ((name,),) = connection.execute("SELECT owner FROM leases").fetchall()
        return str(name).split(SEPARATOR)[1]
