"""Looks at open tasks when they are due: singly while they are few, by the upstream's list when they are many.

Ark's list takes 150 ids in an address, or gives the running tasks 500 a page; with a list a second (ark-wire.md §2.9) that follows thousands
of tasks of one account. An upstream in trouble is left alone for a growing while; its tasks stay open.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from proxy.errors import TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.book import Book, Sweep
from proxy.follower.schedule import SLOWEST, Followed, after_trouble, followed, next_look
from proxy.gateway.reader import NoQuotaError, Reader
from proxy.gateway.rows import is_over
from proxy.gateway.services import Services
from proxy.model import TaskRecord, TaskState
from proxy.translate.videos import Sighting

FEW = 8
"""Up to so many due tasks of an upstream are read singly, which leaves more than half of GET 20/s to callers' polls."""

BY_ID = 150
"""Ids that fit into one list address."""

MANY = 4 * BY_ID
"""From so many due tasks on the running tasks are swept, 500 a page, and only who vanished is looked up."""

PAGE = 500

Query = dict[str, str | tuple[str, ...]]


class Follower:
    """One loop per upstream. `jitter` gives numbers in [0, 1) and is injected; while `works` says no, another process follows."""

    def __init__(
        self, services: Services, reader: Reader, jitter: Callable[[], float], works: Callable[[], bool] = lambda: True
    ) -> None:
        self._services = services
        self._reader = reader
        self._jitter = jitter
        self._works = works
        self._book = Book()
        self._sweeps: dict[str, Sweep] = {}
        self._failures: dict[str, int] = {}
        self._away_until: dict[str, float] = {}
        self._loops: set[str] = set()

    async def start(self) -> None:
        """Take up every open task of the store, and forget what was known before."""
        self._book, self._sweeps = Book(), {}
        for record in await self._services.store.open_tasks():
            if record.state is TaskState.ACCEPTED:
                self.changed(record)

    async def catch_up(self) -> None:
        """Take up what other processes have accepted since."""
        for key, upstream, task_id in await self._services.store.followed():
            if self._book.find(upstream, task_id) is None:
                record = await self._services.store.task_by_key(key)
                if record is not None:
                    self.changed(record)

    def changed(self, record: TaskRecord) -> None:
        """A task was made or seen: follow it, or stop if it is over."""
        if not self._works():
            return
        entry = followed(record, self._services.now(), self._jitter())
        if record.settled and not record.assumed:
            self._book.drop(entry)
            return
        self._book.add(entry)
        self._ensure_loop(record.upstream)

    def open_count(self) -> int:
        """How many tasks are followed."""
        return self._book.count()

    def _ensure_loop(self, upstream: str) -> None:
        if upstream not in self._loops:
            self._loops.add(upstream)
            self._services.supervisor.loop(f"follow {upstream}", partial(self.round, upstream), 1.0)

    async def round(self, upstream: str) -> None:
        """Look at what is due at one upstream now."""
        now = self._services.now()
        if (
            not self._works()
            or now < self._away_until.get(upstream, 0.0)
            or self._services.router.upstream(upstream) is None
        ):
            return
        due = self._book.due(upstream, now)
        if not due:
            return
        try:
            await self._look_at(upstream, due)
        except (TransportError, UnreadableAnswer, UpstreamRefusal) as trouble:
            self._stay_away(upstream, now, trouble)
        else:
            self._failures.pop(upstream, None)

    def _stay_away(self, upstream: str, now: float, trouble: Exception) -> None:
        failures = self._failures[upstream] = self._failures.get(upstream, 0) + 1
        self._away_until[upstream] = now + after_trouble(failures)
        self._services.events.event(
            "warning", "an upstream's tasks cannot be followed", upstream=upstream, reason=str(trouble)
        )

    async def _look_at(self, upstream: str, due: Sequence[Followed]) -> None:
        outbound = self._reader.codec(upstream)
        if outbound.filters_list and len(due) > FEW:
            await self._look_by_list(upstream, due)
            return
        spare = self._services.quotas.free(upstream, "get") - FEW // 2
        singly = [self._look(entry) for entry in due[: max(FEW, spare)]]
        results = await asyncio.gather(*singly, return_exceptions=True)
        _raise_first(results)

    # -- singly

    async def _look(self, entry: Followed) -> None:
        record = await self._services.store.task_by_key(entry.key)
        if record is None or (record.settled and not record.assumed):
            self._book.drop(entry)
            return
        past = self._services.now() >= entry.deadline and not record.settled
        try:
            record = await self._reader.look(record)
        except NoQuotaError:
            return
        except UpstreamRefusal as refusal:
            if refusal.status != 404:
                raise
            await self._unknown_there(entry, record, past=past)
            return
        if past and not is_over(record.snapshot):
            record = await self._reader.assume_over(record)
        self._seen(entry, record)

    async def _unknown_there(self, entry: Followed, record: TaskRecord, *, past: bool) -> None:
        """The upstream does not know the task: it stays open until its time is over, then that is assumed to be its end."""
        if past:
            self._seen(entry, await self._reader.assume_over(record))
        else:
            entry.due = self._services.now() + SLOWEST

    def _seen(self, entry: Followed, record: TaskRecord) -> None:
        if record.settled:
            self._book.drop(entry)
            return
        entry.seen = True
        if record.snapshot is not None:
            entry.status = record.snapshot.status
        entry.due = next_look(entry, self._services.now(), self._jitter())

    # -- by list

    async def _look_by_list(self, upstream: str, due: Sequence[Followed]) -> None:
        late = [entry for entry in due if self._services.now() >= entry.deadline][:FEW]
        sweep = self._sweeps.setdefault(upstream, Sweep())
        if late:
            _raise_first(await asyncio.gather(*(self._look(entry) for entry in late), return_exceptions=True))
        if sweep.vanished:
            await self._look_up_vanished(upstream, sweep)
        elif len(due) > MANY:
            await self._sweep_page(upstream, sweep)
        else:
            await self._by_ids(upstream, due)

    async def _look_up_vanished(self, upstream: str, sweep: Sweep) -> None:
        """Few are read singly, beside the next page of the sweep; many are listed by their ids."""
        gone = [entry for entry in sweep.vanished if self._book.find(upstream, entry.id) is entry]
        if len(gone) > FEW:
            sweep.vanished = await self._by_ids(upstream, gone)
            return
        sweep.vanished = []
        _raise_first(await asyncio.gather(*(self._look(entry) for entry in gone), return_exceptions=True))
        await self._sweep_page(upstream, sweep)

    async def _sweep_page(self, upstream: str, sweep: Sweep) -> None:
        query: Query = {"page_num": str(sweep.page + 1), "page_size": str(PAGE), "filter.status": "running"}
        sightings = await self._list(upstream, query)
        if sightings is None:
            return
        await self._take(upstream, sightings)
        waiting = self._book.due(upstream, self._services.now())
        sweep.take((sighting.id for sighting in sightings), last=len(sightings) < PAGE, waiting=waiting)

    async def _by_ids(self, upstream: str, entries: Sequence[Followed]) -> list[Followed]:
        """List the first of `entries` by their ids; returns those that were not asked for yet."""
        tier = entries[0].tier
        asked = [entry for entry in entries if entry.tier == tier][:BY_ID]
        query: Query = {
            "page_num": "1",
            "page_size": str(PAGE),
            "filter.task_ids": tuple(entry.id for entry in asked),
            "filter.service_tier": tier,
        }
        sightings = await self._list(upstream, query)
        if sightings is None:
            return list(entries)
        await self._take(upstream, sightings)
        answered = {sighting.id for sighting in sightings}
        for entry in asked:
            if entry.id not in answered:
                entry.due = self._services.now() + SLOWEST
        chosen = {entry.id for entry in asked}
        return [entry for entry in entries if entry.id not in chosen]

    async def _list(self, upstream: str, query: Query) -> tuple[Sighting, ...] | None:
        """One page, or None if the account's list quota is used up for now."""
        if not await self._services.quotas.take(upstream, "list", patience=0.5):
            return None
        return await self._reader.list_page(upstream, query)

    async def _take(self, upstream: str, sightings: Sequence[Sighting]) -> None:
        """Write down what changed, all in one go so that the store commits it together."""
        writes = []
        for sighting in sightings:
            entry = self._book.find(upstream, sighting.id)
            if entry is None:
                continue
            if sighting.snapshot.status is entry.status and entry.seen:
                self._reader.note(entry.key)
                entry.due = next_look(entry, self._services.now(), self._jitter())
            else:
                writes.append(self._write(entry, sighting))
        await asyncio.gather(*writes)

    async def _write(self, entry: Followed, sighting: Sighting) -> None:
        record = await self._services.store.task_by_key(entry.key)
        if record is None:
            self._book.drop(entry)
            return
        self._seen(entry, await self._reader.write_down(record, sighting.snapshot))


def _raise_first(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result
