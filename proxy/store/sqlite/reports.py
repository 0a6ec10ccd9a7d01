"""Usage reports in SQL: whole days come from the sums per day, the ragged ends of a period from the rows themselves.

A report by days of another timezone than the sums are kept by reads rows only: right, but slower.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from proxy.errors import StoreError
from proxy.store import UsageFilter, UsageSum
from proxy.store.days import day_name, day_start, local_day, offsets, zone
from proxy.store.rows import amount
from proxy.store.sqlite.ledger import DAY_KEYS, DAY_SUMS, ZONE_SETTING, zone_name
from proxy.store.sqlite.sql import Where, columns, select

_COLUMN_OF: Final = {
    "caller": "caller",
    "key": "key_prefix",
    "model": "original_model",
    "family": "family",
    "day": "day",
    "upstream": "upstream",
}
_PRICED = "cost_micros IS NOT NULL AND currency IS NOT NULL"
_CURRENCY = f"CASE WHEN {_PRICED} THEN currency ELSE '' END AS currency"
_CELL_SUMS = tuple(f"SUM({name})" for name in DAY_SUMS)
_ROW_SUMS = (
    "SUM(CASE WHEN kind = 'adjustment' THEN 0 ELSE 1 END)",
    "SUM(CASE WHEN kind = 'adjustment' OR error_code IS NULL THEN 0 ELSE 1 END)",
    *(f"COALESCE(SUM({name}), 0)" for name in ("input_tokens", "output_tokens", "total_tokens", "images")),
    f"COALESCE(SUM(CASE WHEN {_PRICED} THEN cost_micros END), 0)",
)
_Group = tuple[Any, ...]  # texts and day numbers, as `by` asks for them, then the currency


class _Report:
    """Sums under way: per group (currency last), the numbers in the order of `DAY_SUMS`."""

    def __init__(self, connection: sqlite3.Connection, wanted: UsageFilter) -> None:
        self._connection = connection
        self._wanted = wanted
        self._keys = tuple(_COLUMN_OF[name] for name in wanted.by)
        plain = (*self._keys, "currency")
        self._grouping = columns([str(plain.index(key) + 1) for key in DAY_KEYS if key in plain])
        self._sums: dict[_Group, Sequence[int]] = {}

    def add_days(self, first: int | None, until: int | None) -> None:
        """Add the cells of these days; None leaves that side open."""
        where = Where()
        where.equal("caller", self._wanted.caller)
        if first is not None:
            where.add("day >= ?", first)
        if until is not None:
            where.add("day < ?", until)
        self._add((*self._keys, "currency"), _CELL_SUMS, "ledger_days", where)

    def add_rows(self, since: float | None, until: float | None, place: tzinfo) -> None:
        """Add the ledger rows of this period."""
        if since is not None and until is not None and since >= until:
            return
        where = Where()
        where.equal("caller", self._wanted.caller)
        where.within(since, until)
        day = _day_column(self._connection, since, until, place) if "day" in self._keys else ""
        keys = tuple(day if key == "day" else key for key in self._keys)
        self._add((*keys, _CURRENCY), _ROW_SUMS, "ledger", where)

    def result(self) -> list[UsageSum]:
        """The groups in order."""
        named = {day: day_name(day) for day in self._days()}
        return [self._usage(group, self._sums[group], named) for group in sorted(self._sums)]

    def _add(self, keys: Sequence[str], sums: Sequence[str], table: str, where: Where) -> None:
        statement = select((*keys, *sums), table, str(where), "GROUP BY", self._grouping)
        for row in self._connection.execute(statement, where.values):
            group, numbers = row[: len(keys)], row[len(keys) :]
            known = self._sums.get(group)
            self._sums[group] = numbers if known is None else [a + b for a, b in zip(known, numbers, strict=True)]

    def _days(self) -> set[int]:
        if "day" not in self._keys:
            return set()
        position = self._keys.index("day")
        return {group[position] for group in self._sums}

    def _usage(self, group: _Group, sums: Sequence[int], named: Mapping[int, str]) -> UsageSum:
        *values, currency = group
        calls, errors, input_tokens, output_tokens, total_tokens, images, cost = sums
        return UsageSum(
            group={name: named.get(value, value) for name, value in zip(self._wanted.by, values, strict=True)},
            calls=calls,
            errors=errors,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            total_tokens=total_tokens,
            images=images,
            currency=currency or None,
            cost=amount(cost) if currency else None,
        )


def usage(connection: sqlite3.Connection, wanted: UsageFilter) -> list[UsageSum]:
    """Sums per group and currency; groups of which there is no row are absent."""
    unknown = [name for name in wanted.by if name not in _COLUMN_OF]
    if unknown:
        raise StoreError(f"a report cannot be grouped by {', '.join(unknown)}: use any of {', '.join(_COLUMN_OF)}")
    report = _Report(connection, wanted)
    kept_by = zone_name(connection)
    if "day" in wanted.by and wanted.timezone != kept_by:
        report.add_rows(wanted.since, wanted.until, zone(wanted.timezone))
    else:
        _add_days_and_ends(report, wanted, zone(kept_by))
    return report.result()


def _add_days_and_ends(report: _Report, wanted: UsageFilter, place: tzinfo) -> None:
    first = None if wanted.since is None else local_day(wanted.since, place)
    if first is not None and wanted.since != day_start(first, place):
        first += 1
    until = None if wanted.until is None else local_day(wanted.until, place)
    if first is not None and until is not None and first >= until:
        report.add_rows(wanted.since, wanted.until, place)
        return
    report.add_days(first, until)
    if first is not None:
        report.add_rows(wanted.since, day_start(first, place), place)
    if until is not None:
        report.add_rows(day_start(until, place), wanted.until, place)


def _day_column(connection: sqlite3.Connection, since: float | None, until: float | None, place: tzinfo) -> str:
    """An SQL expression for the local day of a row in this period; whole numbers only, a day ahead so that nothing is negative."""
    low, high = connection.execute("SELECT (SELECT MIN(time) FROM ledger), (SELECT MAX(time) FROM ledger)").fetchall()[
        0
    ]
    first = max((low or 0.0), since if since is not None else low or 0.0)
    last = min((high or 0.0), until if until is not None else high or 0.0)
    *earlier, (_, final) = offsets(place, first, last)
    cases = " ".join(f"WHEN time < {change} THEN {ahead + 86400}" for change, ahead in earlier)
    ahead = f"CASE {cases} ELSE {final + 86400} END" if cases else str(final + 86400)
    return f"(CAST(time AS INTEGER) + {ahead}) / 86400 - 1 AS day"


def keep_by(connection: sqlite3.Connection, name: str | None) -> None:
    """Keep the sums by days of this timezone (None: as before) from now on; if it was another, they are made anew from the rows."""
    before = zone_name(connection)
    place = zone(name or before)
    if name is None or name == before:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        day = _day_column(connection, None, None, place)
        keys = [{"day": day, "currency": _CURRENCY}.get(key, key) for key in DAY_KEYS]
        grouped = select((*keys, *_ROW_SUMS), "ledger", "GROUP BY 1, 2, 3, 4, 5, 6, 7")
        connection.execute("DELETE FROM ledger_days")
        connection.execute(" ".join(("INSERT INTO ledger_days (", columns(DAY_KEYS + DAY_SUMS), ")", grouped)))
        connection.execute("UPDATE settings SET value = ? WHERE name = ?", (name, ZONE_SETTING))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
