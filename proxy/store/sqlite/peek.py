"""A look into a database that changes nothing: no file is made, no migration is applied, no lock is taken."""

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.store.sqlite import tasks
from proxy.store.sqlite.connection import FAILURES, explain
from proxy.store.sqlite.migrations import missing

WAIT = 5.0


def open_upstreams(path: Path) -> set[str]:
    """The upstreams that have open tasks in that file, of whatever age it is; `StoreError` if it cannot be read, `SchemaTooNew`."""
    if not path.exists():
        return set()
    try:
        with closing(sqlite3.connect(_address(path), timeout=WAIT, uri=True)) as connection:
            missing(connection)
            has_tasks = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").fetchall()
            return tasks.open_upstreams(connection) if has_tasks else set()
    except FAILURES as error:
        raise explain(path, error) from error


def _address(path: Path) -> str:
    """Without a log beside it nobody uses the file; read as unchangeable it gets none. With one, the log must be read too."""
    logged = path.with_name(path.name + "-wal").exists()
    return f"{path.absolute().as_uri()}?mode=ro{'' if logged else '&immutable=1'}"
