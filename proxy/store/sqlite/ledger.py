"""The ledger in SQL: rows are appended, never changed, and each is added to the sums of its local day in the same transaction."""

import sqlite3
from collections.abc import Iterable
from datetime import tzinfo

from proxy.model import LedgerRow
from proxy.store.days import local_day, zone
from proxy.store.rows import LEDGER_COLUMNS, ledger_of, ledger_values, priced
from proxy.store.sqlite.sql import Where, insert, select

ADJUSTMENT = "adjustment"
ZONE_SETTING = "ledger.timezone"
# In the order of the primary key of `ledger_days`: grouping in this order needs no sorting.
DAY_KEYS = ("day", "caller", "original_model", "currency", "family", "upstream", "key_prefix")
DAY_SUMS = ("calls", "errors", "input_tokens", "output_tokens", "total_tokens", "images", "cost_micros")

_ADD = insert("ledger", LEDGER_COLUMNS)
_ADD_ONCE = insert("ledger", LEDGER_COLUMNS, "ON CONFLICT DO NOTHING")
_SUM = insert(
    "ledger_days",
    DAY_KEYS + DAY_SUMS,
    " ".join(
        (
            f"ON CONFLICT ({', '.join(DAY_KEYS)}) DO UPDATE SET",
            ", ".join(f"{name} = ledger_days.{name} + excluded.{name}" for name in DAY_SUMS),
        )
    ),
)


def zone_name(connection: sqlite3.Connection) -> str:
    """The timezone whose days the sums are kept by; another process may change it, so it is read in each transaction."""
    name: str = connection.execute("SELECT value FROM settings WHERE name = ?", (ZONE_SETTING,)).fetchall()[0][0]
    return name


def add(connection: sqlite3.Connection, rows: Iterable[LedgerRow]) -> None:
    """Append the rows."""
    place = zone(zone_name(connection))
    for row in rows:
        connection.execute(_ADD, ledger_values(row))
        _sum(connection, row, place)


def add_settlement(connection: sqlite3.Connection, row: LedgerRow) -> bool:
    """Append a task's settlement; False if it has one."""
    if connection.execute(_ADD_ONCE, ledger_values(row)).rowcount != 1:
        return False
    _sum(connection, row, zone(zone_name(connection)))
    return True


def rows(
    connection: sqlite3.Connection, caller: str | None, since: float | None, until: float | None, limit: int
) -> list[LedgerRow]:
    """Rows, newest first."""
    where = Where()
    where.equal("caller", caller)
    where.within(since, until)
    statement = select(LEDGER_COLUMNS, "ledger", str(where), "ORDER BY time DESC, number DESC LIMIT ?")
    return [ledger_of(row) for row in connection.execute(statement, (*where.values, limit))]


def _sum(connection: sqlite3.Connection, row: LedgerRow, place: tzinfo) -> None:
    currency, cost = priced(row)
    connection.execute(
        _SUM,
        (
            local_day(row.time, place),
            row.caller,
            row.original_model,
            currency,
            row.family,
            row.upstream,
            row.key_prefix,
            int(row.kind != ADJUSTMENT),
            int(row.kind != ADJUSTMENT and row.error_code is not None),
            row.input_tokens or 0,
            row.output_tokens or 0,
            row.total_tokens or 0,
            row.images or 0,
            cost,
        ),
    )
