"""The follower's lease: one holder at a time, taken over when it dies, handed over at once when it stops."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.follower.lease import LENGTH, NAME, RENEW, Holder, is_free, is_gone, owner_name
from proxy.store.commands import Lease
from proxy.store.sqlite import SqliteStore
from tests.support.processes import PATIENCE, checkout_environment


class Clock:
    """Unix seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Now."""
        return self.now


def held(*holders: Holder) -> list[bool]:
    """Who may follow now."""
    return [holder.held for holder in holders]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty store."""
    opened = SqliteStore(tmp_path / "arkbridge.db")
    await opened.open()
    yield opened
    await opened.close()


async def test_one_holds_and_the_other_waits(store: SqliteStore) -> None:
    """The first who asks has it, for as long as it renews it; the other gets nothing."""
    clock = Clock()
    first, second = Holder(store, clock, "a|1|x"), Holder(store, clock, "b|2|y")
    assert await first.step()
    for _ in range(100):
        clock.now += 1
        assert await first.step()
        assert not await second.step()
    assert held(first, second) == [True, False]


async def test_a_lease_is_written_only_in_time(store: SqliteStore) -> None:
    """Looking every second, a holder writes every few seconds only."""
    clock = Clock()
    holder = Holder(store, clock, "a|1|x")
    before = store.commits
    for _ in range(20):
        assert await holder.step()
        clock.now += 1
    assert store.commits - before == 20 / RENEW


async def test_a_dead_holder_is_followed_within_thirty_seconds(store: SqliteStore) -> None:
    """Whoever stops renewing loses it when it is over, and knows so itself without looking."""
    clock = Clock()
    dead, heir = Holder(store, clock, "a|1|x"), Holder(store, clock, "b|2|y")
    await dead.step()
    clock.now += LENGTH - 0.5
    assert not await heir.step()
    assert held(dead) == [True]
    clock.now += 0.5
    assert held(dead) == [False]
    assert await heir.step()
    assert not await dead.step()
    assert LENGTH + 1 < 30


async def test_a_clean_stop_hands_over_at_once(store: SqliteStore) -> None:
    """What is given back is free; giving back what one has lost takes it from nobody."""
    clock = Clock()
    first, second = Holder(store, clock, "a|1|x"), Holder(store, clock, "b|2|y")
    await first.step()
    await first.release()
    assert held(first) == [False]
    assert await second.step()
    await first.release()
    assert await second.step()
    lease = await store.lease(NAME)
    assert lease is not None
    assert lease.owner == "b|2|y"


async def test_the_sleeper_loses_to_whoever_took_it(store: SqliteStore) -> None:
    """A process that slept through its lease gets it back if nobody took it, and else not."""
    clock = Clock()
    sleeper, other = Holder(store, clock, "a|1|x"), Holder(store, clock, "b|2|y")
    await sleeper.step()
    clock.now += 3600
    assert held(sleeper) == [False]
    assert await sleeper.step()
    clock.now += 3600
    assert await other.step()
    assert not await sleeper.step()
    assert held(other) == [True]


async def test_clocks_that_were_wrong_block_nobody(store: SqliteStore) -> None:
    """A lease that ends later than any does was written by a clock that has been put right since; its holder writes it anew."""
    clock = Clock()
    holder, other = Holder(store, clock, "a|1|x"), Holder(store, clock, "b|2|y")
    await holder.step()
    clock.now -= 500
    assert await holder.step()
    assert not await other.step()
    await store.set_lease(NAME, await store.lease(NAME), Lease("a|1|x", clock.now + 5000))
    assert await other.step()


@pytest.fixture
def ended() -> str:
    """The name of a process of this machine that has ended."""
    script = "from proxy.follower.lease import owner_name; print(owner_name('dead'))"
    command = [sys.executable, "-P", "-c", script]
    return subprocess.check_output(command, text=True, timeout=PATIENCE, env=checkout_environment()).strip()


async def test_a_process_that_is_gone_holds_nothing(store: SqliteStore, ended: str) -> None:
    """The lease of a process of this machine that has ended is free at once: a restart after a crash waits for nothing."""
    clock = Clock()
    assert await store.set_lease(NAME, None, Lease(ended, clock.now + LENGTH))
    assert await Holder(store, clock, owner_name("alive")).step()
    assert not await Holder(store, clock, owner_name("third")).step()


@pytest.mark.parametrize(
    ("other", "owner"),
    [
        (owner_name("x"), owner_name("y")),
        ("elsewhere|999999999|x", owner_name("y")),
        ("|999999999|x", "|1|y"),
        ("here|no number|x", "here|1|y"),
        ("here", "here|1|y"),
        ("", "here|1|y"),
        ("here|99999999999999999999999|x", "here|1|y"),
    ],
    ids=["alive", "elsewhere", "nowhere", "no-number", "no-process", "empty", "too-large"],
)
def test_who_may_be_alive_is_not_gone(other: str, owner: str) -> None:
    """A process that runs, one of another machine, and one that nothing is known of are not gone."""
    assert not is_gone(other, owner)


@pytest.mark.parametrize(
    ("until", "free"), [(99.0, True), (100.0, True), (100.1, False), (140.0, False), (140.1, True)]
)
def test_when_a_lease_is_free(until: float, free: bool) -> None:
    """It is free once it is over, and if it ends later than any lease can."""
    assert is_free(Lease("a|1|x", until), "b|2|y", 100.0) is free


def test_owners_differ() -> None:
    """Two holders in one process are two."""
    assert owner_name("a") != owner_name("b")
