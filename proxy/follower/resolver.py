"""Finds out what became of creates whose outcome is unknown: by the upstream's list where there is one, else by waiting for their end.

Attributed is only what is certain; what is not stays visible in `arkbridge reconcile`. Nothing here ever sends a create.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from proxy.errors import TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.matching import AFTER, BEFORE, candidates, certain
from proxy.follower.schedule import deadline
from proxy.gateway.reader import Reader
from proxy.gateway.services import Services
from proxy.model import Snapshot, TaskError, TaskRecord, TaskState, TaskStatus
from proxy.translate.videos import Sighting

PAGE = 500
PAGES = 20
"""How far back a list is walked: 10,000 tasks."""

WHOLE = 20
"""A list that is not walked page by page and has fewer tasks than this is taken for all there are: no page that is known is smaller."""

PROBES = (5.0, 20.0, 60.0, 300.0, AFTER + 60.0)
"""Seconds after a create at which the upstream is asked about it; after the last one, no trace means that nothing was made."""

AGAIN, TROUBLE = 3600.0, 60.0
"""Seconds until the next probe of what several tasks fit, or no list shows for certain; and after an upstream could not be asked."""

LATEST_CREATE = 660.0
"""Seconds after which a submitting row cannot belong to a create that is still under way (the longest wait for an answer is 600 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of a create now: the id that is certainly its task's, the ids that may be, or that nothing was made.

    `closed`: its time is over and nothing certain was found.
    """

    record: TaskRecord
    found: str | None = None
    possible: tuple[str, ...] = ()
    gone: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What an upstream lists; `whole_from`: every task that it has of that time or later (unix seconds) is in it."""

    sightings: Sequence[Sighting]
    whole_from: float


class Resolver:
    """Works through submitting and ambiguous rows. `started` is when this process began: older submitting rows were left by a dead one."""

    def __init__(self, services: Services, reader: Reader, started: float) -> None:
        self._services = services
        self._reader = reader
        self._started = started
        self._next_probe: dict[str, float] = {}
        self._told: set[str] = set()

    async def step(self) -> None:
        """One round over all rows that are due for a probe."""
        now = self._services.now()
        due: dict[str, list[TaskRecord]] = defaultdict(list)
        rows = await self._services.store.unanswered()
        self._forget({row.key for row in rows})
        for record in rows:
            if await self.is_left_over(record, now) and now >= self._next_probe.get(record.key, _first_probe(record)):
                due[record.upstream].append(record)
        for upstream, records in due.items():
            try:
                await self._resolve(upstream, records, now)
            except (TransportError, UpstreamRefusal, UnreadableAnswer) as trouble:
                self._next_probe |= {record.key: now + TROUBLE for record in records}
                self._services.events.event(
                    "warning", "creates cannot be resolved now", upstream=upstream, reason=str(trouble)
                )

    def _forget(self, present: set[str]) -> None:
        self._next_probe = {key: at for key, at in self._next_probe.items() if key in present}
        self._told &= present

    async def is_left_over(self, record: TaskRecord, now: float) -> bool:
        """Whether nobody waits for this create's answer any more."""
        if record.state is TaskState.AMBIGUOUS:
            return True
        if record.created_at >= self._started and now - record.created_at < LATEST_CREATE:
            return False
        await self._services.store.mark_ambiguous(record.key, "process_died")
        return True

    async def _resolve(self, upstream: str, due: Sequence[TaskRecord], now: float) -> None:
        """The rows are read after the list and the known ids last: what was sent or answered meanwhile is then no riddle."""
        if self._services.router.upstream(upstream) is None:
            return
        if not self._reader.codec(upstream).has_list:
            for record in due:
                await self.close_if_over(record, now)
            return
        since = min(record.created_at for record in due) - BEFORE
        listing = await self._listed(upstream, since, _tiers(due))
        if listing is None:
            return
        rows = [row for row in await self._services.store.unanswered() if row.upstream == upstream]
        known = await self._services.store.known_ids(upstream, [sighting.id for sighting in listing.sightings])
        unclaimed = [sighting for sighting in listing.sightings if sighting.id not in known]
        keys = {record.key for record in due}
        left = [row for row in rows if row.key in keys]
        await self.judge(left, rows, Listing(unclaimed, listing.whole_from), now)

    async def judge(
        self, records: Sequence[TaskRecord], rows: Sequence[TaskRecord], unclaimed: Listing, now: float
    ) -> list[Verdict]:
        """Attribute what is certain and leave the rest; `rows` are all of the upstream's unanswered creates, each a rival of the others."""
        certainly = {match.record.key: match.sighting for match in certain(rows, unclaimed.sightings)}
        verdicts = []
        for record in records:
            sighting = certainly.get(record.key)
            if sighting is not None:
                await self._attribute(record, sighting)
                verdicts.append(Verdict(record=record, found=sighting.id))
            else:
                verdicts.append(await self._not_found(record, unclaimed, now))
        return verdicts

    async def _listed(self, upstream: str, since: float, tiers: Sequence[str]) -> Listing | None:
        """The upstream's tasks made after `since`; None if its list quota is used up for now."""
        found: list[Sighting] = []
        whole_from = since
        for tier in tiers if self._reader.codec(upstream).filters_list else tiers[:1]:
            walked = await self._walked(upstream, since, tier)
            if walked is None:
                return None
            found += walked.sightings
            whole_from = max(whole_from, walked.whole_from)
        return Listing([sighting for sighting in found if _made(sighting) >= since], whole_from)

    async def _walked(self, upstream: str, since: float, tier: str) -> Listing | None:
        """One tier's pages, newest first as Ark has them, until one reaches behind `since`; in another order all pages are walked."""
        found: list[Sighting] = []
        pages = PAGES if self._reader.codec(upstream).filters_list else 1
        for number in range(1, pages + 1):
            if not await self._services.quotas.take(upstream, "list", patience=5.0):
                return None
            query = {"page_num": str(number), "page_size": str(PAGE), "filter.service_tier": tier}
            page = await self._reader.list_page(upstream, query)
            found += page
            if len(page) < (PAGE if pages > 1 else WHOLE):
                return Listing(found, since)
            times = [_made(sighting) for sighting in page]
            if times == sorted(times, reverse=True) and times[-1] < since:
                return Listing(found, since)
        times = [_made(sighting) for sighting in found]
        return Listing(found, times[-1] + 1 if times == sorted(times, reverse=True) else inf)

    async def _attribute(self, record: TaskRecord, sighting: Sighting) -> None:
        snapshot = self._reader.kept(sighting.snapshot)
        if not await self._services.store.accept_task(record.key, sighting.id, snapshot, None):
            return
        self._services.events.event(
            "info", "an unanswered create was found", upstream=record.upstream, task=sighting.id
        )
        accepted = await self._services.store.task_by_key(record.key)
        if accepted is not None:
            await self._reader.write_down(accepted, sighting.snapshot)

    async def _not_found(self, record: TaskRecord, unclaimed: Listing, now: float) -> Verdict:
        """Several fit: reported, never guessed. None fits after the last probe: nothing was made, so the row goes, if the list is whole."""
        possible = tuple(sighting.id for sighting in candidates(record, unclaimed.sightings))
        is_whole = record.created_at - BEFORE >= unclaimed.whole_from
        if not possible and is_whole and now >= record.created_at + PROBES[-1]:
            await self._services.store.drop_task(record.key)
            self._services.events.event(
                "info", "an unanswered create left no task", upstream=record.upstream, key=record.key
            )
            return Verdict(record=record, gone=True)
        if await self.close_if_over(record, now):
            return Verdict(record=record, possible=possible, closed=True)
        later = (record.created_at + probe for probe in PROBES if record.created_at + probe > now)
        self._next_probe[record.key] = next(later, now + AGAIN)
        if possible and record.key not in self._told:
            self._told.add(record.key)
            self._services.events.event(
                "warning",
                "an unanswered create fits several tasks; see arkbridge reconcile",
                upstream=record.upstream,
                key=record.key,
                tasks=list(possible),
            )
        return Verdict(record=record, possible=possible)

    async def close_if_over(self, record: TaskRecord, now: float) -> bool:
        """What nothing certain was found of is held until its time is over, then closed (True), cost absent, flagged."""
        if now < deadline(record):
            return False
        error = TaskError(
            "upstream_ambiguous", "the create was sent and never answered; whether it made a video is not known"
        )
        snapshot = Snapshot(status=TaskStatus.FAILED, status_word="unknown", error=error)
        await self._reader.write_down(record, snapshot, assumed=True)
        self._services.events.event(
            "error", "an unanswered create was closed", upstream=record.upstream, key=record.key
        )
        return True


def _first_probe(record: TaskRecord) -> float:
    return record.created_at + PROBES[0]


def _made(sighting: Sighting) -> float:
    """When it was made; what does not say is taken for new, so that it is looked at."""
    created = sighting.snapshot.created_at
    return inf if created is None else float(created)


def _tiers(records: Sequence[TaskRecord]) -> list[str]:
    return sorted({str(record.request.get("service_tier") or "default") for record in records})
