"""Sends due deliveries: 5 s each, again with growing pauses for 24 hours, then a dead letter that stays visible.

One row per task: a newer state takes the place of an undelivered older one, so states arrive in order. At least once, with a stable id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2 as httpx

from proxy.callbacks.event import event_of, signed, wanted
from proxy.guard import Destination, ForbiddenAddressError, Guard
from proxy.model import TaskRecord
from proxy.policy import Policy
from proxy.store import Delivery, Store
from proxy.supervisor import Events, Supervisor
from proxy.translate.videos import TaskView

TIMEOUT = 5.0
PAUSES = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds between attempts; the last one repeats."""

LIFETIME = 86400.0
"""Seconds after which an undelivered event is a dead letter."""

AT_ONCE, AT_ONE_HOST = 64, 8
"""Deliveries under way at the same time, in all and to one host: a receiver that hangs holds up its own callbacks only."""

LOOK = 2000
"""Due deliveries that are looked at for those that have room."""


class Sender:
    """Works through the deliveries.

    `view` shows a task as its caller sees it, with links that start at `base()`; `secret` is a caller's signing key.
    """

    def __init__(  # noqa: PLR0913 - collaborators of a background worker, all named at the one place that builds it
        self,
        *,
        store: Store,
        guard: Guard,
        transport: httpx.AsyncBaseTransport,
        view: Callable[[TaskRecord, str], TaskView],
        base: Callable[[], str],
        secret: Callable[[str], bytes],
        supervisor: Supervisor,
        events: Events,
        now: Callable[[], float],
        policy: Policy,
    ) -> None:
        self._store = store
        self._guard = guard
        self._transport = transport
        self._view = view
        self._base = base
        self._secret = secret
        self._supervisor = supervisor
        self._events = events
        self._now = now
        self._policy = policy
        self._under_way: dict[str, str] = {}

    async def step(self) -> list[asyncio.Task[None]]:
        """Begin what is due and has room; never two deliveries of one task at once, so that its states arrive in order."""
        begun: list[asyncio.Task[None]] = []
        if len(self._under_way) >= AT_ONCE:
            return begun
        hosts = Counter(self._under_way.values())
        for delivery in await self._store.due_deliveries(self._now(), LOOK):
            host = urlsplit(delivery.url).netloc.lower()
            if delivery.task_key in self._under_way or hosts[host] >= AT_ONE_HOST:
                continue
            hosts[host] += 1
            self._under_way[delivery.task_key] = host
            begun.append(self._supervisor.run(self._deliver(delivery)))
            if len(self._under_way) >= AT_ONCE:
                break
        return begun

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            record = await self._store.task_by_key(delivery.task_key)
            if record is None:
                await self._store.end_delivery(delivery, "gone", None, None)
            elif record.snapshot is None or record.snapshot.status != delivery.status:
                return  # the state has changed since we looked: its own delivery is due already
            elif not wanted(record.dialect, record.snapshot.status):
                await self._store.end_delivery(delivery, "skipped", None, None)
            else:
                await self._attempt(delivery, record)
        finally:
            self._under_way.pop(delivery.task_key, None)

    async def _attempt(self, delivery: Delivery, record: TaskRecord) -> None:
        problem = await self._send(delivery, record)
        now = self._now()
        if problem is None:
            await self._store.end_delivery(delivery, "delivered", None, None)
        elif now - delivery.created_at >= LIFETIME:
            self._events.event("error", "a callback is given up", task=record.id, caller=record.caller, reason=problem)
            await self._store.end_delivery(delivery, "dead", problem, None)
        else:
            pause = PAUSES[min(delivery.attempts, len(PAUSES) - 1)]
            await self._store.end_delivery(delivery, "pending", problem, now + pause)

    async def _send(self, delivery: Delivery, record: TaskRecord) -> str | None:
        """None if the receiver confirmed with a 2xx, else what went wrong. Finding its address counts into its time."""
        event = event_of(delivery.event_id, int(delivery.created_at), self._view(record, self._base()))
        headers = signed(event, self._secret(record.caller), int(self._now()))
        try:
            async with asyncio.timeout(TIMEOUT):
                destination = await self._guard.admit(delivery.url, allow_private=self._policy.private_callbacks)
                return await self._post(destination, headers, event.body)
        except ForbiddenAddressError as forbidden:
            return str(forbidden)
        except TimeoutError:
            return f"no answer within {TIMEOUT:g} s"
        except (httpx.TransportError, httpx.InvalidURL, OSError) as broken:
            return f"the connection failed ({type(broken).__name__})"

    async def _post(self, destination: Destination, headers: dict[str, str], body: bytes) -> str | None:
        request = httpx.Request(
            "POST", destination.pinned_url, headers={**headers, "host": destination.authority}, content=body
        )
        request.extensions = {
            "sni_hostname": destination.host,
            "timeout": {"connect": TIMEOUT, "read": TIMEOUT, "write": TIMEOUT, "pool": TIMEOUT},
        }
        response = await self._transport.handle_async_request(request)
        await response.aclose()
        return None if 200 <= response.status_code < 300 else f"it answered {response.status_code}"
