"""Between frozen values and database columns, the same for every database; no SQL is written here and nothing is read or sent.

Money is kept as whole millionths of the currency's unit, so that sums made by the database are exact; JSON columns are text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import ROUND_HALF_EVEN, Context, Decimal
from operator import attrgetter
from typing import Any

import orjson

from proxy.errors import StoreError
from proxy.model import (
    JSON,
    Caller,
    Dialect,
    Key,
    LedgerRow,
    Snapshot,
    TaskError,
    TaskRecord,
    TaskState,
    TaskStatus,
    Usage,
)

Value = str | int | float | bytes | None
Row = Sequence[Any]  # what a database driver hands out; the readers below give it types

_TASK_FIELDS = tuple(field.name for field in fields(TaskRecord))
_LEDGER_FIELDS = tuple(field.name for field in fields(LedgerRow))
_LEDGER_COST = _LEDGER_FIELDS.index("cost")
_task_values = attrgetter(*_TASK_FIELDS)
_ledger_values = attrgetter(*_LEDGER_FIELDS)

CALLER_COLUMNS = ("name", "created_at", "suspended")
KEY_COLUMNS = ("hash", "prefix", "name", "caller", "admin", "created_at", "expires_at", "revoked_at", "limits")
TASK_COLUMNS = tuple("cost_micros" if name == "cost" else name for name in _TASK_FIELDS)
# Further columns of a task, derived from its request and snapshot so that lists can be filtered by the database.
TASK_FACTS = ("status", "service_tier")
LEDGER_COLUMNS = tuple("cost_micros" if name == "cost" else name for name in _LEDGER_FIELDS)

_MICRO = Decimal("0.000001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_LARGEST = 2**63 - 1
_DEFAULT_TIER = "default"  # ark-wire.md §3: an absent service_tier means this one


def micros(amount: Decimal | None) -> int | None:
    """The amount in whole millionths, rounded half-even; `StoreError` if it is not finite or needs more than 63 bits."""
    if amount is None:
        return None
    if not amount.is_finite() or amount.adjusted() > 13:
        raise StoreError(f"the amount {amount} cannot be kept: it must be a finite number below 9.2 trillion")
    whole = int(amount.quantize(_MICRO, context=_EXACT).scaleb(6, context=_EXACT))
    if abs(whole) > _LARGEST:
        raise StoreError(f"the amount {amount} cannot be kept: it must be a finite number below 9.2 trillion")
    return whole


def amount(whole: int | None) -> Decimal | None:
    """The decimal amount of so many millionths, with six decimals."""
    return None if whole is None else Decimal(whole).scaleb(-6, context=_EXACT)


def priced(row: LedgerRow) -> tuple[str, int]:
    """The currency and millionths that a report adds for this row; an empty currency and 0 where there is no price."""
    whole = micros(row.cost)
    return ("", 0) if whole is None or row.currency is None else (row.currency, whole)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def to_json(value: JSON | Snapshot | None) -> str | None:
    """JSON text; `StoreError` for what JSON cannot hold."""
    if value is None:
        return None
    try:
        return orjson.dumps(value, default=_plain).decode()
    except orjson.JSONEncodeError as error:
        raise StoreError(f"a value cannot be kept as JSON: {error}") from error


def caller_values(caller: Caller) -> tuple[Value, ...]:
    """In the order of `CALLER_COLUMNS`."""
    return caller.name, caller.created_at, caller.suspended


def caller_of(row: Row) -> Caller:
    """From columns in the order of `CALLER_COLUMNS`."""
    return Caller(name=row[0], created_at=row[1], suspended=bool(row[2]))


def key_values(key: Key) -> tuple[Value, ...]:
    """In the order of `KEY_COLUMNS`."""
    return (
        key.hash,
        key.prefix,
        key.name,
        key.caller,
        key.admin,
        key.created_at,
        key.expires_at,
        key.revoked_at,
        to_json(key.limits),
    )


def key_of(row: Row) -> Key:
    """From columns in the order of `KEY_COLUMNS`."""
    return Key(
        hash=bytes(row[0]),
        prefix=row[1],
        name=row[2],
        caller=row[3],
        admin=bool(row[4]),
        created_at=row[5],
        expires_at=row[6],
        revoked_at=row[7],
        limits=orjson.loads(row[8]),
    )


def task_facts(request: JSON, snapshot: Snapshot | None) -> tuple[Value, ...]:
    """In the order of `TASK_FACTS`: the snapshot's status, and the service tier as the upstream or else the request says it."""
    tier = (snapshot.facts.get("service_tier") if snapshot else None) or request.get("service_tier")
    return snapshot.status if snapshot else None, tier if isinstance(tier, str) else _DEFAULT_TIER


def task_values(record: TaskRecord) -> tuple[Value, ...]:
    """In the order of `TASK_COLUMNS` and then `TASK_FACTS`."""
    named = dict(zip(_TASK_FIELDS, _task_values(record), strict=True))
    named["request"] = to_json(record.request)
    named["snapshot"] = to_json(record.snapshot)
    named["cost"] = micros(record.cost)
    return *named.values(), *task_facts(record.request, record.snapshot)


def task_of(row: Row) -> TaskRecord:
    """From columns in the order of `TASK_COLUMNS`."""
    named = dict(zip(_TASK_FIELDS, row, strict=True))
    named["dialect"] = Dialect(named["dialect"])
    named["state"] = TaskState(named["state"])
    named["request"] = orjson.loads(named["request"])
    named["snapshot"] = None if named["snapshot"] is None else snapshot_of(named["snapshot"])
    named["settled"] = bool(named["settled"])
    for flag in ("assumed", "delivered", "matched"):
        named[flag] = bool(named[flag])
    named["cost"] = amount(named["cost"])
    return TaskRecord(**named)


def snapshot_of(text: str) -> Snapshot:
    """From the text that `to_json` made of a snapshot."""
    named = orjson.loads(text)
    named["status"] = TaskStatus(named["status"])
    named["error"] = None if named["error"] is None else TaskError(**named["error"])
    named["usage"] = None if named["usage"] is None else Usage(**named["usage"])
    return Snapshot(**named)


def ledger_values(row: LedgerRow) -> tuple[Value, ...]:
    """In the order of `LEDGER_COLUMNS`."""
    values: tuple[Any, ...] = _ledger_values(row)
    return *values[:_LEDGER_COST], micros(row.cost), *values[_LEDGER_COST + 1 :]


def ledger_of(row: Row) -> LedgerRow:
    """From columns in the order of `LEDGER_COLUMNS`."""
    named = dict(zip(_LEDGER_FIELDS, row, strict=True))
    named["cost"] = amount(named["cost"])
    named["stream"] = bool(named["stream"])
    named["has_video_input"] = None if named["has_video_input"] is None else bool(named["has_video_input"])
    return LedgerRow(**named)
