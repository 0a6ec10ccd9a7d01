"""What the gateway keeps, as one Protocol; a database is chosen only in `app`. Rows in, rows out: no policy lives here.

Every write is durable when its coroutine returns. Writes that wait at the same time share one commit; each is whole or not at all.
Cancelling a coroutine does not undo its write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from proxy.model import JSON, Caller, Key, LedgerRow, Snapshot, TaskRecord, TaskStatus
from proxy.store.archive import Copy
from proxy.store.commands import Command, Lease
from proxy.store.objects import ObjectFilter, Owned
from proxy.store.prune import Prune


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks a list wants. None means all; `caller` None is for administrators only.

    `models` are names as callers said them; a task without a service tier has the tier `default` (ark-wire.md §3). `after` is an
    upstream id to start behind: nothing comes behind one that this caller does not see.
    """

    caller: str | None = None
    statuses: frozenset[TaskStatus] | None = None
    ids: tuple[str, ...] | None = None
    models: frozenset[str] | None = None
    service_tier: str | None = None
    after: str | None = None
    ascending: bool = False
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """Which ledger rows a report sums, by what: `by` is any of caller, key (its prefix), model (as callers said it), family, day, upstream.

    Times are unix seconds, `since` ≤ time < `until`. Days are those of `timezone`.
    """

    by: tuple[str, ...] = ()
    caller: str | None = None
    since: float | None = None
    until: float | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """One group of a report; amounts of different currencies are never added, so there is one row per currency (None: no price).

    Adjustments add to tokens and cost but are neither calls nor errors. A day is written `2026-11-24`.
    """

    group: Mapping[str, str | None] = field(default_factory=dict)
    calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    images: int = 0
    currency: str | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A callback that is owed: of a task, in a state, to an address. `event_id` is the same at every attempt; times are unix seconds."""

    task_key: str
    event_id: str
    url: str
    status: str
    created_at: float
    attempts: int = 0
    state: str = "pending"
    reason: str | None = None


class Store(Protocol):
    """Everything durable. Raises `StoreError` when the database refuses or fails."""

    async def open(self) -> None:
        """Connect and migrate forward; `SchemaTooNew` on a newer database."""

    async def close(self) -> None:
        """Finish what waits and close."""

    async def healthy(self) -> bool:
        """Whether a write would succeed now."""

    async def version(self) -> int:
        """A number that grows with every change of callers, keys or settings by any process (contract.md §3)."""

    async def setting(self, name: str, default: str) -> str:
        """The stored setting; stores and returns `default` if there is none yet (first writer wins)."""

    async def set_setting(self, name: str, value: str) -> None:
        """Store or replace the setting."""

    async def add_caller(self, caller: Caller) -> bool:
        """False if the name exists."""

    async def caller(self, name: str) -> Caller | None:
        """The caller of that name."""

    async def callers(self) -> list[Caller]:
        """All, by name."""

    async def set_caller(self, caller: Caller) -> None:
        """Replace the caller of that name."""

    async def add_key(self, key: Key) -> bool:
        """False if the hash exists, or the caller has a key of that name that is neither revoked nor expired at the new one's `created_at`.

        `StoreError` if the caller does not exist.
        """

    async def keys(self, caller: str | None = None) -> list[Key]:
        """All keys, revoked ones included, oldest first."""

    async def key_by_hash(self, digest: bytes) -> Key | None:
        """The key with this SHA-256."""

    async def set_key(self, key: Key) -> None:
        """Replace the key of that hash; a revoked key stays revoked."""

    async def rotate_key(self, old: Key, new: Key) -> bool:
        """Replace `old` and add `new` under the same name, in one transaction. False (nothing changed) if `old` is revoked or unknown."""

    async def add_task(self, record: TaskRecord) -> None:
        """A new *submitting* row, durable before anything is sent."""

    async def accept_task(
        self, key: str, task_id: str, snapshot: Snapshot, next_poll: float | None, seen_at: float | None = None
    ) -> bool:
        """The upstream's id is known, and no caller has it yet. False (nothing changed) if (upstream, id) is taken by another row, or the caller sees another task of
        that id, or the row is gone or settled. Accepting the same id again is True and changes nothing.

        `seen_at`: when the upstream was asked, if the snapshot is what it said and not our guess.
        """

    async def mark_ambiguous(self, key: str, error_code: str) -> None:
        """The create's outcome is unknown: the row stays, invisible to callers, until resolved."""

    async def drop_task(self, key: str) -> None:
        """A refused create is no task: its submitting (or ambiguous, not settled) row goes; any other row stays."""

    async def task(self, task_id: str, caller: str | None) -> TaskRecord | None:
        """The accepted task of that upstream id; `caller` None is for administrators only."""

    async def task_by_key(self, key: str) -> TaskRecord | None:
        """By our own key, in any state."""

    async def save_snapshot(self, key: str, snapshot: Snapshot, seen_at: float, next_poll: float | None) -> bool:
        """A newer look at an open task. False (nothing changed) if the task is settled or deleted."""

    async def settle(self, key: str, snapshot: Snapshot, seen_at: float, row: LedgerRow) -> bool:
        """The task's end: compare-and-set from not settled, with its ledger row in the same transaction. False if it was settled before.

        `ended_at` becomes `seen_at`; cost, currency and `assumed` are the row's; the row is kept as the settlement of this task. In any state:
        an ambiguous task may be closed, and one that its caller deleted is still accounted.
        """

    async def delete_task(self, key: str) -> None:
        """Hide a task from callers for good; its ledger rows stay."""

    async def tasks(self, wanted: TaskFilter) -> list[TaskRecord]:
        """Newest first (by created_at, then key) unless ascending; accepted tasks only."""

    async def count_tasks(self, wanted: TaskFilter) -> int:
        """How many match, paging aside."""

    async def open_tasks(self, upstream: str | None = None) -> list[TaskRecord]:
        """What is not settled: accepted tasks, and submitting and ambiguous rows; oldest first."""

    async def unanswered(self) -> list[TaskRecord]:
        """Creates whose outcome is not known: submitting and ambiguous rows that are not settled, oldest first."""

    async def assumed_tasks(self, since: float) -> list[TaskRecord]:
        """Accepted tasks made at or after `since` whose end was assumed, oldest first."""

    async def followed(self) -> list[tuple[str, str, str]]:
        """(key, upstream, id) of every accepted task that is not settled; cheaper than `open_tasks`."""

    async def open_upstreams(self) -> set[str]:
        """The upstreams that have open tasks, in the sense of `open_tasks`."""

    async def tasks_by_ids(self, upstream: str, ids: Sequence[str]) -> list[TaskRecord]:
        """Our rows of these upstream ids, in any state."""

    async def adjust(self, key: str, snapshot: Snapshot, row: LedgerRow) -> bool:
        """Later truth about a task that was assumed to be over: new snapshot and an adjustment row, once. False if nothing was assumed."""

    async def correct(self, key: str, before: Snapshot, snapshot: Snapshot, row: LedgerRow) -> bool:
        """Other facts about a task whose end was seen: new snapshot, and an adjustment row with the difference, cost added to the task's.

        False (nothing changed) if the task's status and usage are not those of `before` any more, or its end was not seen.
        """

    async def task_by_idempotency_key(self, caller: str, operation: str, key: str, since: float) -> TaskRecord | None:
        """The caller's newest create with that Idempotency-Key, made at or after `since`, in any state."""

    async def attempts(self, caller: str, operation: str, fingerprint: str, since: float) -> list[TaskRecord]:
        """Creates of that body without an Idempotency-Key since then that no repeat is tied to, oldest first.

        Only those whose answer was not delivered, or whose outcome is not known.
        """

    async def match_task(self, key: str) -> bool:
        """Tie a repeat to this create; False if one is tied to it already."""

    async def release_task(self, key: str) -> None:
        """Untie the repeat from a create, because its own answer was not delivered."""

    async def release_tasks(self) -> None:
        """Untie all repeats that have no task yet: their process has died."""

    async def set_delivered(self, key: str) -> None:
        """The create's answer was written whole to its caller; that its outcome is not known is an answer, too."""

    async def known_ids(self, upstream: str, ids: Sequence[str]) -> set[str]:
        """Which of these upstream ids a row of ours has, in any state."""

    async def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        """Callbacks to be sent now, longest overdue first."""

    async def delivery(self, key: str) -> Delivery | None:
        """The callback of one task, in whatever state."""

    async def end_delivery(self, delivery: Delivery, state: str, reason: str | None, next_try: float | None) -> None:
        """The outcome of an attempt (`pending`, `delivered`, `dead`, `gone`, `skipped`); nothing if a newer state took its place meanwhile."""

    async def copies_due(self, now: float, since: float, limit: int) -> list[str]:
        """Keys of succeeded tasks whose result is to be copied now: attempts that are due, then tasks that ended since then and have none."""

    async def copy(self, key: str) -> Copy | None:
        """The copy of one task's result, in whatever state."""

    async def claim_copy(self, key: str, now: float, until: float, *, early: bool = False) -> Copy | None:
        """Make the next attempt ours until then; None if it is not due (unless `early`), somebody else's, or over."""

    async def end_copy(self, copy: Copy) -> bool:
        """The outcome of a claimed attempt; False (nothing changed) if it was claimed anew meanwhile."""

    async def release_copies(self, now: float) -> None:
        """Attempts that were under way when their process died are due again."""

    async def expired_copies(self, kind: str, now: float, limit: int) -> list[Copy]:
        """Copies kept in an archive of this kind whose time is over, longest over first."""

    async def drop_copy(self, copy: Copy, reason: str) -> None:
        """A kept copy was removed: its row stays and says why."""

    async def add_object(self, owned: Owned) -> None:
        """An upstream's object that now belongs to the caller; the same one again has its upstream and facts replaced."""

    async def object_of(self, caller: str, kind: str, object_id: str) -> Owned | None:
        """The caller's object; None if it is nobody's or somebody else's."""

    async def see_object(self, caller: str, kind: str, object_id: str, facts: str) -> None:
        """Newer facts of the caller's object; nothing if it is gone."""

    async def drop_object(self, caller: str, kind: str, object_id: str) -> None:
        """The object is gone."""

    async def objects(self, wanted: ObjectFilter) -> list[Owned]:
        """The caller's objects of a kind, by created_at, then id."""

    async def add_command(self, command: Command) -> None:
        """A command that waits for the holder of the follower's lease."""

    async def pending_commands(self, kind: str, now: float) -> list[Command]:
        """Commands of a kind that are to be done now, oldest first."""

    async def command(self, key: str) -> Command | None:
        """A command, with its result if it is done."""

    async def finish_command(self, key: str, result: JSON, ended_at: float) -> bool:
        """A command's result; False (nothing changed) if it has one."""

    async def lease(self, name: str) -> Lease | None:
        """The lease of that name as it was written last, over or not."""

    async def set_lease(self, name: str, before: Lease | None, after: Lease | None) -> bool:
        """Compare-and-set: `after` in the place of `before` (None: no lease); False (nothing changed) if it is another one."""

    async def prune(self, wanted: Prune) -> dict[str, int]:
        """Forget old things in small pieces; how many of each of `proxy.store.prune.COUNTED` there were."""

    async def add_rows(self, rows: Sequence[LedgerRow]) -> None:
        """Append to the ledger, all or none; `StoreError` for a second settlement of a task."""

    async def usage(self, wanted: UsageFilter) -> list[UsageSum]:
        """Sums per group and currency, ordered by group."""

    async def ledger(self, caller: str | None, since: float | None, until: float | None, limit: int) -> list[LedgerRow]:
        """Rows, newest first."""
