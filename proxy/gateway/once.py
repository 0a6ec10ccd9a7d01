"""Never buys twice: idempotency keys, and SDKs that repeat a create by themselves (contract.md §7, "Idempotency-Key", "SDK repeats").

An attempt is tied to its task row, so what is known of it survives a restart. While an attempt is under way in this process, whoever repeats
it with its key waits for it; without a key a repeat belongs to it only if its own caller is gone.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass

import orjson

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.services import Services
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

Purchase = Callable[[], Coroutine[object, object, TaskRecord]]


def fingerprint(body: Body, source: str = "") -> str:
    """SHA-256, in hex, of the *decoded* body: the same fields in another order, spelling or form boundary are the same body.

    `source` is the id of the task that a path names (a remix).
    """
    return hashlib.sha256(
        source.encode() + b"\0" + orjson.dumps(body.fields, default=_plain, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Upload):
        return {"upload": hashlib.sha256(value.data).hexdigest(), "type": value.content_type}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


@dataclass(slots=True)
class Attempt:
    """A create under way in this process, until its answer was written or its caller left."""

    call: Call
    task: asyncio.Task[TaskRecord]
    matched: bool = False


class Once:
    """Every create passes through `buy`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keyed: dict[tuple[str, str, str], tuple[str, asyncio.Task[TaskRecord]]] = {}
        self._attempts: dict[tuple[str, str, str], list[Attempt]] = {}

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
        scope = _scope(record)
        attempt = Attempt(call, self._services.supervisor.run(purchase()))
        self._attempts.setdefault(scope, []).append(attempt)
        call.on_over.append(lambda: self._forget(scope, attempt))
        return await asyncio.shield(attempt.task)

    def _forget(self, scope: tuple[str, str, str], attempt: Attempt) -> None:
        """The call is over. An attempt still under way stays until its outcome is in the store, where repeats find it."""
        if not attempt.task.done():
            attempt.task.add_done_callback(lambda _: self._forget(scope, attempt))
            return
        attempts = self._attempts.get(scope, [])
        if attempt in attempts:
            attempts.remove(attempt)
        if not attempts:
            self._attempts.pop(scope, None)

    async def _earlier(self, call: Call, record: TaskRecord, *, counted: bool) -> TaskRecord | None:
        """The attempt that this request repeats, each matched once; None if it repeats none that may have bought something."""
        under_way = self._attempts.get(_scope(record), [])
        if counted and under_way and not any(attempt.call.gone.is_set() for attempt in under_way):
            await _first_of([attempt.call.gone.wait for attempt in under_way], HANG_UP)
        for attempt in under_way:
            if attempt.call.gone.is_set() and not attempt.matched:
                attempt.matched = True
                found = await asyncio.shield(attempt.task)
                await self._services.store.match_task(found.key)
                return found
        return await self._earlier_stored(record, {attempt.call.request_id for attempt in under_way}, counted=counted)

    async def _earlier_stored(self, record: TaskRecord, live: set[str], *, counted: bool) -> TaskRecord | None:
        since = self._services.now() - (COUNTED if counted else UNCOUNTED)
        store = self._services.store
        for known in await store.attempts(record.caller, record.operation, record.fingerprint or "", since):
            if known.request_id in live or known.matched or known.delivered:
                continue
            may_have_bought = known.state is TaskState.ACCEPTED or (counted and known.state is TaskState.AMBIGUOUS)
            if may_have_bought and await store.match_task(known.key):
                return replayed(known)
        return None


def _scope(record: TaskRecord) -> tuple[str, str, str]:
    return (record.caller, record.operation, record.fingerprint or "")


async def _first_of(waits: list[Callable[[], Awaitable[object]]], seconds: float) -> None:
    tasks = [asyncio.ensure_future(wait()) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


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
    if known.state in {TaskState.SUBMITTING, TaskState.AMBIGUOUS}:
        raise Refusal(
            Problem.UPSTREAM_AMBIGUOUS,
            f"An earlier attempt at this request was sent to the upstream {known.upstream} and its outcome is not known yet. "
            "Nothing was sent again.",
        )
    return known
