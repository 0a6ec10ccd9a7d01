"""The questions about copies on SQLite: asked every second, they must be answered from an index."""

import sqlite3
from pathlib import Path

import pytest

from proxy.store.sqlite import archive
from proxy.store.sqlite.connection import connect
from proxy.store.sqlite.migrations import migrate


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (archive._DUE, "archive_due"),
        (archive._NEW, "tasks_results"),
        (archive._ENDED, "archive_ends"),
    ],
)
def test_a_question_of_every_second_reads_an_index(tmp_path: Path, statement: str, index: str) -> None:
    """Neither all tasks nor all copies are read, and nothing is sorted."""
    connection = connect(tmp_path / "plan.db", wait=1.0, cache_kib=64)
    migrate(connection)
    values = (1,) * statement.count("?")
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
    connection.close()
    assert f"USING INDEX {index}" in plan or f"USING COVERING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_a_copy_belongs_to_a_task(tmp_path: Path) -> None:
    """There is no row for a task that is not there."""
    connection = connect(tmp_path / "key.db", wait=1.0, cache_kib=64)
    migrate(connection)
    with pytest.raises(sqlite3.IntegrityError):
        archive.claim(connection, "k-none", 1.0, 2.0, early=False)
    connection.close()
