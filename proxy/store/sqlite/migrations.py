"""Bring a database forward: each migration runs once, in order, and is recorded by name. It never goes back."""

import sqlite3
from collections.abc import Sequence

from proxy.errors import SchemaTooNew
from proxy.store.sqlite.schema import MIGRATIONS, Migration

_RECORDS = "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)"
_RECORD = "INSERT INTO migrations VALUES (?, CAST(strftime('%s', 'now') AS INTEGER))"


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply what is missing, all in one transaction; `SchemaTooNew` (nothing changed) if a migration is recorded that is not listed.

    Safe when several processes open the database at once: the second one waits, then finds everything done.
    """
    if not missing(connection, migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_RECORDS)
        for migration in missing(connection, migrations):
            _apply(connection, migration)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def missing(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """What is still to be applied, without applying it; `SchemaTooNew` as above."""
    exists = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchall()
    done = {name for (name,) in connection.execute("SELECT name FROM migrations").fetchall()} if exists else set()
    unknown = sorted(done - {migration.name for migration in migrations})
    if unknown:
        raise SchemaTooNew(
            f"the database was written by a newer arkbridge (it has {', '.join(unknown)}): "
            "install that version or a later one, or start with another database"
        )
    return [migration for migration in migrations if migration.name not in done]


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    for step in migration.steps:
        if isinstance(step, str):
            connection.execute(step)
        else:
            step(connection)
    connection.execute(_RECORD, (migration.name,))
