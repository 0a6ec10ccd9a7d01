"""Tasks in SQL: from the submitting row to the settled one, and the lists that callers see."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from proxy.model import LedgerRow, Snapshot, TaskRecord
from proxy.store import TaskFilter
from proxy.store.rows import TASK_COLUMNS, TASK_FACTS, Value, micros, task_facts, task_of, task_values, to_json
from proxy.store.sqlite import deliveries, ledger
from proxy.store.sqlite.sql import Where, insert, select, update

_ADD = insert("tasks", TASK_COLUMNS + TASK_FACTS)
_BY_KEY = select(TASK_COLUMNS, "tasks", "WHERE key = ?")
_OPEN = "settled = 0 AND state <> 'deleted'"
_VISIBLE = "state = 'accepted'"
_LOOK = ("snapshot", *TASK_FACTS)
_TAKEN = (
    "SELECT 1 FROM tasks WHERE key <> ? AND id = ? AND (upstream = ? OR (caller = ? AND state = 'accepted')) LIMIT 1"
)
_ACCEPT = update(
    "tasks",
    (
        "state = 'accepted'",
        "error_code = NULL",
        # Whoever was told that the outcome is not known has no task yet.
        "delivered = CASE state WHEN 'ambiguous' THEN 0 ELSE delivered END",
        "id",
        "seen_at",
        "next_poll",
        *_LOOK,
    ),
    "WHERE key = ? AND settled = 0 AND state IN ('submitting', 'ambiguous')",
)
_SAVE = update("tasks", ("seen_at", "next_poll", *_LOOK), "WHERE key = ? AND settled = 0 AND state = 'accepted'")
_SETTLE = update(
    "tasks",
    ("settled = 1", "next_poll = NULL", "seen_at", "ended_at", "assumed", "cost_micros", "currency", *_LOOK),
    "WHERE key = ? AND settled = 0",
)
_ADJUST = update(
    "tasks", ("assumed = 0", "cost_micros", "currency", *_LOOK), "WHERE key = ? AND settled = 1 AND assumed = 1"
)
_CORRECT = update("tasks", ("cost_micros", "currency", *_LOOK), "WHERE key = ?")
_UNANSWERED = select(
    TASK_COLUMNS, "tasks", "WHERE settled = 0 AND state IN ('submitting', 'ambiguous') ORDER BY created_at, key"
)
_ASSUMED = select(
    TASK_COLUMNS,
    "tasks",
    "WHERE settled = 1 AND assumed = 1 AND state = 'accepted' AND created_at >= ? ORDER BY created_at",
)
_FOLLOWED = "SELECT key, upstream, id FROM tasks INDEXED BY tasks_followed WHERE settled = 0 AND state = 'accepted'"
_IDS_AT_ONCE = 500


def _one(connection: sqlite3.Connection, statement: str, *values: Value) -> TaskRecord | None:
    found = connection.execute(statement, values).fetchall()
    return task_of(found[0]) if found else None


def _look(record: TaskRecord, snapshot: Snapshot) -> tuple[Value, ...]:
    """The values of `_LOOK`."""
    return to_json(snapshot), *task_facts(record.request, snapshot)


def add(connection: sqlite3.Connection, record: TaskRecord) -> None:
    """A new row."""
    connection.execute(_ADD, task_values(record))


def accept(
    connection: sqlite3.Connection,
    key: str,
    task_id: str,
    snapshot: Snapshot,
    next_poll: float | None,
    seen_at: float | None,
) -> bool:
    """Give a row its upstream's id; False if the id is taken, or the row is gone or went another way."""
    record = by_key(connection, key)
    if record is None or connection.execute(_TAKEN, (key, task_id, record.upstream, record.caller)).fetchall():
        return False
    values = (task_id, seen_at, next_poll, *_look(record, snapshot), key)
    if connection.execute(_ACCEPT, values).rowcount == 0:
        return record.id == task_id
    deliveries.owe(connection, record, snapshot, record.created_at)
    return True


def mark_ambiguous(connection: sqlite3.Connection, key: str, error_code: str) -> None:
    """Only a submitting row can become ambiguous."""
    connection.execute(
        "UPDATE tasks SET state = 'ambiguous', error_code = ? WHERE key = ? AND state = 'submitting'", (error_code, key)
    )


def drop(connection: sqlite3.Connection, key: str) -> None:
    """Remove a row that never became a task; an accepted or settled one stays."""
    connection.execute(
        "DELETE FROM tasks WHERE key = ? AND settled = 0 AND state IN ('submitting', 'ambiguous')", (key,)
    )


def by_key(connection: sqlite3.Connection, key: str) -> TaskRecord | None:
    """By our own key, in any state."""
    return _one(connection, _BY_KEY, key)


def find(connection: sqlite3.Connection, task_id: str, caller: str | None) -> TaskRecord | None:
    """The visible task of that upstream id; the newest, should an administrator's look-up find several."""
    where = Where("id = ?", _VISIBLE)
    where.values.append(task_id)
    where.equal("caller", caller)
    return _one(
        connection, select(TASK_COLUMNS, "tasks", str(where), "ORDER BY created_at DESC LIMIT 1"), *where.values
    )


def save(connection: sqlite3.Connection, key: str, snapshot: Snapshot, seen_at: float, next_poll: float | None) -> bool:
    """A newer look at an open task; False if there is none."""
    record = by_key(connection, key)
    if record is None:
        return False
    if connection.execute(_SAVE, (seen_at, next_poll, *_look(record, snapshot), key)).rowcount == 0:
        return False
    deliveries.owe(connection, record, snapshot, seen_at)
    return True


def settle(connection: sqlite3.Connection, key: str, snapshot: Snapshot, seen_at: float, row: LedgerRow) -> bool:
    """The end and its ledger row; False if either was there before."""
    record = by_key(connection, key)
    if record is None or record.settled:
        return False
    price = (row.measured == "assumed", micros(row.cost), row.currency)
    if not connection.execute(_SETTLE, (seen_at, seen_at, *price, *_look(record, snapshot), key)).rowcount:
        return False
    deliveries.owe(connection, record, snapshot, seen_at)
    return ledger.add_settlement(connection, replace(row, kind="settlement", task_key=key))


def adjust(connection: sqlite3.Connection, key: str, snapshot: Snapshot, row: LedgerRow) -> bool:
    """Later truth about a task whose end was assumed: the task shows it, the ledger gets a row of its own; once."""
    record = by_key(connection, key)
    if record is None or not (record.settled and record.assumed):
        return False
    values = (micros(row.cost), row.currency, *_look(record, snapshot), key)
    if not connection.execute(_ADJUST, values).rowcount:
        return False
    deliveries.owe(connection, record, snapshot, row.time)
    ledger.add(connection, [replace(row, kind="adjustment", task_key=key)])
    return True


def delete(connection: sqlite3.Connection, key: str) -> None:
    """Hide the task for good."""
    connection.execute(
        "UPDATE tasks SET state = 'deleted', next_poll = NULL WHERE key = ? AND state = 'accepted'", (key,)
    )


def _filtered(wanted: TaskFilter) -> Where:
    where = Where(_VISIBLE)
    where.equal("caller", wanted.caller)
    where.one_of("status", wanted.statuses)
    where.one_of("id", wanted.ids)
    where.one_of("original_model", wanted.models)
    where.equal("service_tier", wanted.service_tier)
    return where


def page(connection: sqlite3.Connection, wanted: TaskFilter) -> list[TaskRecord]:
    """One page of a list; nothing behind an `after` that is not visible."""
    where = _filtered(wanted)
    if wanted.after is not None:
        edge = find(connection, wanted.after, wanted.caller)
        if edge is None:
            return []
        where.add(
            "(created_at, key) > (?, ?)" if wanted.ascending else "(created_at, key) < (?, ?)",
            edge.created_at,
            edge.key,
        )
    order = "ORDER BY created_at, key" if wanted.ascending else "ORDER BY created_at DESC, key DESC"
    statement = select(TASK_COLUMNS, "tasks", str(where), order, "LIMIT ? OFFSET ?")
    return [task_of(row) for row in connection.execute(statement, (*where.values, wanted.limit, wanted.offset))]


def count(connection: sqlite3.Connection, wanted: TaskFilter) -> int:
    """How many match, paging aside."""
    where = _filtered(wanted)
    number: int = connection.execute(select(["COUNT(*)"], "tasks", str(where)), where.values).fetchall()[0][0]
    return number


def unsettled(connection: sqlite3.Connection, upstream: str | None) -> list[TaskRecord]:
    """What the follower has to look after, oldest first."""
    where = Where(_OPEN)
    where.equal("upstream", upstream)
    statement = select(TASK_COLUMNS, "tasks", str(where), "ORDER BY created_at, key")
    return [task_of(row) for row in connection.execute(statement, where.values)]


def unanswered(connection: sqlite3.Connection) -> list[TaskRecord]:
    """Creates whose outcome is not known, oldest first."""
    return [task_of(row) for row in connection.execute(_UNANSWERED).fetchall()]


def assumed(connection: sqlite3.Connection, since: float) -> list[TaskRecord]:
    """Tasks whose end was assumed, oldest first."""
    return [task_of(row) for row in connection.execute(_ASSUMED, (since,)).fetchall()]


def followed(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """(key, upstream, id) of every accepted task that is not settled."""
    return connection.execute(_FOLLOWED).fetchall()


def open_upstreams(connection: sqlite3.Connection) -> set[str]:
    """The upstreams that have something open."""
    return {row[0] for row in connection.execute(select(["DISTINCT upstream"], "tasks", f"WHERE {_OPEN}")).fetchall()}


def by_ids(connection: sqlite3.Connection, upstream: str, ids: Sequence[str]) -> list[TaskRecord]:
    """The upstream's tasks of these ids, in any state."""
    found: list[TaskRecord] = []
    for start in range(0, len(ids), _IDS_AT_ONCE):
        part = ids[start : start + _IDS_AT_ONCE]
        where = Where()
        where.equal("upstream", upstream)
        where.one_of("id", part)
        rows = connection.execute(select(TASK_COLUMNS, "tasks", str(where)), where.values)
        found += [task_of(row) for row in rows.fetchall()]
    return found


def correct(connection: sqlite3.Connection, key: str, before: Snapshot, snapshot: Snapshot, row: LedgerRow) -> bool:
    """Other facts about a task whose end was seen: the ledger gets the difference; False if somebody corrected it meanwhile."""
    record = by_key(connection, key)
    if record is None or not record.settled or record.assumed or record.snapshot is None:
        return False
    if (record.snapshot.status, record.snapshot.usage) != (before.status, before.usage):
        return False
    cost = micros(record.cost) if row.cost is None else (micros(record.cost) or 0) + (micros(row.cost) or 0)
    connection.execute(_CORRECT, (cost, row.currency or record.currency, *_look(record, snapshot), key))
    deliveries.owe(connection, record, snapshot, row.time)
    ledger.add(connection, [replace(row, kind="adjustment", task_key=key)])
    return True
