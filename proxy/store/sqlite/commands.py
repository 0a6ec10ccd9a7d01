"""Commands for a running gateway, and leases, in SQL."""

import sqlite3

import orjson

from proxy.model import JSON
from proxy.store.commands import Command, Lease
from proxy.store.rows import Row, to_json
from proxy.store.sqlite.sql import insert, select

_COLUMNS = ("key", "kind", "arguments", "created_at", "expires_at", "ended_at", "result")
_ADD = insert("commands", _COLUMNS)
_PENDING = select(
    _COLUMNS, "commands", "WHERE ended_at IS NULL AND kind = ? AND expires_at > ? ORDER BY created_at, rowid"
)
_ONE = select(_COLUMNS, "commands", "WHERE key = ?")


def add(connection: sqlite3.Connection, command: Command) -> None:
    """A command that waits to be done."""
    arguments, result = to_json(command.arguments), to_json(command.result)
    values = (command.key, command.kind, arguments, command.created_at, command.expires_at, command.ended_at, result)
    connection.execute(_ADD, values)


def pending(connection: sqlite3.Connection, kind: str, now: float) -> list[Command]:
    """What is to be done now, oldest first; what nobody waits for any more is left out."""
    return [_command(row) for row in connection.execute(_PENDING, (kind, now)).fetchall()]


def find(connection: sqlite3.Connection, key: str) -> Command | None:
    """The command, with its result if it is done."""
    found = connection.execute(_ONE, (key,)).fetchall()
    return _command(found[0]) if found else None


def finish(connection: sqlite3.Connection, key: str, result: JSON, ended_at: float) -> bool:
    """Its result, once; False if it has one."""
    statement = "UPDATE commands SET result = ?, ended_at = ? WHERE key = ? AND ended_at IS NULL"
    return connection.execute(statement, (to_json(result), ended_at, key)).rowcount == 1


def lease(connection: sqlite3.Connection, name: str) -> Lease | None:
    """Who has the lease of that name, over or not."""
    found = connection.execute("SELECT owner, until FROM leases WHERE name = ?", (name,)).fetchall()
    return Lease(*found[0]) if found else None


def set_lease(connection: sqlite3.Connection, name: str, before: Lease | None, after: Lease | None) -> bool:
    """Replace the lease if it is `before`; None is no lease."""
    if lease(connection, name) != before:
        return False
    connection.execute("DELETE FROM leases WHERE name = ?", (name,))
    if after is not None:
        connection.execute("INSERT INTO leases VALUES (?, ?, ?)", (name, after.owner, after.until))
    return True


def _command(row: Row) -> Command:
    key, kind, arguments, created_at, expires_at, ended_at, result = row
    return Command(
        key=key,
        kind=kind,
        arguments=orjson.loads(arguments),
        created_at=created_at,
        expires_at=expires_at,
        ended_at=ended_at,
        result=None if result is None else orjson.loads(result),
    )
