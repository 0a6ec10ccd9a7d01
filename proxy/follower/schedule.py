"""When a task is looked at next. Pure: the clock and the jitter are parameters."""

from dataclasses import dataclass

from proxy.model import TaskRecord, TaskStatus
from proxy.translate.videos.progress import expected_seconds

FIRST_LOOK = 10.0
"""Latest first look after the create, s: an end is to be seen within 15 s of happening (performance.md)."""

CLOSEST, USUAL, SLOWEST = 3.0, 10.0, 60.0
"""Seconds between looks: near the expected end, before it, and for tasks that have been running for hours."""

DEFAULT_LIFE = 172800
"""Seconds after which an upstream gives a task up if the create did not say (ark-wire.md §2.3)."""

AGAIN, KEPT = 3600.0, 7 * 86400.0
"""A task whose end was assumed: seconds between looks for later truth, and after which the upstream has forgotten it (ark-wire.md §3.1)."""

TROUBLE = (2.0, 60.0)
"""Seconds to stay away from an upstream in trouble: after the first failure, at the most."""


@dataclass(slots=True)
class Followed:
    """What the follower keeps of an open task in memory; times are unix seconds, `expected` is how long it should take in seconds.

    `made` is when it was made by the upstream's clock; `assumed` says that its end was assumed; `hidden` that the upstream's list does not show
    it; `failures` counts looks in a row that failed; `alerted` says that somebody was told that it cannot be asked for when its time is over.
    """

    key: str
    id: str
    upstream: str
    tier: str
    status: TaskStatus
    created_at: float
    expected: float
    deadline: float
    due: float
    seen: bool
    word: str = ""
    made: int | None = None
    assumed: bool = False
    hidden: bool = False
    failures: int = 0
    alerted: bool = False


def followed(record: TaskRecord, now: float, jitter: float) -> Followed:
    """The entry of an open task, due for its first look."""
    entry = Followed(
        key=record.key,
        id=record.id or "",
        upstream=record.upstream,
        tier=str(record.request.get("service_tier") or "default"),
        status=record.snapshot.status if record.snapshot else TaskStatus.QUEUED,
        created_at=record.created_at,
        expected=expected_seconds(record),
        deadline=deadline(record),
        due=now,
        seen=record.seen_at is not None,
        word=record.snapshot.status_word if record.snapshot else "",
        made=record.snapshot.created_at if record.snapshot and record.seen_at is not None else None,
        assumed=record.settled,
    )
    entry.due = next_look(entry, now, jitter)
    return entry


def next_look(entry: Followed, now: float, jitter: float) -> float:
    """Unix seconds of the next look; `jitter` in [0, 1) spreads looks over a fifth of the interval."""
    if entry.assumed:
        return now + AGAIN * (1 - 0.2 * jitter)
    age = max(0.0, now - entry.created_at)
    if not entry.seen:
        wait = min(FIRST_LOOK, 0.4 * entry.expected)
    elif age < 0.7 * entry.expected:
        wait = min(USUAL, 0.2 * entry.expected)
    elif age < 3 * entry.expected:
        wait = CLOSEST if entry.status is TaskStatus.RUNNING else USUAL
    else:
        wait = min(SLOWEST, max(USUAL, age / 100))
    return min(now + wait * (1 - 0.2 * jitter), max(now + 1.0, entry.deadline))


def deadline(record: TaskRecord) -> float:
    """Unix seconds after which the upstream itself has given the task up."""
    facts = record.snapshot.facts if record.snapshot else {}
    life = facts.get("execution_expires_after", record.request.get("execution_expires_after"))
    seconds = life if isinstance(life, int) and not isinstance(life, bool) and life > 0 else DEFAULT_LIFE
    return record.created_at + seconds


def after_trouble(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    first, most = TROUBLE
    return min(most, first * 2.0 ** min(max(0, failures - 1), 32))
