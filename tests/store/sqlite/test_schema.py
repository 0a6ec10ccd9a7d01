"""The tables agree with what is put into them."""

import sqlite3

import pytest

from proxy.store.rows import CALLER_COLUMNS, KEY_COLUMNS, LEDGER_COLUMNS, TASK_COLUMNS, TASK_FACTS
from proxy.store.sqlite.ledger import DAY_KEYS, DAY_SUMS
from proxy.store.sqlite.schema import MIGRATIONS


@pytest.mark.parametrize(
    ("table", "columns", "own"),
    [
        ("callers", CALLER_COLUMNS, set()),
        ("keys", KEY_COLUMNS, set()),
        ("tasks", TASK_COLUMNS + TASK_FACTS, {"error_code"}),
        ("ledger", LEDGER_COLUMNS, {"number"}),
        ("ledger_days", DAY_KEYS + DAY_SUMS, set()),
    ],
)
def test_a_table_has_a_column_for_every_field(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], own: set[str]
) -> None:
    """Each value that is kept has its column, and no column is left without one."""
    there = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
    assert set(columns) | own == there


def test_migrations_are_named_in_order() -> None:
    """Names are unique and sort in the order in which they are applied."""
    names = [migration.name for migration in MIGRATIONS]
    assert names == sorted(set(names))
