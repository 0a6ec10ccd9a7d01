"""Callbacks that are owed to callers: one row per task, written in the transaction that changes the task's state."""

import sqlite3

from proxy.model import Snapshot, TaskRecord
from proxy.store import Delivery

_COLUMNS = "task_key, event_id, url, status, created_at, attempts, state, reason"
_OWE = """INSERT INTO deliveries (task_key, event_id, url, status, created_at, attempts, state, next_try)
    VALUES (?, ?, ?, ?, ?, 0, 'pending', ?)
    ON CONFLICT (task_key) DO UPDATE SET event_id = excluded.event_id, status = excluded.status, created_at = excluded.created_at,
    attempts = 0, state = 'pending', reason = NULL, next_try = excluded.next_try"""
_DUE = f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'pending' AND next_try <= ? ORDER BY next_try LIMIT ?"  # noqa: S608 - constants only
_END = """UPDATE deliveries SET state = ?, reason = ?, next_try = ?, attempts = attempts + 1
    WHERE task_key = ? AND event_id = ?"""


def owe(connection: sqlite3.Connection, record: TaskRecord, snapshot: Snapshot, now: float) -> None:
    """Note that the caller is to be told of this state, if it asked to be told and has not been told of it."""
    url = record.request.get("callback_url")
    before = record.snapshot.status if record.snapshot else None
    if not isinstance(url, str) or not url or before == snapshot.status:
        return
    event_id = f"evt_{record.key}_{snapshot.status}"
    connection.execute(_OWE, (record.key, event_id, url, snapshot.status, now, now))


def due(connection: sqlite3.Connection, now: float, limit: int) -> list[Delivery]:
    """What is to be sent now, longest overdue first."""
    return [_delivery(row) for row in connection.execute(_DUE, (now, limit)).fetchall()]


def of_task(connection: sqlite3.Connection, key: str) -> Delivery | None:
    """The delivery of one task, in whatever state."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM deliveries WHERE task_key = ?", (key,)).fetchall()  # noqa: S608 - constants only
    return _delivery(found[0]) if found else None


def end(
    connection: sqlite3.Connection, delivery: Delivery, state: str, reason: str | None, next_try: float | None
) -> None:
    """The outcome of one attempt; nothing happens if a newer state has taken this one's place meanwhile."""
    connection.execute(_END, (state, reason, next_try, delivery.task_key, delivery.event_id))


def _delivery(row: sqlite3.Row | tuple[str, str, str, str, float, int, str, str | None]) -> Delivery:
    return Delivery(
        task_key=row[0],
        event_id=row[1],
        url=row[2],
        status=row[3],
        created_at=row[4],
        attempts=row[5],
        state=row[6],
        reason=row[7],
    )
