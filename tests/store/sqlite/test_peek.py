"""A look into a database from outside: right in every state of the file, and without a trace."""

import sqlite3
from pathlib import Path

import pytest

from proxy.errors import SchemaTooNew, StoreError
from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.peek import open_upstreams
from tests.store.made import QUEUED, task


def traces(path: Path) -> list[str]:
    """The files beside the database, and its own bytes' number."""
    return sorted(f"{one.name} {one.stat().st_mtime_ns}" for one in path.parent.iterdir())


async def fill(path: Path) -> SqliteStore:
    """An open store with something open at `ark`."""
    store = SqliteStore(path)
    await store.open()
    await store.add_task(task(1))
    await store.accept_task("k-1", "cgt-1", QUEUED, None)
    return store


async def test_a_closed_database(path: Path) -> None:
    """What is open is seen, and nothing is left beside the file, also where its name has odd characters."""
    odd = path.with_name("a b#c?d%20é.db")
    await (await fill(odd)).close()
    before = traces(odd)
    assert open_upstreams(odd) == {"ark"}
    assert traces(odd) == before


async def test_a_database_in_use(path: Path) -> None:
    """Beside a gateway the newest state is seen, which is in the log only."""
    store = await fill(path)
    assert open_upstreams(path) == {"ark"}
    await store.drop_task("k-1")
    await store.add_task(task(2, upstream="other"))
    assert open_upstreams(path) == {"ark", "other"}
    await store.close()


def test_no_database(path: Path) -> None:
    """Where there is no file nothing is open, and none is made; an empty file and one without tasks are as good."""
    assert open_upstreams(path) == set()
    assert not path.exists()
    path.touch()
    assert open_upstreams(path) == set()
    assert path.stat().st_size == 0


def test_what_is_no_database(path: Path) -> None:
    """Another file is named as what it is."""
    path.write_text("not a database, but long enough to be looked at " * 10)
    with pytest.raises(StoreError, match="not a SQLite database"):
        open_upstreams(path)


def test_an_older_database_is_not_migrated(path: Path) -> None:
    """A database of the first version is read as it is."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tasks (upstream TEXT, settled INTEGER, state TEXT)")
        connection.execute("INSERT INTO tasks VALUES ('old', 0, 'accepted'), ('done', 1, 'accepted')")
    connection.close()
    assert open_upstreams(path) == {"old"}


async def test_a_newer_database_is_refused(path: Path) -> None:
    """What the start would refuse is refused here, too."""
    await (await fill(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES ('9000-further', 1)")
    connection.close()
    with pytest.raises(SchemaTooNew, match="9000-further"):
        open_upstreams(path)
