"""SQLite files and connections for the tests of what only this database does."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.connection import connect
from proxy.store.sqlite.migrations import migrate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "arkbridge.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """An open store on it that does not wait long for locks."""
    opened = SqliteStore(path, busy_timeout=0.05)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the same file, as another process would have it, migrated."""
    opened = connect(path, wait=5, cache_kib=256)
    migrate(opened)
    yield opened
    opened.close()
