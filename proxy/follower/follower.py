"""Looks at open tasks when they are due: singly while they are few, by the upstream's list when they are many.

An upstream in trouble is left alone for a growing while, a task in trouble by itself likewise; what cannot be asked for stays open.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from proxy.errors import TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.book import Book
from proxy.follower.lists import Lists
from proxy.follower.schedule import KEPT, Followed, after_trouble, followed, next_look
from proxy.gateway.reader import NoQuotaError, Reader
from proxy.gateway.rows import is_over
from proxy.gateway.services import Services
from proxy.model import TERMINAL, TaskRecord, TaskState
from proxy.translate.videos import Sighting
from proxy.translate.videos.facts import MISSING_VIDEO_URL

FEW = 8
"""Up to so many due tasks of an upstream are read singly, which leaves more than half of GET 20/s to callers' polls."""

TICK = 0.5
"""Seconds between two rounds at one upstream."""

TROUBLE = (TransportError, UnreadableAnswer, UpstreamRefusal)


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
        self._lists = Lists(services, reader, self._book, self._take)
        self._failures: dict[str, int] = {}
        self._away_until: dict[str, float] = {}
        self._loops: set[str] = set()

    async def start(self) -> None:
        """Take up every open task of the store, and those whose end was assumed lately; forget what was known before."""
        self._book = Book()
        self._lists = Lists(self._services, self._reader, self._book, self._take)
        open_tasks = await self._services.store.open_tasks()
        for record in (*open_tasks, *await self._services.store.assumed_tasks(self._services.now() - KEPT)):
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
        if not self._works() or record.id is None:  # a create that was closed unanswered has nothing to look at
            return
        now = self._services.now()
        entry = followed(record, now, self._jitter())
        if record.settled and not (record.assumed and now < record.created_at + KEPT):
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
            self._services.supervisor.loop(f"follow {upstream}", partial(self.round, upstream), TICK)

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
        if not due and not self._lists.vanished(upstream):
            return
        try:
            await self._look_at(upstream, due)
        except TROUBLE as trouble:
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
        if self._lists.serve(upstream) and (len(due) > FEW or self._lists.vanished(upstream)):
            await self._look_by_list(upstream, due)
            return
        spare = self._services.quotas.free(upstream, "get") - FEW // 2
        await self._look_singly(due[: max(FEW, spare)])

    async def _look_by_list(self, upstream: str, due: Sequence[Followed]) -> None:
        """One list, and beside it single reads of those whom it does not show and of the longest gone, as far as the account's reads go."""
        now = self._services.now()
        singly = [entry for entry in due if entry.hidden or now >= entry.deadline][:FEW]
        spare = self._services.quotas.free(upstream, "get") - FEW // 2 - len(singly)
        singly += self._lists.look_up(upstream, spare)
        alone, listed = await asyncio.gather(
            self._look_singly(singly), self._lists.step(upstream, due), return_exceptions=True
        )
        if isinstance(listed, BaseException):
            raise listed
        if isinstance(alone, BaseException) and not isinstance(
            alone, TROUBLE
        ):  # else they are put off, and the upstream answers
            raise alone

    # -- singly

    async def _look_singly(self, entries: Sequence[Followed]) -> None:
        """Read each by itself. Trouble with one puts off that one; only if all are in trouble, so is the upstream."""
        results = await asyncio.gather(*(self._look(entry) for entry in entries), return_exceptions=True)
        troubles = []
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, TROUBLE):
                self._put_off(entry, result)
                troubles.append(result)
            elif isinstance(result, BaseException):
                raise result
        if troubles and len(troubles) == len(entries):
            raise troubles[0]

    def _put_off(self, entry: Followed, trouble: Exception) -> None:
        now = self._services.now()
        if now >= entry.deadline and not entry.assumed and not entry.alerted:
            entry.alerted = True
            self._services.events.event(
                "error",
                "a task's time is over and it cannot be asked for; it stays open",
                task=entry.id,
                upstream=entry.upstream,
                reason=str(trouble),
            )
        entry.failures += 1
        entry.due = now + after_trouble(entry.failures)

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
        elif entry.assumed:
            self._seen(entry, record)
        else:
            now = self._services.now()
            entry.failures += 1
            entry.due = min(now + after_trouble(entry.failures), max(now + 1.0, entry.deadline))

    def _seen(self, entry: Followed, record: TaskRecord) -> None:
        """Note the look; what is new of the task has reached the book by `changed`."""
        now = self._services.now()
        if record.settled and not (record.assumed and now < record.created_at + KEPT):
            self._book.drop(entry)
            return
        current = self._book.find(entry.upstream, entry.id) or entry
        current.seen, current.hidden, current.failures = True, entry.hidden, 0
        if record.snapshot is not None:
            current.status, current.word = record.snapshot.status, record.snapshot.status_word
        current.due = next_look(current, now, self._jitter())

    # -- by list

    async def _take(self, upstream: str, sightings: Sequence[Sighting]) -> None:
        """Write down what changed, all in one go so that the store commits it together."""
        writes = []
        for sighting in sightings:
            entry = self._book.find(upstream, sighting.id)
            if entry is None:
                continue
            if _is_known(entry, sighting):
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


def _is_known(entry: Followed, sighting: Sighting) -> bool:
    """Whether a list says nothing new of a task."""
    now = sighting.snapshot
    if not entry.seen or now.status in TERMINAL or now.facts.get(MISSING_VIDEO_URL):
        return False
    return (now.status, now.status_word) == (entry.status, entry.word)
