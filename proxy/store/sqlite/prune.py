"""Forgetting in SQL, a piece at a time, so that a running gateway's writes get in between."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

from proxy.store.days import day_start, local_day, zone
from proxy.store.prune import COUNTED, Prune, forgotten
from proxy.store.sqlite.ledger import zone_name

BATCH = 500
"""Tasks in one transaction."""


class Piece(NamedTuple):
    """What one piece of work did: what it counted, and where the next one starts (None: there is none)."""

    counts: Counter[str]
    next: int | None


Run = Callable[[Callable[[sqlite3.Connection], Piece]], Awaitable[Piece]]


class Work(Protocol):
    """One kind of forgetting; `after` is where the piece starts."""

    def __call__(self, connection: sqlite3.Connection, /, wanted: Prune, after: int) -> Piece:
        """Do one piece."""


def texts(connection: sqlite3.Connection, wanted: Prune, after: int) -> Piece:
    """Prompts and raw bodies of ended tasks behind this row number."""
    rows = connection.execute(
        "SELECT rowid, request, snapshot FROM tasks WHERE rowid > ? AND settled = 1 AND ended_at < ? ORDER BY rowid LIMIT ?",
        (after, wanted.before, BATCH),
    ).fetchall()
    counts: Counter[str] = Counter()
    for number, request, snapshot in rows:
        rest = forgotten(request, snapshot)
        counts.update(prompts=int(rest.prompts), bodies=int(rest.bodies))
        if not wanted.dry_run and (rest.prompts or rest.bodies):
            values = (rest.request, rest.snapshot, number)
            connection.execute("UPDATE tasks SET request = ?, snapshot = ? WHERE rowid = ?", values)
    return Piece(counts, rows[-1][0] if len(rows) == BATCH else None)


def repeats(connection: sqlite3.Connection, wanted: Prune, after: int) -> Piece:
    """What tells a repeated create, behind this row number: its Idempotency-Key and its body's fingerprint."""
    rows = connection.execute(
        "SELECT rowid FROM tasks WHERE rowid > ? AND created_at < ? AND (idempotency_key IS NOT NULL OR fingerprint IS NOT NULL) "
        "ORDER BY rowid LIMIT ?",
        (after, wanted.repeats_before, BATCH),
    ).fetchall()
    if not wanted.dry_run:
        connection.executemany("UPDATE tasks SET idempotency_key = NULL, fingerprint = NULL WHERE rowid = ?", rows)
    return Piece(Counter(idempotency=len(rows)), rows[-1][0] if len(rows) == BATCH else None)


def deliveries(connection: sqlite3.Connection, wanted: Prune, after: int) -> Piece:
    """Callbacks that are over."""
    return _piece("deliveries", _drop(connection, wanted, "deliveries", "created_at < ? AND state <> 'pending'"))


def commands(connection: sqlite3.Connection, wanted: Prune, after: int) -> Piece:
    """Commands that are done or that nobody waits for any more."""
    return _piece("commands", _drop(connection, wanted, "commands", "expires_at < ?"))


def ledger(connection: sqlite3.Connection, wanted: Prune, after: int) -> Piece:
    """The rows of the first local day of the ledger that is over at `before`, with its sums: reports stay whole at any moment."""
    if not wanted.ledger:
        return Piece(Counter(), None)
    place = zone(zone_name(connection))
    last = day_start(local_day(wanted.before, place), place)
    if wanted.dry_run:
        return _piece("ledger", _count(connection, "ledger", "time < ?", last))
    (oldest,) = connection.execute("SELECT MIN(time) FROM ledger").fetchall()[0]
    if oldest is None or oldest >= last:
        return Piece(Counter(), None)
    day = local_day(oldest, place)
    until = day_start(day + 1, place)
    connection.execute("INSERT INTO ledger_prune VALUES (?)", (until,))
    dropped = connection.execute("DELETE FROM ledger WHERE time < ?", (until,)).rowcount
    connection.execute("DELETE FROM ledger_prune")
    connection.execute("DELETE FROM ledger_days WHERE day <= ?", (day,))
    return Piece(Counter(ledger=dropped), day)


WORK: tuple[Work, ...] = (texts, repeats, deliveries, commands, ledger)


async def everything(run: Run, wanted: Prune) -> dict[str, int]:
    """All pieces of all kinds, one after the other, and what they counted; `run` does one on the database."""
    counts: Counter[str] = Counter()
    for work in WORK:
        place: int | None = 0
        while place is not None:
            begun = time.monotonic()
            piece = await run(partial(work, wanted=wanted, after=place))
            counts, place = counts + piece.counts, piece.next
            # SQLite hands its lock to whoever asks at the right moment: other processes need a gap as long as the piece.
            await asyncio.sleep(0 if wanted.dry_run else time.monotonic() - begun)
    return {name: counts[name] for name in COUNTED}


def _piece(name: str, count: int) -> Piece:
    return Piece(Counter({name: count}), None)


def _drop(connection: sqlite3.Connection, wanted: Prune, table: str, where: str) -> int:
    if wanted.dry_run:
        return _count(connection, table, where, wanted.before)
    statement = f"DELETE FROM {table} WHERE {where}"  # noqa: S608 - constants only
    return connection.execute(statement, (wanted.before,)).rowcount


def _count(connection: sqlite3.Connection, table: str, where: str, before: float) -> int:
    statement = f"SELECT COUNT(*) FROM {table} WHERE {where}"  # noqa: S608 - constants only
    count: int = connection.execute(statement, (before,)).fetchall()[0][0]
    return count
