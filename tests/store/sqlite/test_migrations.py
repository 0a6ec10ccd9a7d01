"""Databases of every age come forward, once, and never back."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.errors import SchemaTooNew, StoreError
from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.connection import connect
from proxy.store.sqlite.migrations import migrate
from proxy.store.sqlite.schema import MIGRATIONS, Migration
from tests.store.made import ROW, call
from tests.support.processes import checkout_environment


def fill(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO further VALUES ('made by a function')")


FURTHER = Migration("9000-further", ("CREATE TABLE further (text TEXT)", fill))
BROKEN = Migration("9001-broken", ("CREATE TABLE half (a)", "CREATE TABLE half (a)"))


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY name")]


async def test_an_older_database_comes_forward_with_its_rows(path: Path, connection: sqlite3.Connection) -> None:
    """A database with rows gets what is missing, in order and once, and keeps its rows."""
    store = SqliteStore(path)
    await store.open()
    await store.add_rows([ROW, call(1)])
    await store.close()
    migrate(connection, (*MIGRATIONS, FURTHER))
    migrate(connection, (*MIGRATIONS, FURTHER))
    assert names(connection) == [*(migration.name for migration in MIGRATIONS), "9000-further"]
    assert connection.execute("SELECT COUNT(*) FROM further").fetchone() == (1,)
    assert connection.execute("SELECT COUNT(*) FROM ledger").fetchone() == (2,)


async def test_a_newer_database_is_refused_and_untouched(path: Path, connection: sqlite3.Connection) -> None:
    """A migration that this arkbridge does not know stops the start, names itself and what to do, and nothing is changed."""
    migrate(connection, (*MIGRATIONS, FURTHER))
    before = connection.execute("PRAGMA data_version").fetchone()
    with pytest.raises(SchemaTooNew, match=r"9000-further.*install"):
        await SqliteStore(path).open()
    assert connection.execute("PRAGMA data_version").fetchone() == before


def test_a_migration_that_fails_leaves_nothing(connection: sqlite3.Connection) -> None:
    """All that is missing is applied in one transaction: half a migration is never there, nor one that came with it."""
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, FURTHER, BROKEN))
    assert names(connection) == [migration.name for migration in MIGRATIONS]
    assert connection.execute("SELECT name FROM sqlite_master WHERE name IN ('half', 'further')").fetchall() == []
    assert not connection.in_transaction


async def test_many_handles_may_open_a_new_database_at_once(path: Path) -> None:
    """Stores that open the same new file at the same time all find every migration applied once."""
    stores = [SqliteStore(path) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    assert await asyncio.gather(*(store.healthy() for store in stores)) == [True] * 8
    for store in stores:
        await store.close()


def test_two_processes_may_open_a_new_database_at_once(path: Path) -> None:
    """The same with processes, which share no lock but the file's."""
    script = """
import asyncio, sys
from proxy.store.sqlite import SqliteStore
async def main() -> None:
    store = SqliteStore(sys.argv[1])
    sys.stdin.readline()
    await store.open()
    print(await store.setting("secret", sys.argv[2]))
    await store.close()
asyncio.run(main())
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=checkout_environment(),
        )
        for number in range(2)
    ]  # fmt: skip
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60)[0] for child in children]
    assert said[0] == said[1]
    assert [child.returncode for child in children] == [0, 0]


async def test_a_timezone_that_is_not_known_stops_the_start(path: Path) -> None:
    """The days that reports are kept by must be a timezone of this machine; the database is not left half open."""
    with pytest.raises(StoreError, match="Mars"):
        await SqliteStore(path, timezone="Mars/Olympus").open()
    connect(path, wait=0, cache_kib=64).close()
