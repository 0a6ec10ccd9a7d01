"""What is known of the copies of results, the same for every database; no SQL is written here and nothing is read or sent."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

from proxy.store.rows import Value


class CopyState(StrEnum):
    """How far a copy has got; only `kept` ones are served."""

    WAITING = "waiting"
    COPYING = "copying"
    KEPT = "kept"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The copy of one task's result. Times are unix seconds.

    `location` is the archive's kind and the name there (`local:4f….mp4`), `frame` the same of the last frame; `sha256` is in hex.
    `attempts` counts the claims: it tells one claim from the next, so a late word of an earlier attempt has no effect. `next_try` is when
    to try (waiting) or when the attempt counts as dead (copying). `expires_at` None: kept for ever. `reason` says why there is no copy.
    """

    task_key: str
    state: CopyState
    location: str | None = None
    frame: str | None = None
    size: int | None = None
    sha256: str | None = None
    content_type: str | None = None
    attempts: int = 0
    next_try: float | None = None
    archived_at: float | None = None
    expires_at: float | None = None
    reason: str | None = None


COPY_COLUMNS = tuple(field.name for field in fields(Copy))
copy_values = attrgetter(*COPY_COLUMNS)


def copy_row(copy: Copy) -> tuple[Value, ...]:
    """In the order of `COPY_COLUMNS`."""
    values: tuple[Value, ...] = copy_values(copy)
    return values


def copy_of(row: Sequence[Any]) -> Copy:
    """From columns in the order of `COPY_COLUMNS`."""
    named = dict(zip(COPY_COLUMNS, row, strict=True))
    named["state"] = CopyState(named["state"])
    return Copy(**named)
