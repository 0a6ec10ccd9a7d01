"""The copies of results in SQL: what is to be copied, who copies it, what became of it."""

import sqlite3
from dataclasses import replace

from proxy.store.archive import COPY_COLUMNS, Copy, CopyState, copy_of, copy_row
from proxy.store.sqlite.sql import insert, select, update

_DUE = "SELECT task_key FROM archive WHERE next_try <= ? ORDER BY next_try LIMIT ?"
_NEW = """SELECT tasks.key FROM tasks LEFT JOIN archive ON archive.task_key = tasks.key
    WHERE tasks.settled = 1 AND tasks.status = 'succeeded' AND tasks.state = 'accepted' AND tasks.ended_at >= ?
    AND archive.task_key IS NULL ORDER BY tasks.ended_at LIMIT ?"""
_BEGIN = insert("archive", COPY_COLUMNS, "ON CONFLICT DO NOTHING")
_CLAIM = """UPDATE archive SET state = 'copying', attempts = attempts + 1, next_try = ?
    WHERE task_key = ? AND (next_try <= ? OR (state = 'waiting' AND ? = 1))"""
_END = update("archive", COPY_COLUMNS[1:], "WHERE task_key = ? AND state = 'copying' AND attempts = ?")
_ENDED = select(
    COPY_COLUMNS, "archive", "WHERE state = 'kept' AND expires_at <= ? AND location LIKE ? ORDER BY expires_at LIMIT ?"
)


def due(connection: sqlite3.Connection, now: float, since: float, limit: int) -> list[str]:
    """Keys of tasks whose result is to be copied now: another attempt first, then what has ended since and was never tried."""
    again = connection.execute(_DUE, (now, limit)).fetchall()
    new = connection.execute(_NEW, (since, limit - len(again))).fetchall()
    return [row[0] for row in (*again, *new)]


def find(connection: sqlite3.Connection, key: str) -> Copy | None:
    """The copy of one task, in whatever state."""
    found = connection.execute(select(COPY_COLUMNS, "archive", "WHERE task_key = ?"), (key,)).fetchall()
    return copy_of(found[0]) if found else None


def claim(connection: sqlite3.Connection, key: str, now: float, until: float, *, early: bool) -> Copy | None:
    """Make the next attempt ours; None if it is not due (unless `early`), somebody else's, or over."""
    connection.execute(_BEGIN, copy_row(Copy(task_key=key, state=CopyState.WAITING, next_try=now)))
    if connection.execute(_CLAIM, (until, key, now, int(early))).rowcount != 1:
        return None
    return find(connection, key)


def end(connection: sqlite3.Connection, copy: Copy) -> bool:
    """The outcome of a claimed attempt; False if it was claimed anew meanwhile."""
    return connection.execute(_END, (*copy_row(copy)[1:], copy.task_key, copy.attempts)).rowcount == 1


def release(connection: sqlite3.Connection, now: float) -> None:
    """Attempts that were under way when their process died are due again."""
    connection.execute("UPDATE archive SET state = 'waiting', next_try = ? WHERE state = 'copying'", (now,))


def expired(connection: sqlite3.Connection, kind: str, now: float, limit: int) -> list[Copy]:
    """Copies in an archive of this kind whose time is over, longest over first."""
    return [copy_of(row) for row in connection.execute(_ENDED, (now, f"{kind}:%", limit)).fetchall()]


def drop(connection: sqlite3.Connection, copy: Copy, reason: str) -> None:
    """The copy is gone; its row says so."""
    gone = replace(copy, state=CopyState.EXPIRED, location=None, frame=None, next_try=None, reason=reason)
    statement = update("archive", COPY_COLUMNS[1:], "WHERE task_key = ? AND state = 'kept'")
    connection.execute(statement, (*copy_row(gone)[1:], copy.task_key))
