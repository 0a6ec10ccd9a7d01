"""Writes that the store refused are kept in order, tried again, counted, and lost only where that is told."""

from functools import partial

import pytest

from proxy.errors import StoreError
from proxy.gateway.spool import Spool


class Told:
    """Where a spool's words and numbers go."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []
        self.waiting = self.refused = self.lost = 0

    def event(self, level: str, message: str, **fields: object) -> None:
        """Take one word."""
        self.events.append((level, message, fields))

    def spool(self, waiting: int, *, refused: int = 0, lost: int = 0) -> None:
        """Take the numbers."""
        self.waiting = waiting
        self.refused += refused
        self.lost += lost


class Disk:
    """A place to write to that can be full."""

    def __init__(self) -> None:
        self.full = False
        self.kept: list[str] = []
        self.tries = 0

    async def write(self, what: str, *, never: bool = False) -> str:
        """Keep a word, and give it back."""
        self.tries += 1
        if self.full or never:
            raise StoreError("the disk is full")
        self.kept.append(what)
        return what


@pytest.fixture
def told() -> Told:
    """What was told."""
    return Told()


@pytest.fixture
def disk() -> Disk:
    """The disk."""
    return Disk()


async def test_a_store_that_works(told: Told, disk: Disk) -> None:
    """A write that succeeds gives its result, and nothing is told."""
    spool = Spool(told, told)
    assert await spool.keep("a row", lambda: disk.write("one")) == "one"
    assert (disk.kept, spool.waiting, told.events) == (["one"], 0, [])


async def test_refused_writes_are_kept_in_order(told: Told, disk: Disk) -> None:
    """What is refused waits, and is written in the order in which it came, once, when the store can write again."""
    spool = Spool(told, told)
    disk.full = True
    for word in ("one", "two", "three"):
        assert await spool.keep("a row", partial(disk.write, word)) is None
    assert (spool.waiting, told.waiting, told.refused) == (3, 3, 3)
    assert [level for level, *_ in told.events] == ["error"] * 3
    disk.full = False
    await spool.step()
    await spool.step()
    assert (disk.kept, spool.waiting, told.waiting) == (["one", "two", "three"], 0, 0)


async def test_a_store_that_stays_away_is_asked_once_a_round(told: Told, disk: Disk) -> None:
    """A round ends with the first refusal: a store in trouble is not asked for every write that waits."""
    spool = Spool(told, told)
    disk.full = True
    for _ in range(5):
        await spool.keep("a row", lambda: disk.write("x"))
    disk.tries = 0
    await spool.step()
    assert (disk.tries, spool.waiting) == (1, 5)


async def test_one_that_always_fails_holds_up_no_other(told: Told, disk: Disk) -> None:
    """A write that the store will never take goes behind the others."""
    spool = Spool(told, told)
    disk.full = True
    await spool.keep("a bad row", lambda: disk.write("bad", never=True))
    await spool.keep("a row", lambda: disk.write("good"))
    disk.full = False
    await spool.step()
    await spool.step()
    assert (disk.kept, spool.waiting) == (["good"], 1)


async def test_the_queue_is_bounded(told: Told, disk: Disk) -> None:
    """Beyond the bound a write is lost, and that is told and counted."""
    spool = Spool(told, told, most=2)
    disk.full = True
    for _ in range(3):
        await spool.keep("a row", lambda: disk.write("x"))
    assert (spool.waiting, told.refused, told.lost) == (2, 3, 1)
    assert told.events[-1][1].startswith("a write is lost")


async def test_the_last_attempt(told: Told, disk: Disk) -> None:
    """At the end what waits is tried once more; what still fails is told with its number."""
    spool = Spool(told, told)
    disk.full = True
    await spool.keep("a row", lambda: disk.write("x"))
    await spool.close()
    assert told.events[-1] == (
        "error",
        "writes are lost: the store refused them to the end",
        {"count": 1, "what": ["a row"]},
    )
    disk.full = False
    await spool.close()
    assert (disk.kept, spool.waiting) == (["x"], 0)


async def test_only_the_stores_failures_are_kept(told: Told) -> None:
    """Any other failure is a bug and goes to whoever asked."""

    async def bug() -> None:
        raise ZeroDivisionError

    spool = Spool(told, told)
    with pytest.raises(ZeroDivisionError):
        await spool.keep("a row", bug)
    assert spool.waiting == 0
