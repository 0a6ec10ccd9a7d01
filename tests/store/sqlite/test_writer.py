"""The writer groups what waits, keeps failures apart and survives everything."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.store.sqlite.connection import connect
from proxy.store.sqlite.writer import Writer


class Put:
    """A write of one number; it fails on 13, and on 666 in a way nobody thought of."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (self.number,))
        if self.number == 13:
            connection.execute("INSERT INTO numbers VALUES (1)")
        if self.number == 666:
            raise NotImplementedError
        return self.number


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    """A writer on a table of unique numbers that holds 1."""
    connection = connect(path, wait=0.05, cache_kib=64)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    connection.execute("INSERT INTO numbers VALUES (1)")
    made = Writer(path, connection, asyncio.get_running_loop())
    yield made
    await asyncio.to_thread(made.close)


def stored(path: Path) -> list[int]:
    connection = connect(path, wait=1, cache_kib=64)
    try:
        return [number for (number,) in connection.execute("SELECT number FROM numbers ORDER BY number")]
    finally:
        connection.close()


async def test_what_waits_shares_a_commit(writer: Writer, path: Path) -> None:
    """While one commit is under way the others gather: a thousand writes take a handful of commits."""
    results = await asyncio.gather(*(writer.write(Put(n)) for n in range(2000, 3000)))
    assert results == list(range(2000, 3000))
    assert writer.commits <= 20
    assert len(stored(path)) == 1001


async def test_a_failing_write_spoils_no_other(writer: Writer, path: Path) -> None:
    """Of writes in one commit, those that fail are told so and undone whole; the others stand."""
    outcomes = await asyncio.gather(*(writer.write(Put(n)) for n in range(10, 20)), return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes, 10) if isinstance(outcome, StoreError)] == [13]
    assert stored(path) == [1, 10, 11, 12, *range(14, 20)]
    assert await writer.write(Put(20)) == 20


async def test_a_write_alone_that_fails_is_undone(writer: Writer, path: Path) -> None:
    """A single write that fails half way leaves nothing and holds no lock."""
    with pytest.raises(StoreError, match="UNIQUE"):
        await writer.write(Put(13))
    assert stored(path) == [1]
    other = connect(path, wait=0, cache_kib=64)
    other.execute("BEGIN IMMEDIATE")
    other.close()


async def test_a_lost_transaction_is_tried_again_one_by_one(writer: Writer, path: Path) -> None:
    """If one write makes SQLite give up the whole transaction, as a full disk may, the others are still made."""

    def give_up(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO numbers VALUES (1)")

    outcomes = await asyncio.gather(
        writer.write(Put(2)), writer.write(Put(3)), writer.write(give_up), writer.write(Put(4)), return_exceptions=True
    )
    assert [isinstance(outcome, StoreError) for outcome in outcomes] == [False, False, True, False]
    assert stored(path) == [1, 2, 3, 4]


async def test_values_that_cannot_be_stored_are_errors(writer: Writer) -> None:
    """A number beyond 64 bits or half a surrogate pair fails its own write only."""
    for value in (2**64, "\ud800", object()):

        def write(connection: sqlite3.Connection, value: object = value) -> int:
            return connection.execute("INSERT INTO numbers VALUES (?)", (value,)).rowcount

        with pytest.raises(StoreError):
            await writer.write(write)
    assert await writer.write(Put(5)) == 5


async def test_a_lock_of_another_process_is_waited_for_and_then_told(writer: Writer, path: Path) -> None:
    """While another process holds the lock writes fail in a sentence; afterwards they work."""
    other = connect(path, wait=0, cache_kib=64)
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(*(writer.write(Put(n)) for n in (7, 8, 9)), return_exceptions=True)
    assert ["another process holds its lock" in str(outcome) for outcome in outcomes] == [True] * 3
    other.close()
    assert await writer.write(Put(7)) == 7


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_an_unforeseen_error_leaves_nobody_waiting(writer: Writer, path: Path) -> None:
    """Even if a bug ends the thread, whoever waits gets an error, nothing is half written, and the next write starts it anew."""
    outcomes = await asyncio.gather(writer.write(Put(6)), writer.write(Put(666)), return_exceptions=True)
    assert isinstance(outcomes[1], StoreError)
    assert await writer.write(Put(5)) == 5
    assert stored(path) in ([1, 5], [1, 5, 6])


async def test_closing_makes_what_waits(path: Path) -> None:
    """Closing right after writes were asked for makes them all first."""
    connection = connect(path, wait=1, cache_kib=64)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    made = Writer(path, connection, asyncio.get_running_loop())
    async with asyncio.TaskGroup() as group:
        for n in range(20, 40):
            group.create_task(made.write(Put(n)))
        await asyncio.sleep(0)
        await asyncio.to_thread(made.close)
    assert stored(path) == list(range(20, 40))
