"""Telling callers of each change of their tasks (ark-wire.md §3.4): POST to `callback_url`, body as GET has it.

Runs beside the server. One task's callbacks go out in their order; tasks do not wait for each other. `cancelled` is not
sent. The ends are tried again three times, when no 2xx came within 5 s; the pauses between are not documented.
"""

import asyncio
from collections import defaultdict, deque

import httpx2 as httpx

from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.results import Links
from proxy.simulator.ark.views import view
from proxy.simulator.core import Core
from proxy.simulator.jobs import CANCELLED, FAILED, SUCCEEDED, Job, Json

CONFIRM_WITHIN = 5.0
RETRIES = 3
_PAUSE = 1.0
# An injected clock may move without a word to us; so often do we look.
_LOOK_EVERY = 1.0

Body = dict[str, Json]


class Callbacks:
    """Collects the changes as they happen and sends them from its own loop."""

    def __init__(self, core: Core, links: Links) -> None:
        self._core = core
        self._links = links
        self._waiting: defaultdict[str, deque[tuple[str, Body]]] = defaultdict(deque)
        self._sending: set[str] = set()
        core.life.watch(self._note)
        core.loops.append(self.run)

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=CONFIRM_WITHIN, trust_env=False) as client, asyncio.TaskGroup() as group:
            while True:
                self._core.changed.clear()
                self._core.life.advance()
                for job_id in self._waiting.keys() - self._sending:
                    self._sending.add(job_id)
                    group.create_task(self._send_all(client, job_id))
                await self._next_change()

    async def _next_change(self) -> None:
        due = self._core.life.next_event()
        wait = _LOOK_EVERY if due is None else min(_LOOK_EVERY, max(0.01, due - self._core.clock.now()))
        try:
            await asyncio.wait_for(self._core.changed.wait(), wait)
        except TimeoutError:
            return

    def _note(self, job: Job) -> None:
        task = tasks.of(job)
        if task.callback_url is None or job.status == CANCELLED:
            return
        body = view(job, self._core.clock.now(), self._links, task.origin)
        self._waiting[job.id].append((task.callback_url, body))

    async def _send_all(self, client: httpx.AsyncClient, job_id: str) -> None:
        waiting = self._waiting[job_id]
        while waiting:
            url, body = waiting.popleft()
            await self._send(client, url, body)
        del self._waiting[job_id]
        self._sending.discard(job_id)

    async def _send(self, client: httpx.AsyncClient, url: str, body: Body) -> None:
        tries = 1 + RETRIES if body["status"] in {SUCCEEDED, FAILED} else 1
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(self._core.scaled(_PAUSE * 2 ** (attempt - 1)))
            if await _delivered(client, url, body):
                return


async def _delivered(client: httpx.AsyncClient, url: str, body: Body) -> bool:
    try:
        async with asyncio.timeout(CONFIRM_WITHIN):
            response = await client.post(url, json=body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return False
    return response.is_success
