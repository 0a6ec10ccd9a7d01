"""Commands that touch upstreams are done by the running gateway, else here under the lease, and always answered."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.app import ask, open_store
from proxy.app.ask import NoAnswerError
from proxy.config import Config, load
from proxy.follower.lease import NAME, Holder, owner_name
from tests.follower.yard import Yard, yard


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


def without_keys(ark: Yard) -> Config:
    """The configuration as a shell has it that knows no upstream key."""
    return load(ark.config, {}, secrets=False)


def with_keys(ark: Yard) -> Config:
    """The same where the keys are."""
    return load(ark.config, {"K": "any-key-is-good"})


def never() -> Config:
    """Nobody needs the keys."""
    raise AssertionError("the keys were asked for")


async def test_a_gateway_does_it(ark: Yard) -> None:
    """With one running, this process needs no key and asks no upstream."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        await engine.start()
        answer = await ask(without_keys(ark), never, "refresh", {"task": record.id}, 30.0)
        assert answer == {"key": record.key, "outcome": "read"}
        assert engine.holder.held


async def test_alone(ark: Yard) -> None:
    """Without a gateway it is done here, and the lease is free again afterwards."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        answer = await ask(without_keys(ark), lambda: with_keys(ark), "refresh", {"task": record.id}, 30.0)
        assert answer == {"key": record.key, "outcome": "read"}
        assert await engine.store.lease(NAME) is None


async def test_a_gateway_that_starts_meanwhile_waits(ark: Yard) -> None:
    """While this process does it, a gateway that starts follows nothing."""
    async with ark.engine() as gateway:
        held: list[bool] = []

        def whole() -> Config:
            return with_keys(ark)

        ark.make()
        answer = await ask(without_keys(ark), whole, "reconcile", {}, 30.0)
        assert [one["kind"] for one in _list(answer["findings"])] == ["unknown"]
        held.append(await gateway.holder.step())
        assert held == [True]


def _list(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value


async def test_no_answer(ark: Yard) -> None:
    """A gateway that does not do it in time is told of, and what it was to do is not begun later."""
    config = without_keys(ark)
    async with open_store(config) as store:
        holder = Holder(store, time.time, owner_name("busy"))
        assert await holder.step()
        with pytest.raises(NoAnswerError, match=r"did not do it within 0\.5 s"):
            await ask(config, never, "refresh", {"task": "cgt-1"}, 0.5)
        assert await store.pending_commands("refresh", time.time()) == []


async def test_a_gateway_that_stops_meanwhile(ark: Yard) -> None:
    """If the gateway ends while it is asked, this process does it after all."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        assert await engine.holder.step()
        config = without_keys(ark)

        async def stop() -> None:
            while not await engine.store.pending_commands("refresh", time.time()):
                await engine.services.pause(0.01)
            await engine.holder.release()

        stopping = engine.supervisor.run(stop())
        answer = await ask(config, lambda: with_keys(ark), "refresh", {"task": record.id}, 30.0)
        assert answer == {"key": record.key, "outcome": "read"}
        await stopping
        assert await engine.store.pending_commands("refresh", time.time()) == []


async def test_the_simulator_needs_its_gateway(tmp_path: Path) -> None:
    """The built-in simulator runs in the gateway only, which is said."""
    config = load(None, {})
    config = replace(config, store=config.store.model_copy(update={"url": f"sqlite:///{tmp_path}/arkbridge.db"}))
    with pytest.raises(NoAnswerError, match="start it with `arkbridge serve`"):
        await ask(config, lambda: config, "reconcile", {}, 5.0)
