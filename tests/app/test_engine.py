"""Two gateways on one database: one follows, the other waits, and takes over when the first one stops or dies."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from proxy.app.engine import CATCH_UP_EVERY, LEASE_EVERY, Engine
from proxy.errors import ConfigError
from proxy.follower.lease import LENGTH, NAME
from tests.follower.yard import Yard, yard
from tests.support.processes import PATIENCE
from tests.support.servers import Gateway, Simulator, until, upstream


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


async def seen(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Wait until this is what one sees."""
    async with asyncio.timeout(PATIENCE):
        while await look() != wanted:
            await asyncio.sleep(0.02)


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
        async with asyncio.timeout(PATIENCE):
            while following(second) != [1]:
                await asyncio.sleep(0.02)
        assert second.holder.held


async def test_a_dead_one_is_succeeded(ark: Yard) -> None:
    """When the first one renews its lease no more, the second one follows once it is over."""
    async with ark.engine() as dead, ark.engine() as heir:
        await dead.holder.step()
        await ark.take(dead, ark.make())
        await heir.start()
        assert following(heir) == [0]
        ark.offset += LENGTH
        async with asyncio.timeout(PATIENCE):
            while following(heir) != [1]:
                await asyncio.sleep(0.02)


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
    """With real processes: the first one is killed, and the second one settles a task that nobody polls, at once."""
    with Simulator("ark", tmp_path / "ark", 1000.0) as simulator:
        config = upstream(simulator, "ark")
        first, second = Gateway(tmp_path, config), Gateway(tmp_path, config)
        with first, second:
            key = first.create_keys("alice")["alice"]
            body = {"model": "seedance-2.0-fast", "prompt": "a cat", "seconds": "4"}
            headers = {"authorization": f"Bearer {key}"}
            made = httpx.post(f"{second.url}/v1/videos", json=body, headers=headers, timeout=PATIENCE, trust_env=False)
            assert made.status_code == 200, made.text
            first.kill()
            done = until(
                lambda: second.arkbridge("usage", "--json"), lambda told: '"calls": 1' in told, patience=PATIENCE
            )
            assert '"errors": 0' in done
