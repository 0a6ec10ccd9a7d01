"""What tells a repeated create from a new one: idempotency keys, body fingerprints, and whether an answer was delivered."""

import sqlite3
from collections.abc import Sequence

from proxy.model import TaskRecord
from proxy.store.rows import TASK_COLUMNS, task_of
from proxy.store.sqlite.sql import select

_BY_IDEMPOTENCY_KEY = select(
    TASK_COLUMNS,
    "tasks",
    "WHERE caller = ? AND idempotency_key = ? AND operation = ? AND created_at >= ? ORDER BY created_at DESC LIMIT 1",
)
_ATTEMPTS = select(
    TASK_COLUMNS,
    "tasks",
    "WHERE caller = ? AND fingerprint = ? AND operation = ? AND created_at >= ? "
    "AND idempotency_key IS NULL AND matched = 0 AND (delivered = 0 OR state IN ('submitting', 'ambiguous')) ORDER BY created_at, key",
)


def by_idempotency_key(
    connection: sqlite3.Connection, caller: str, operation: str, key: str, since: float
) -> TaskRecord | None:
    """The newest create of that key since then."""
    found = connection.execute(_BY_IDEMPOTENCY_KEY, (caller, key, operation, since)).fetchall()
    return task_of(found[0]) if found else None


def attempts(
    connection: sqlite3.Connection, caller: str, operation: str, fingerprint: str, since: float
) -> list[TaskRecord]:
    """Creates of the same body without a key whose answer did not arrive or whose outcome is not known, and that no repeat is tied to."""
    return [task_of(row) for row in connection.execute(_ATTEMPTS, (caller, fingerprint, operation, since)).fetchall()]


def match(connection: sqlite3.Connection, key: str) -> bool:
    """Tie a repeat to this create; False if one was tied to it before."""
    return connection.execute("UPDATE tasks SET matched = 1 WHERE key = ? AND matched = 0", (key,)).rowcount == 1


def release(connection: sqlite3.Connection, key: str) -> None:
    """The repeat that was tied to this create did not get its answer, either."""
    connection.execute("UPDATE tasks SET matched = 0 WHERE key = ?", (key,))


def release_all(connection: sqlite3.Connection) -> None:
    """The repeats that were being answered died with their process."""
    connection.execute(
        "UPDATE tasks SET matched = 0 WHERE matched = 1 AND (delivered = 0 OR state IN ('submitting', 'ambiguous'))"
    )


def delivered(connection: sqlite3.Connection, key: str) -> None:
    """The create's answer reached its caller."""
    connection.execute("UPDATE tasks SET delivered = 1 WHERE key = ?", (key,))


def known_ids(connection: sqlite3.Connection, upstream: str, ids: Sequence[str]) -> set[str]:
    """Which of the upstream's ids some row of ours has, in any state."""
    known: set[str] = set()
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        found = connection.execute(
            f"SELECT id FROM tasks WHERE upstream = ? AND id IN ({marks})",  # noqa: S608 - question marks only
            (upstream, *part),
        )
        known.update(row[0] for row in found.fetchall())
    return known
