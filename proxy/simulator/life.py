"""The life of jobs, derived from the clock: queued, running, and one of four ends.

There are no timers for states. Whoever looks calls `advance`, which plays every event up to now in its order:
jobs start when they are ready and a slot of their pool is free, and end when they have run or expired.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.simulator.clock import Clock
from proxy.simulator.jobs import CANCELLED, EXPIRED, QUEUED, RUNNING, Job, JobStore

Entry = tuple[float, int, str]
Watcher = Callable[[Job], None]


@dataclass
class _Pool:
    """Jobs that share slots. Each heap entry is (when or rank, ticket, id) and holds as long as its job has that ticket."""

    name: str
    at: float = 0.0
    running: int = 0
    queued: int = 0
    arrivals: list[Entry] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    ends: list[Entry] = field(default_factory=list)
    expiries: list[Entry] = field(default_factory=list)


class Life:
    """Moves jobs through their states; `slots` tells how many jobs of a pool run at once."""

    def __init__(self, store: JobStore, clock: Clock, slots: Callable[[str], int]) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots
        self._pools: dict[str, _Pool] = {}
        self._tickets: dict[str, int] = {}
        self._last_ticket = 0
        self._watchers: list[Watcher] = []
        for job in store.jobs.values():
            self._enter(job)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher(job)` after each change of a job's status, its creation included."""
        self._watchers.append(watcher)

    def add(self, job: Job) -> None:
        """Put a new queued job into its pool's queue and keep it."""
        self.advance()
        job.updated = job.created
        self._enter(job)
        self._changed(job)

    def get(self, job_id: str) -> Job | None:
        """The job as it is now."""
        self.advance()
        return self._store.jobs.get(job_id)

    def all(self) -> list[Job]:
        """Every job as it is now, oldest first."""
        self.advance()
        return list(self._store.jobs.values())

    def queued(self, pool: str) -> int:
        """How many jobs of this pool wait now."""
        self.advance()
        return self._pool(pool).queued

    def save(self, job: Job) -> None:
        """Keep a change of the job's data that is no change of its status."""
        self._store.save(job)

    def cancel(self, job: Job) -> None:
        """End a job as cancelled now."""
        self.force(job, CANCELLED)

    def force(self, job: Job, status: str) -> None:
        """Give a job this status now, whatever it had; one forced to run ends after its usual time."""
        self.advance()
        now = self._clock.now()
        self._leave(job, now)
        job.status, job.updated = status, now
        if status == QUEUED:
            job.ready, job.started, job.ends = now, None, None
        elif status == RUNNING:
            job.started, job.ends = now, now + job.lasts
        self._enter(job)
        self._changed(job)

    def remove(self, job: Job) -> None:
        """Forget a job and free what it held."""
        self._leave(job, self._clock.now())
        self._store.remove(job.id)

    def next_event(self) -> float | None:
        """When the next change is due, in seconds since 1970; None when nothing is under way."""
        due = [event[0] for pool in self._pools.values() if (event := self._due(pool)) is not None]
        return min(due, default=None)

    def advance(self) -> None:
        """Play every event up to now."""
        now = self._clock.now()
        for pool in self._pools.values():
            while (due := self._due(pool)) is not None and due[0] <= now:
                pool.at = max(pool.at, due[0])
                self._play(pool, due[1])

    def _due(self, pool: _Pool) -> tuple[float, str] | None:
        """The pool's next event, its time and its name. A free slot and a waiting job meet at once, at `pool.at`."""
        events = []
        if self._top(pool.ends):
            events.append((pool.ends[0][0], "end"))
        if self._top(pool.expiries):
            events.append((pool.expiries[0][0], "expire"))
        if self._top(pool.arrivals):
            events.append((pool.arrivals[0][0], "arrive"))
        if pool.running < self._slots(pool.name) and self._top(pool.waiting):
            events.append((pool.at, "start"))
        return min(events, default=None)

    def _top(self, heap: list[Entry]) -> bool:
        """Whether the heap has an entry that still holds; stale ones above it are dropped."""
        while heap and self._tickets.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)
        return bool(heap)

    def _play(self, pool: _Pool, event: str) -> None:
        if event == "arrive":
            _, ticket, job_id = heapq.heappop(pool.arrivals)
            heapq.heappush(pool.waiting, (-self._store.jobs[job_id].priority, ticket, job_id))
        elif event == "start":
            job = self._store.jobs[heapq.heappop(pool.waiting)[2]]
            self._leave(job, pool.at)
            job.status, job.updated, job.started, job.ends = RUNNING, pool.at, pool.at, pool.at + job.lasts
            self._enter(job)
            self._changed(job)
        else:
            heap = pool.ends if event == "end" else pool.expiries
            job = self._store.jobs[heapq.heappop(heap)[2]]
            self._leave(job, pool.at)
            job.status, job.updated = job.outcome if event == "end" else EXPIRED, pool.at
            self._changed(job)

    def _enter(self, job: Job) -> None:
        """Take the job's place in its pool: a new ticket, its entries, its count."""
        if job.status not in {QUEUED, RUNNING}:
            return
        pool = self._pool(job.pool)
        self._last_ticket += 1
        ticket = self._tickets[job.id] = self._last_ticket
        heapq.heappush(pool.expiries, (job.expires, ticket, job.id))
        if job.status == QUEUED:
            pool.queued += 1
            heapq.heappush(pool.arrivals, (job.ready, ticket, job.id))
        else:
            pool.running += 1
            heapq.heappush(pool.ends, (job.ends or job.updated, ticket, job.id))

    def _leave(self, job: Job, at: float) -> None:
        """Give the job's place back, so that another may start at `at`; its entries in the heaps go stale."""
        if self._tickets.pop(job.id, None) is None:
            return
        pool = self._pool(job.pool)
        pool.at = max(pool.at, at)
        if job.status == QUEUED:
            pool.queued -= 1
        else:
            pool.running -= 1

    def _pool(self, name: str) -> _Pool:
        if name not in self._pools:
            self._pools[name] = _Pool(name)
        return self._pools[name]

    def _changed(self, job: Job) -> None:
        self._store.save(job)
        for watcher in self._watchers:
            watcher(job)
