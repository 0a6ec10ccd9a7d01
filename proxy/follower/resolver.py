"""Finds out what became of creates whose outcome is unknown: by the upstream's list where there is one, else by waiting for their end.

Attributed is only what is certain; what is not stays visible in `arkbridge reconcile`. Nothing here ever sends a create.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.errors import TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.matching import AFTER, BEFORE, candidates, certain
from proxy.follower.schedule import deadline
from proxy.gateway.reader import Reader
from proxy.gateway.services import Services
from proxy.model import Snapshot, TaskError, TaskRecord, TaskState, TaskStatus
from proxy.translate.videos import Sighting

PAGE = 500
PAGES = 4
"""How far back a list is walked: 2,000 tasks."""

PROBES = (5.0, 20.0, 60.0, 300.0, AFTER + 60.0)
"""Seconds after a create at which the upstream is asked about it; after the last one, no trace means that nothing was made."""

LATEST_CREATE = 660.0
"""Seconds after which a submitting row cannot belong to a create that is still under way (the longest wait for an answer is 600 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of a create now: the id that is certainly its task's, the ids that may be, or that nothing was made."""

    record: TaskRecord
    found: str | None = None
    possible: tuple[str, ...] = ()
    gone: bool = False


class Resolver:
    """Works through submitting and ambiguous rows. `started` is when this process began: older submitting rows were left by a dead one."""

    def __init__(self, services: Services, reader: Reader, started: float) -> None:
        self._services = services
        self._reader = reader
        self._started = started
        self._probes: dict[str, int] = {}

    async def step(self) -> None:
        """One round over all rows that are due for a probe."""
        now = self._services.now()
        rows: dict[str, list[TaskRecord]] = defaultdict(list)
        due: dict[str, list[TaskRecord]] = defaultdict(list)
        for record in await self._services.store.unanswered():
            rows[record.upstream].append(record)
            if not await self.is_left_over(record, now):
                continue
            if now >= record.created_at + PROBES[min(self._probes.get(record.key, 0), len(PROBES) - 1)]:
                due[record.upstream].append(record)
        for upstream, records in due.items():
            try:
                await self._resolve(upstream, records, rows[upstream], now)
            except (TransportError, UpstreamRefusal, UnreadableAnswer) as trouble:
                self._services.events.event(
                    "warning", "creates cannot be resolved now", upstream=upstream, reason=str(trouble)
                )

    async def is_left_over(self, record: TaskRecord, now: float) -> bool:
        """Whether nobody waits for this create's answer any more."""
        if record.state is TaskState.AMBIGUOUS:
            return True
        if record.created_at >= self._started and now - record.created_at < LATEST_CREATE:
            return False
        await self._services.store.mark_ambiguous(record.key, "process_died")
        return True

    async def _resolve(
        self, upstream: str, records: Sequence[TaskRecord], rows: Sequence[TaskRecord], now: float
    ) -> None:
        if self._services.router.upstream(upstream) is None:
            return
        if not self._reader.codec(upstream).has_list:
            for record in records:
                await self.close_if_over(record, now)
            return
        oldest = min(record.created_at for record in records)
        unclaimed = await self.unclaimed(upstream, since=oldest - BEFORE, tiers=_tiers(records))
        if unclaimed is not None:
            await self.judge(records, rows, unclaimed, now)

    async def judge(
        self, records: Sequence[TaskRecord], rows: Sequence[TaskRecord], unclaimed: Sequence[Sighting], now: float
    ) -> list[Verdict]:
        """Attribute what is certain and leave the rest; `rows` are all of the upstream's unanswered creates, each a rival of the others."""
        certainly = {match.record.key: match.sighting for match in certain(rows, unclaimed)}
        verdicts = []
        for record in records:
            sighting = certainly.get(record.key)
            if sighting is not None:
                await self._attribute(record, sighting)
                verdicts.append(Verdict(record=record, found=sighting.id))
                continue
            possible = candidates(record, unclaimed)
            gone = await self._not_found(record, possible, now)
            verdicts.append(Verdict(record=record, possible=tuple(one.id for one in possible), gone=gone))
        return verdicts

    async def unclaimed(self, upstream: str, *, since: float, tiers: Sequence[str]) -> list[Sighting] | None:
        """The upstream's tasks made after `since` that no row of ours has; None if its list quota is used up for now."""
        found: list[Sighting] = []
        for tier in tiers:
            for page in range(1, PAGES + 1):
                if not await self._services.quotas.take(upstream, "list", patience=5.0):
                    return None
                query = {"page_num": str(page), "page_size": str(PAGE), "filter.service_tier": tier}
                sightings = await self._reader.list_page(upstream, query)
                found += [sighting for sighting in sightings if (sighting.snapshot.created_at or 0) >= since]
                if len(sightings) < PAGE or all((one.snapshot.created_at or 0) < since for one in sightings):
                    break
        known = await self._services.store.known_ids(upstream, [sighting.id for sighting in found])
        return [sighting for sighting in found if sighting.id not in known]

    async def _attribute(self, record: TaskRecord, sighting: Sighting) -> None:
        if not await self._services.store.accept_task(record.key, sighting.id, sighting.snapshot, None):
            return
        self._probes.pop(record.key, None)
        self._services.events.event(
            "info", "an unanswered create was found", upstream=record.upstream, task=sighting.id
        )
        accepted = await self._services.store.task_by_key(record.key)
        if accepted is not None:
            await self._reader.write_down(accepted, sighting.snapshot)

    async def _not_found(self, record: TaskRecord, possible: Sequence[Sighting], now: float) -> bool:
        """Several fit: reported, never guessed. None fits after the last probe: nothing was made, so the row goes (True)."""
        probe = self._probes.get(record.key, 0)
        if not possible and now >= record.created_at + PROBES[-1]:
            self._probes.pop(record.key, None)
            await self._services.store.drop_task(record.key)
            self._services.events.event(
                "info", "an unanswered create left no task", upstream=record.upstream, key=record.key
            )
            return True
        self._probes[record.key] = min(probe + 1, len(PROBES) - 1)
        if possible:
            ids = [sighting.id for sighting in possible]
            self._services.events.event(
                "warning", "an unanswered create fits several tasks; see arkbridge reconcile", key=record.key, tasks=ids
            )
        return False

    async def close_if_over(self, record: TaskRecord, now: float) -> bool:
        """Without a list there is nothing to look at: held until its time is over, then closed (True), cost absent, flagged."""
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


def _tiers(records: Sequence[TaskRecord]) -> list[str]:
    return sorted({str(record.request.get("service_tier") or "default") for record in records})
