"""Reports come from sums per day where they can, in any timezone, and stay right when the timezone changes."""

import sqlite3
from pathlib import Path

import pytest

from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.ledger import DAY_KEYS
from proxy.store.sqlite.sql import select
from tests.store.plain import plain, wanted_reports, year_of_rows


@pytest.mark.parametrize("timezone", ["Europe/Paris", "Asia/Kathmandu", "America/Santiago"])
async def test_reports_by_the_kept_days_are_right(path: Path, timezone: str) -> None:
    """Whole days from the sums and ragged ends from the rows add up to what the rows alone give, in any timezone that days are kept by."""
    rows = year_of_rows()
    store = SqliteStore(path, timezone=timezone)
    await store.open()
    await store.add_rows(rows)
    for wanted in wanted_reports(timezone):
        assert await store.usage(wanted) == plain(rows, wanted), wanted
    await store.close()


async def test_another_timezone_makes_the_sums_anew(path: Path, connection: sqlite3.Connection) -> None:
    """Opening with another timezone gives the same sums as if they had been kept by it from the beginning."""
    rows = year_of_rows()
    kept: list[list[object]] = []
    for timezone in ("America/Santiago", "Asia/Kathmandu", None, "America/Santiago"):
        store = SqliteStore(path, timezone=timezone)
        await store.open()
        if not kept:
            await store.add_rows(rows)
        await store.close()
        kept.append(connection.execute("SELECT * FROM ledger_days").fetchall())
    assert kept[0] == kept[3]
    assert kept[1] == kept[2]
    assert kept[0] != kept[1]


async def test_a_running_gateway_follows_a_change_of_timezone(path: Path) -> None:
    """Rows written by a process that was opened before the change fall on the days of the new timezone."""
    rows = year_of_rows()
    early = SqliteStore(path)
    await early.open()
    late = SqliteStore(path, timezone="America/Santiago")
    await late.open()
    await early.add_rows(rows)
    for wanted in wanted_reports("America/Santiago")[::5]:
        assert await late.usage(wanted) == plain(rows, wanted), wanted
    await early.close()
    await late.close()


def test_the_usual_reports_need_no_sorting(connection: sqlite3.Connection) -> None:
    """Grouping by the first columns of the sums' key reads them in order: a year of days is added up while it is read."""
    for length in (1, 2, 4):
        grouping = ", ".join(DAY_KEYS[:length])
        plan = connection.execute(
            "EXPLAIN QUERY PLAN " + select([grouping, "SUM(calls)"], "ledger_days", "GROUP BY", grouping)
        )
        assert not [detail for *_, detail in plan if "TEMP B-TREE" in detail]
