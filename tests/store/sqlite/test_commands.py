"""What only SQLite could get wrong: commands between processes, and that looking for them costs no search."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.store.commands import Command
from proxy.store.sqlite import SqliteStore, commands, tasks
from tests.store.made import QUEUED, task
from tests.support.processes import PATIENCE, checkout_environment

COMMAND = Command(key="c1", kind="refresh", arguments={"task": "k-1"}, created_at=1.0, expires_at=9e9)
OTHER = """
import asyncio, sys
from proxy.store.sqlite import SqliteStore
async def main() -> None:
    store = SqliteStore(sys.argv[1])
    await store.open()
    (found,) = await store.pending_commands("refresh", 2.0)
    await store.finish_command(found.key, {"task": found.arguments["task"]}, 3.0)
    await store.close()
asyncio.run(main())
"""


def other_process(path: Path) -> None:
    """Does the command that waits."""
    subprocess.run(
        [sys.executable, "-P", "-c", OTHER, str(path)], check=True, timeout=PATIENCE, env=checkout_environment()
    )


async def test_another_process_does_it(store: SqliteStore, path: Path) -> None:
    """A command that this process leaves in the file is done by another one, and its result is seen here."""
    await store.add_command(COMMAND)
    other_process(path)
    done = await store.command("c1")
    assert done is not None
    assert done.result == {"task": "k-1"}


async def test_keys_are_used_once(store: SqliteStore) -> None:
    """Two commands cannot have one key."""
    await store.add_command(COMMAND)
    with pytest.raises(StoreError):
        await store.add_command(COMMAND)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (commands._PENDING.replace("?", "1"), "commands_pending"),
        (tasks._FOLLOWED, "COVERING INDEX tasks_followed"),
        (tasks._UNANSWERED, "tasks_unanswered"),
    ],
)
def test_looks_are_cheap(connection: sqlite3.Connection, statement: str, index: str) -> None:
    """What is looked for every second is found by an index of what is open, however much is not."""
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan.replace("USE TEMP B-TREE FOR RIGHT PART OF ORDER BY", "")


async def test_what_is_open_by_state(store: SqliteStore) -> None:
    """`unanswered` are the creates without an answer, `followed` the accepted tasks, both not settled."""
    for number in range(4):
        await store.add_task(task(number, upstream="ark" if number else "other"))
    await store.accept_task("k-1", "cgt-1", QUEUED, None)
    await store.mark_ambiguous("k-2", "upstream_ambiguous")
    assert [record.key for record in await store.unanswered()] == ["k-0", "k-2", "k-3"]
    assert await store.followed() == [("k-1", "ark", "cgt-1")]
    assert await store.open_upstreams() == {"ark", "other"}
    assert [record.key for record in await store.tasks_by_ids("ark", ["cgt-1", "cgt-9"])] == ["k-1"]
    assert await store.tasks_by_ids("other", ["cgt-1"]) == []
    assert await store.tasks_by_ids("ark", []) == []
