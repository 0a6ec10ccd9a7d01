"""Whose object an upstream's id is, and at which upstream it lives."""

import sqlite3

_ADD = """INSERT INTO objects (caller, kind, id, upstream, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (caller, kind, id) DO UPDATE SET upstream = excluded.upstream"""


def add(connection: sqlite3.Connection, caller: str, upstream: str, kind: str, object_id: str, now: float) -> None:
    """A new object, or the same one seen again."""
    connection.execute(_ADD, (caller, kind, object_id, upstream, now))


def home(connection: sqlite3.Connection, caller: str, kind: str, object_id: str) -> str | None:
    """The upstream at which the caller's object lives."""
    found = connection.execute(
        "SELECT upstream FROM objects WHERE caller = ? AND kind = ? AND id = ?", (caller, kind, object_id)
    ).fetchall()
    return str(found[0][0]) if found else None


def drop(connection: sqlite3.Connection, caller: str, kind: str, object_id: str) -> None:
    """The object is gone."""
    connection.execute("DELETE FROM objects WHERE caller = ? AND kind = ? AND id = ?", (caller, kind, object_id))


def ids(connection: sqlite3.Connection, caller: str, kind: str) -> list[tuple[str, str]]:
    """(id, upstream) of all the caller's objects of a kind, newest first."""
    found = connection.execute(
        "SELECT id, upstream FROM objects WHERE caller = ? AND kind = ? ORDER BY created_at DESC, id", (caller, kind)
    )
    return [(str(row[0]), str(row[1])) for row in found.fetchall()]
