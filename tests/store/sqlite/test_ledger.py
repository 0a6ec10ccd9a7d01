"""The ledger is append-only in the database itself, and its sums per day never part from its rows."""

import sqlite3
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.store.sqlite import SqliteStore
from tests.store.made import DONE, ROW, call


@pytest.fixture
async def filled(path: Path, connection: sqlite3.Connection) -> sqlite3.Connection:
    """A connection to a ledger of two rows, at 1 and 150 seconds."""
    store = SqliteStore(path)
    await store.open()
    await store.add_rows([ROW, call(1)])
    await store.close()
    return connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET cost_micros = 0",
        "DELETE FROM ledger",
        "DELETE FROM ledger WHERE number = 1",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
    ],
)
def test_rows_cannot_be_changed(filled: sqlite3.Connection, statement: str) -> None:
    """No statement changes or removes a row, whoever sends it."""
    before = filled.execute("SELECT * FROM ledger").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        filled.execute(statement)
    assert filled.execute("SELECT * FROM ledger").fetchall() == before


def test_only_a_prune_removes_rows(filled: sqlite3.Connection) -> None:
    """Within a transaction that names an instant, older rows may be deleted, and no newer ones."""
    filled.execute("BEGIN")
    filled.execute("INSERT INTO ledger_prune VALUES (100)")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        filled.execute("DELETE FROM ledger")
    filled.execute("DELETE FROM ledger WHERE time < 100")
    filled.execute("DELETE FROM ledger_prune")
    filled.execute("COMMIT")
    assert filled.execute("SELECT time FROM ledger").fetchall() == [(150.0,)]


async def test_a_settlement_that_was_refused_is_in_no_sum(store: SqliteStore, connection: sqlite3.Connection) -> None:
    """A row that is rolled back takes its sum with it: rows and sums always tell the same number of calls."""
    await store.add_rows([ROW])
    with pytest.raises(StoreError, match="UNIQUE"):
        await store.add_rows([call(1), ROW])
    assert not await store.settle("no task", DONE, 1.0, ROW)
    assert connection.execute("SELECT SUM(calls) FROM ledger_days").fetchone() == (1,)
