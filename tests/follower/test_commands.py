"""What the command line leaves to the gateway: done once, by the holder of the lease only, with an answer whatever happens."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.app.engine import Engine
from proxy.follower.commands import RECONCILE, REFRESH, Commands
from proxy.follower.resolver import Resolver
from proxy.model import JSON
from proxy.store.commands import Command
from tests.follower.yard import Yard, yard
from tests.support.servers import until


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


async def queue(engine: Engine, ark: Yard, key: str, task: str, patience: float = 30.0) -> None:
    """Leave a refresh."""
    now = ark.now()
    await engine.store.add_command(
        Command(key=key, kind=REFRESH, arguments={"task": task}, created_at=now, expires_at=now + patience)
    )


async def result(engine: Engine, key: str) -> JSON | None:
    """What became of a command."""
    found = await engine.store.command(key)
    assert found is not None
    return found.result


async def test_a_refresh_reads_the_task_now(ark: Yard) -> None:
    """By the task's id or by our key; what has ended is settled, and a second look changes nothing."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        assert await engine.commands.run(REFRESH, {"task": record.id}) == {"key": record.key, "outcome": "read"}
        ark.force("ark", record.id or "", "succeeded")
        assert await engine.commands.run(REFRESH, {"task": record.key}) == {"key": record.key, "outcome": "settled"}
        assert await engine.commands.run(REFRESH, {"task": record.id}) == {"key": record.key, "outcome": "read"}
        assert len(await engine.store.ledger(None, None, None, 10)) == 1


async def test_a_refresh_of_an_assumed_end_adjusts_it(ark: Yard) -> None:
    """A task that was given up is read, too; its later truth is an adjustment row, once."""
    async with ark.engine() as engine:
        record = await engine.gateway.reader.assume_over(await ark.take(engine, ark.make()))
        assert (await engine.commands.run(REFRESH, {"task": record.id}))["outcome"] == "read"
        ark.force("ark", record.id or "", "succeeded", tokens=9)
        assert (await engine.commands.run(REFRESH, {"task": record.id}))["outcome"] == "adjusted"
        assert (await engine.commands.run(REFRESH, {"task": record.id}))["outcome"] == "read"
        rows = await engine.store.ledger(None, None, None, 10)
        assert [row.kind for row in rows] == ["adjustment", "settlement"]


async def test_what_cannot_be_refreshed(ark: Yard) -> None:
    """No task, a task without an id, one that the upstream does not know, a read that is refused or breaks: one sentence each."""
    async with ark.engine() as engine:
        lost, left = await ark.take(engine, "cgt-lost"), await ark.ask(engine)
        record = await ark.take(engine, ark.make())

        async def error(task: str) -> str:
            return str((await engine.commands.run(REFRESH, {"task": task}))["error"])

        assert "there is no task 'cgt-none': `arkbridge tasks` lists those there are" in await error("cgt-none")
        assert "never answered" in await error(left.key)
        assert "the upstream ark does not know the task cgt-lost" in await error(lost.key)
        ark.fault("ark", "GET .*", "500-before")
        assert "the upstream ark refused the read: 500" in await error(record.key)
        ark.fault("ark", "GET .*", "break-before")
        assert "could not be read" in await error(record.key)


async def test_only_the_holder_does_it(ark: Yard) -> None:
    """Without the lease a command waits; with it, it is done once, also if it is asked for in many rounds."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        await queue(engine, ark, "c1", record.key)
        await engine.commands.step(REFRESH)
        assert await result(engine, "c1") is None
        assert await engine.holder.step()
        await engine.commands.step(RECONCILE)
        assert await result(engine, "c1") is None
        await asyncio.gather(*(engine.commands.step(REFRESH) for _ in range(3)))
        assert await result(engine, "c1") == {"key": record.key, "outcome": "read"}


async def test_one_that_fails_keeps_no_other_from_its_answer(ark: Yard) -> None:
    """What cannot be done is answered with the reason, what nobody waits for is not begun, and the rest is done."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        await queue(engine, ark, "late", record.key, patience=-1.0)
        await queue(engine, ark, "bad", "cgt-none")
        await queue(engine, ark, "good", record.key)
        await engine.holder.step()
        await engine.commands.step(REFRESH)
        assert await result(engine, "late") is None
        assert "there is no task" in str(await result(engine, "bad"))
        assert await result(engine, "good") == {"key": record.key, "outcome": "read"}


class Broken(Commands):
    """Commands with a mistake in them."""

    async def run(self, kind: str, arguments: JSON) -> JSON:
        """Fails as only a mistake does."""
        raise ZeroDivisionError("secret words")


async def test_a_mistake_of_ours_is_answered_and_raised(ark: Yard) -> None:
    """Whoever waits is told that it failed, in no other words; the loop's supervisor gets the exception for the log."""
    async with ark.engine() as engine:
        services, reader = engine.services, engine.gateway.reader
        broken = Broken(services, reader, Resolver(services, reader, ark.now()), lambda: True)
        await queue(engine, ark, "c1", "cgt-1")
        with pytest.raises(ZeroDivisionError):
            await broken.step(REFRESH)
        told = str(await result(engine, "c1"))
        assert "it failed with ZeroDivisionError" in told
        assert "secret" not in told


async def test_a_command_that_is_cut_off_waits_for_the_next_holder(ark: Yard) -> None:
    """If the gateway ends while it does a command, the command is still there to be done."""
    async with ark.engine() as engine:
        record = await ark.take(engine, ark.make())
        await queue(engine, ark, "c1", record.key)
        await engine.holder.step()
        ark.fault("ark", "GET .*", "hang", seconds=30)
        doing = asyncio.ensure_future(engine.commands.step(REFRESH))
        await asyncio.to_thread(until, lambda: ark.control("ark", "GET", "requests")[-1]["method"], "GET".__eq__)
        doing.cancel()
        await asyncio.wait([doing])
        assert await result(engine, "c1") is None
        ark.control("ark", "DELETE", "faults")
    async with ark.engine() as engine:
        await engine.holder.step()
        await engine.commands.step(REFRESH)
        assert await result(engine, "c1") == {"key": record.key, "outcome": "read"}
