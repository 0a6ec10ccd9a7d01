"""Whose object an upstream's id is, at which upstream it lives, and what is known of it."""

import sqlite3
from dataclasses import astuple, fields

from proxy.store.objects import ObjectFilter, Owned
from proxy.store.sqlite.sql import insert, select, update

_COLUMNS = tuple(field.name for field in fields(Owned))
_ONE = "WHERE caller = ? AND kind = ? AND id = ?"
_ALL = "WHERE caller = ? AND kind = ?"
_ADD = insert(
    "objects",
    _COLUMNS,
    "ON CONFLICT (caller, kind, id) DO UPDATE SET upstream = excluded.upstream, facts = excluded.facts",
)
_SEE = update("objects", ("facts",), _ONE)
_DROP = "DELETE FROM objects WHERE caller = ? AND kind = ? AND id = ?"
_GET = select(_COLUMNS, "objects", _ONE)
_NEWEST = ("AND (created_at, id) < (?, ?)", "ORDER BY created_at DESC, id DESC LIMIT ?")
_OLDEST = ("AND (created_at, id) > (?, ?)", "ORDER BY created_at, id LIMIT ?")


def add(connection: sqlite3.Connection, owned: Owned) -> None:
    """A new object, or the same one seen again."""
    connection.execute(_ADD, astuple(owned))


def see(connection: sqlite3.Connection, caller: str, kind: str, object_id: str, facts: str) -> None:
    """Newer facts of an object that is still the caller's."""
    connection.execute(_SEE, (facts, caller, kind, object_id))


def one(connection: sqlite3.Connection, caller: str, kind: str, object_id: str) -> Owned | None:
    """The caller's object."""
    found = connection.execute(_GET, (caller, kind, object_id)).fetchall()
    return _owned(found[0]) if found else None


def drop(connection: sqlite3.Connection, caller: str, kind: str, object_id: str) -> None:
    """The object is gone."""
    connection.execute(_DROP, (caller, kind, object_id))


def some(connection: sqlite3.Connection, wanted: ObjectFilter) -> list[Owned]:
    """A page of the caller's objects of a kind."""
    behind, ordered = _OLDEST if wanted.ascending else _NEWEST
    statement = select(_COLUMNS, "objects", _ALL, behind if wanted.behind else "", ordered)
    values = (wanted.caller, wanted.kind, *(wanted.behind or ()), wanted.limit)
    return [_owned(row) for row in connection.execute(statement, values).fetchall()]


def _owned(row: tuple[object, ...]) -> Owned:
    return Owned(**dict(zip(_COLUMNS, row, strict=True)))  # type: ignore[arg-type]  # the columns are the fields, and have their types
