"""What only SQLite could get wrong: a prune beside a gateway that writes, and the trigger that guards the ledger."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from proxy.store.prune import Prune
from proxy.store.sqlite import SqliteStore
from tests.store.made import call, task


async def test_a_gateway_writes_in_between(path: Path) -> None:
    """A prune of many tasks holds the lock only for pieces, with gaps between them: another process's writes do not wait for its end."""
    gateway, other = SqliteStore(path), SqliteStore(path)
    await gateway.open()
    await other.open()
    await asyncio.gather(*(gateway.add_task(task(number, fingerprint="f")) for number in range(5000)))
    pruning = asyncio.ensure_future(other.prune(Prune(before=9e9, repeats_before=9e9)))
    written = 0
    while not pruning.done():
        await gateway.add_task(task(10_000 + written))
        written += 1
    assert (await pruning)["idempotency"] == 5000
    assert written > 1
    await gateway.close()
    await other.close()


async def test_the_ledger_is_guarded_again_afterwards(store: SqliteStore, connection: sqlite3.Connection) -> None:
    """Rows go by a prune only: the leave to delete ends with its transaction."""
    await store.add_rows([call(1), call(200_000)])
    assert (await store.prune(Prune(before=100_000.0, repeats_before=0.0, ledger=True)))["ledger"] == 1
    assert connection.execute("SELECT COUNT(*) FROM ledger_prune").fetchone() == (0,)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM ledger")
