"""What is asked often is answered from an index, however many tasks there are."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.model import TaskStatus
from proxy.store import TaskFilter
from proxy.store.sqlite import tasks
from tests.store.made import QUEUED


def plans(connection: sqlite3.Connection, ask: Callable[[], object]) -> list[str]:
    """The query plans of the statements that asking runs."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    ask()
    connection.set_trace_callback(None)
    return [str(row[3]) for statement in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]


@pytest.mark.parametrize("caller", ["alice", None])
@pytest.mark.parametrize(
    "wanted",
    [
        TaskFilter(),
        TaskFilter(statuses=frozenset({TaskStatus.RUNNING}), service_tier="flex", models=frozenset({"m"})),
        TaskFilter(after="cgt-1"),
        TaskFilter(ids=("cgt-1", "cgt-2")),
    ],
)
def test_lists_and_counts_use_an_index(connection: sqlite3.Connection, caller: str | None, wanted: TaskFilter) -> None:
    """Neither a page nor a count reads all tasks, with or without a caller."""
    asked = replace(wanted, caller=caller)
    for ask in (lambda: tasks.page(connection, asked), lambda: tasks.count(connection, asked)):
        found = plans(connection, ask)
        assert found
        assert all("USING" in line and "INDEX" in line for line in found if line.startswith(("SCAN", "SEARCH"))), found


def test_one_task_is_searched_by_index(connection: sqlite3.Connection) -> None:
    """A task is found by its id, with or without a caller, and open tasks by theirs, without reading others."""
    for ask in (
        lambda: tasks.find(connection, "cgt-1", "alice"),
        lambda: tasks.find(connection, "cgt-1", None),
        lambda: tasks.by_key(connection, "k-1"),
        lambda: tasks.accept(connection, "k-1", "cgt-1", QUEUED, None, None),
    ):
        found = plans(connection, ask)
        assert found
        assert not [line for line in found if line.startswith("SCAN")], found
    assert any("tasks_open" in line for line in plans(connection, lambda: tasks.unsettled(connection, None)))
