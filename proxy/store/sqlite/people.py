"""Callers, keys and settings in SQL. Every change raises the version that other processes watch (contract.md §3)."""

import sqlite3

from proxy.model import Caller, Key
from proxy.store.rows import CALLER_COLUMNS, KEY_COLUMNS, caller_of, caller_values, key_of, key_values
from proxy.store.sqlite.sql import Where, insert, select, update

_ADD_CALLER = insert("callers", CALLER_COLUMNS, "ON CONFLICT DO NOTHING")
_ADD_KEY = insert("keys", KEY_COLUMNS, "ON CONFLICT DO NOTHING")
_CALLERS = select(CALLER_COLUMNS, "callers", "ORDER BY name")
_CALLER = select(CALLER_COLUMNS, "callers", "WHERE name = ?")
_KEY = select(KEY_COLUMNS, "keys", "WHERE hash = ?")
_NAMESAKE = """SELECT 1 FROM keys
    WHERE caller = ? AND name = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1"""
# Two processes may change one key at once; whatever the later one read before, it does not bring a revoked key back to life.
_SET_KEY = update(
    "keys",
    ["revoked_at = COALESCE(revoked_at, ?)" if name == "revoked_at" else name for name in KEY_COLUMNS],
    "WHERE hash = ?",
)


def _changed(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'version'")


def version(connection: sqlite3.Connection) -> int:
    """The counter of all changes made here."""
    value: int = connection.execute("SELECT value FROM counters WHERE name = 'version'").fetchall()[0][0]
    return value


def touch(connection: sqlite3.Connection) -> None:
    """A write that changes nothing anyone reads, to learn whether writing works."""
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'health'")


def setting(connection: sqlite3.Connection, name: str) -> str | None:
    """The value of that setting, if there is one."""
    found = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchall()
    return str(found[0][0]) if found else None


def first_setting(connection: sqlite3.Connection, name: str, default: str) -> str:
    """The value of that setting, which is `default` from now on if there was none."""
    if connection.execute("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO NOTHING", (name, default)).rowcount:
        _changed(connection)
        return default
    return setting(connection, name) or ""


def set_setting(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Store or replace the setting."""
    connection.execute(
        "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )
    _changed(connection)


def add_caller(connection: sqlite3.Connection, caller: Caller) -> bool:
    """False if the name exists."""
    added = connection.execute(_ADD_CALLER, caller_values(caller)).rowcount == 1
    if added:
        _changed(connection)
    return added


def set_caller(connection: sqlite3.Connection, caller: Caller) -> None:
    """Replace the caller of that name."""
    name, created_at, suspended = caller_values(caller)
    connection.execute("UPDATE callers SET created_at = ?, suspended = ? WHERE name = ?", (created_at, suspended, name))
    _changed(connection)


def caller(connection: sqlite3.Connection, name: str) -> Caller | None:
    """The caller of that name."""
    found = connection.execute(_CALLER, (name,)).fetchall()
    return caller_of(found[0]) if found else None


def callers(connection: sqlite3.Connection) -> list[Caller]:
    """All, by name."""
    return [caller_of(row) for row in connection.execute(_CALLERS)]


def add_key(connection: sqlite3.Connection, key: Key) -> bool:
    """False if the caller has a key of that name which is neither revoked nor expired when this one is made, or the hash exists."""
    if connection.execute(_NAMESAKE, (key.caller, key.name, key.created_at)).fetchall():
        return False
    return _insert_key(connection, key)


def set_key(connection: sqlite3.Connection, key: Key) -> bool:
    """Replace the key of that hash; False if there is none."""
    replaced = connection.execute(_SET_KEY, (*key_values(key), key.hash)).rowcount == 1
    if replaced:
        _changed(connection)
    return replaced


def rotate_key(connection: sqlite3.Connection, old: Key, new: Key) -> bool:
    """Replace `old` and add `new` beside it; False (nothing changed) if `old` is revoked or unknown, or the new hash exists."""
    stored = key_by_hash(connection, old.hash)
    if stored is None or stored.revoked_at is not None or not _insert_key(connection, new):
        return False
    return set_key(connection, old)


def key_by_hash(connection: sqlite3.Connection, digest: bytes) -> Key | None:
    """The key with this SHA-256."""
    found = connection.execute(_KEY, (digest,)).fetchall()
    return key_of(found[0]) if found else None


def keys(connection: sqlite3.Connection, caller: str | None) -> list[Key]:
    """All keys, revoked ones included, oldest first."""
    where = Where()
    where.equal("caller", caller)
    rows = connection.execute(select(KEY_COLUMNS, "keys", str(where), "ORDER BY created_at, rowid"), where.values)
    return [key_of(row) for row in rows]


def _insert_key(connection: sqlite3.Connection, key: Key) -> bool:
    added = connection.execute(_ADD_KEY, key_values(key)).rowcount == 1
    if added:
        _changed(connection)
    return added
