"""Never buys twice: idempotency keys, and SDKs that repeat a create by themselves (contract.md §7, "Idempotency-Key", "SDK repeats").

An attempt is tied to its task row, so what is known of it survives a restart. While an attempt is under way in this process, whoever repeats
it with its key waits for it; without a key a repeat belongs to it only if its own caller is gone.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

import orjson

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.services import Services
from proxy.gateway.waiting import first_of
from proxy.model import TaskRecord, TaskState
from proxy.translate.wire import Body, Upload

KEPT = 86400.0
"""Seconds for which an idempotency key is remembered."""

COUNTED = 3600.0
"""Seconds back in which a repeat that carries an SDK's count looks for its earlier attempt."""

UNCOUNTED = 120.0
"""The same for SDKs that send no count (the older Ark SDK)."""

LONGEST_KEY = 255

HANG_UP = 0.25
"""Seconds a repeat waits for the news that its earlier connection is closed; both arrive almost together."""

UNKNOWN = frozenset({TaskState.SUBMITTING, TaskState.AMBIGUOUS})
"""States in which nobody knows whether a video was bought."""

Purchase = Callable[[], Coroutine[object, object, TaskRecord]]

Scope = tuple[str, str, str]
"""Caller and operation, and the idempotency key or the body's fingerprint."""


def fingerprint(body: Body, source: str = "") -> str:
    """SHA-256, in hex, of the *decoded* body: the same fields in another order, spelling or form boundary are the same body.

    `source` is the id of the task that a path names (a remix).
    """
    return hashlib.sha256(
        source.encode()
        + b"\0"
        + orjson.dumps(body.fields, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS)
    ).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Upload):
        return {"upload": hashlib.sha256(value.data).hexdigest(), "type": value.content_type}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


@dataclass(slots=True)
class Attempt:
    """A create under way in this process, and who waits for its answer now: its own caller, or the repeat that took the place of a lost one."""

    key: str
    call: Call
    task: asyncio.Task[TaskRecord]


class Once:
    """Every create passes through `buy`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keyed: dict[Scope, tuple[str, asyncio.Task[TaskRecord]]] = {}
        self._attempts: dict[Scope, list[Attempt]] = {}
        self._arrived: set[str] = set()
        self._releases: set[asyncio.Task[None]] = set()

    async def buy(self, call: Call, record: TaskRecord, purchase: Purchase) -> TaskRecord:
        """The task that this request bought, or that an earlier one bought which it repeats."""
        if record.idempotency_key is not None:
            return await self._by_key(record, record.idempotency_key, purchase)
        count = call.headers.get("x-stainless-retry-count", "")
        if count != "0":
            earlier = await self._earlier(call, record, counted=count.isascii() and count.isdigit())
            if earlier is not None:
                return earlier
        return await self._attempt(call, record, purchase)

    # -- with a key

    async def _by_key(self, record: TaskRecord, key: str, purchase: Purchase) -> TaskRecord:
        scope = (record.caller, record.operation, key)
        flight = self._keyed.get(scope)
        if flight is None:
            task = self._services.supervisor.run(self._first_or_replay(record, key, purchase))
            flight = self._keyed[scope] = (record.fingerprint or "", task)
            task.add_done_callback(lambda _: self._keyed.pop(scope, None))
        if flight[0] != record.fingerprint:
            raise reused()
        return await asyncio.shield(flight[1])

    async def _first_or_replay(self, record: TaskRecord, key: str, purchase: Purchase) -> TaskRecord:
        since = self._services.now() - KEPT
        known = await self._services.store.task_by_idempotency_key(record.caller, record.operation, key, since)
        if known is None:
            return await purchase()
        if known.fingerprint != record.fingerprint:
            raise reused()
        return replayed(known)

    # -- without a key

    async def _attempt(self, call: Call, record: TaskRecord, purchase: Purchase) -> TaskRecord:
        attempt = Attempt(record.key, call, self._services.supervisor.run(purchase()))
        self._attempts.setdefault(_scope(record), []).append(attempt)
        return await self._outcome(call, attempt, _scope(record))

    async def _outcome(self, call: Call, attempt: Attempt, scope: Scope) -> TaskRecord:
        """What became of the attempt whose answer this call now waits for."""
        attempt.call = call
        call.on_over.append(lambda: self._forget(scope, attempt, call))
        try:
            bought = await asyncio.shield(attempt.task)
        except Refusal:
            if await self._services.store.task_by_key(attempt.key) is not None:
                call.on_delivered.append(lambda: self._note_arrival(attempt.key))
            raise
        call.on_delivered.append(lambda: self._note_arrival(attempt.key))
        return bought

    def _forget(self, scope: Scope, attempt: Attempt, call: Call) -> None:
        """The call is over. An attempt still under way stays until its outcome is in the store, where repeats find it."""
        if attempt.call is not call:  # a repeat waits for the answer now
            return
        if not attempt.task.done():
            attempt.task.add_done_callback(lambda _: self._forget(scope, attempt, call))
            return
        attempts = self._attempts.get(scope, [])
        if attempt in attempts:
            attempts.remove(attempt)
        if not attempts:
            self._attempts.pop(scope, None)

    def _note_arrival(self, key: str) -> None:
        """The caller has the answer, so no later request is a repeat of this one: from now on, not only from when the store knows it."""
        self._arrived.add(key)
        self._services.supervisor.run(self._keep_arrival(key))

    async def _keep_arrival(self, key: str) -> None:
        await self._services.store.set_delivered(key)
        self._arrived.discard(key)

    async def _earlier(self, call: Call, record: TaskRecord, *, counted: bool) -> TaskRecord | None:
        """The attempt that this request repeats, each matched once; None if it repeats none that may have bought something."""
        scope = _scope(record)
        waiting = [attempt.call.gone for attempt in self._attempts.get(scope, [])]
        if waiting and not any(gone.is_set() for gone in waiting):
            await first_of(*(gone.wait for gone in waiting), lambda: self._services.pause(HANG_UP))
        for attempt in self._attempts.get(scope, []):
            if not attempt.call.gone.is_set():
                continue
            try:
                return await self._outcome(call, attempt, scope)
            except Refusal:
                if await self._services.store.task_by_key(attempt.key) is not None:
                    raise
                return None  # it bought nothing: this request is made anew
        return await self._earlier_stored(call, record, counted=counted)

    async def _earlier_stored(self, call: Call, record: TaskRecord, *, counted: bool) -> TaskRecord | None:
        since = self._services.now() - (COUNTED if counted else UNCOUNTED)
        store = self._services.store
        if self._releases:
            await asyncio.wait(self._releases)
        for known in await store.attempts(record.caller, record.operation, record.fingerprint or "", since):
            arrived = known.delivered or known.key in self._arrived
            if self._is_under_way(known) or not _is_lost(known.state, arrived=arrived, counted=counted):
                continue
            if await store.match_task(known.key):
                self._tie(call, known.key)
                return replayed(known)
        return None

    def _is_under_way(self, record: TaskRecord) -> bool:
        return any(attempt.key == record.key for attempt in self._attempts.get(_scope(record), []))

    def _tie(self, call: Call, key: str) -> None:
        """The create belongs to this repeat, unless this answer is lost as well: then the next repeat may have it."""
        arrived = asyncio.Event()
        call.on_delivered.append(arrived.set)
        call.on_delivered.append(lambda: self._note_arrival(key))
        call.on_over.append(lambda: None if arrived.is_set() else self._release(key))

    def _release(self, key: str) -> None:
        release = self._services.supervisor.run(self._services.store.release_task(key))
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)


def _is_lost(state: TaskState, *, arrived: bool, counted: bool) -> bool:
    """Whether a repeat may belong to this create: its outcome is not known, or its answer has not arrived.

    A submitting row that is not under way here was left by a process that died. Without a count only the lost answer tells.
    """
    return (state in UNKNOWN and counted) or (state in {*UNKNOWN, TaskState.ACCEPTED} and not arrived)


def _scope(record: TaskRecord) -> Scope:
    return (record.caller, record.operation, record.fingerprint or "")


def key_of(call: Call) -> str | None:
    """The caller's Idempotency-Key; 400 if it is empty or too long."""
    key = call.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Refusal(
            Problem.INVALID_VALUE,
            f"An Idempotency-Key has 1 to {LONGEST_KEY} characters, not {len(key)}.",
            param="Idempotency-Key",
        )
    return key


def reused() -> Refusal:
    """The same key with another body."""
    return Refusal(
        Problem.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key was used within 24 hours for a request with another body. Use a new key for a new video.",
        param="Idempotency-Key",
    )


def replayed(known: TaskRecord) -> TaskRecord:
    """The task of an earlier attempt, or the same 502 while its outcome is not known."""
    if known.state in UNKNOWN:
        raise Refusal(
            Problem.UPSTREAM_AMBIGUOUS,
            f"An earlier attempt at this request was sent to the upstream {known.upstream} and its outcome is not known yet. "
            "Nothing was sent again.",
        )
    return known
