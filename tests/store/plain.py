"""Reports added up row by row in Python, to compare with, and a year of rows to add up."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from proxy.model import LedgerRow
from proxy.store import UsageFilter, UsageSum
from tests.store.made import call

GROUPS: dict[str, Callable[[LedgerRow, ZoneInfo], str]] = {
    "caller": lambda row, _: row.caller,
    "key": lambda row, _: row.key_prefix,
    "model": lambda row, _: row.original_model,
    "family": lambda row, _: row.family,
    "upstream": lambda row, _: row.upstream,
    "day": lambda row, place: datetime.fromtimestamp(row.time, place).date().isoformat(),
}


def plain(rows: list[LedgerRow], wanted: UsageFilter) -> list[UsageSum]:
    """The report as the words of the contract say it, row by row."""
    place = ZoneInfo(wanted.timezone)
    grouped: dict[tuple[str, ...], list[LedgerRow]] = defaultdict(list)
    for row in rows:
        inside = (wanted.since is None or row.time >= wanted.since) and (
            wanted.until is None or row.time < wanted.until
        )
        if inside and wanted.caller in (None, row.caller):
            currency = row.currency if row.cost is not None and row.currency else ""
            grouped[(*(GROUPS[name](row, place) for name in wanted.by), currency)].append(row)
    return [
        UsageSum(
            group=dict(zip(wanted.by, group, strict=False)),
            calls=sum(row.kind != "adjustment" for row in members),
            errors=sum(row.kind != "adjustment" and row.error_code is not None for row in members),
            input_tokens=sum(row.input_tokens or 0 for row in members),
            output_tokens=sum(row.output_tokens or 0 for row in members),
            total_tokens=sum(row.total_tokens or 0 for row in members),
            images=sum(row.images or 0 for row in members),
            currency=group[-1] or None,
            cost=sum((row.cost or Decimal(0) for row in members), Decimal(0)) if group[-1] else None,
        )
        for group, members in sorted(grouped.items())
    ]


def year_of_rows() -> list[LedgerRow]:
    """Rows every 13 hours and a bit for more than a year, so that every change of clocks lies between two of them."""
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    return [
        call(
            n,
            time=start + n * 47_777.25,
            kind=("call", "settlement", "adjustment")[n % 3],
            task_key=f"k-{n}",
            caller=("alice", "bob")[n % 2],
            key_prefix=f"sk-ab-{n % 3}",
            original_model=("a", "b", "c")[n % 5 % 3],
            family=("chat", "videos")[n % 7 % 2],
            upstream=("ark", "second")[n // 400],
            error_code=None if n % 4 else "timeout",
            images=n % 3 or None,
            input_tokens=None if n % 6 == 0 else n,
            cost=None if n % 11 == 0 else Decimal(n) / 1000,
            currency=("CNY", "USD", None)[n % 13 % 3],
        )
        for n in range(700)
    ]


SPRING = datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Paris")).timestamp()
AUTUMN = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Paris")).timestamp()
PERIODS = [
    (None, None),
    (SPRING, None),
    (None, AUTUMN),
    (SPRING, AUTUMN),
    (AUTUMN, AUTUMN + 90_000),
    (SPRING, SPRING + 9),
    (AUTUMN, SPRING),
]
GROUPINGS = (
    (),
    ("caller",),
    ("day",),
    ("model", "family"),
    ("day", "upstream", "key"),
    ("upstream", "caller", "day", "model"),
)


def wanted_reports(timezone: str) -> list[UsageFilter]:
    """Every grouping of every period, for all callers and for one."""
    return [
        UsageFilter(by=by, caller=caller, since=since, until=until, timezone=timezone)
        for by in GROUPINGS
        for since, until in PERIODS
        for caller in (None, "bob")
    ]
