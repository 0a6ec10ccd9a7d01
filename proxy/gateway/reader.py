"""Looks at tasks upstream and writes down what it sees: one read in flight per task, one settlement per task, whoever looks."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from proxy.errors import ArkbridgeError, OutcomeUnknown, StoreError, TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.gateway.refusals import scrubbed
from proxy.gateway.rows import adjustment, correction, differs, is_over, settlement
from proxy.gateway.services import Services
from proxy.gateway.waiting import first_of
from proxy.model import Dialect, Snapshot, TaskError, TaskRecord, TaskState, TaskStatus, Upstream
from proxy.translate import errors
from proxy.translate.registry import FAMILIES
from proxy.translate.videos import Outbound, Sighting, status
from proxy.translate.videos.facts import MISSING_VIDEO_URL
from proxy.translate.videos.prompts import unprompted
from proxy.translate.wire import WireRequest, WireResponse

FRESH = 2.0
"""Seconds for which a snapshot answers polls without an upstream read."""

PATIENCE = 1.0
"""Seconds a poll waits for upstream quota before it gets the last snapshot (contract.md §6)."""

LINKLESS_READS = 5
"""Reads of a finished task without a result link before it counts as failed (openai-wire.md §2.10)."""

STRANGE_WORDS = 100
"""How many unknown status words are told in a process's life, each once: an upstream that makes up a new one each time must not fill the log."""

VIDEOS = next(family for family in FAMILIES if family.name == "videos")

Watcher = Callable[[TaskRecord], None]


class NoQuotaError(ArkbridgeError):
    """The account's reads for this second are used up; the last snapshot has to do."""


class Reader:
    """Refreshes tasks. Readers that come while a read is under way share its result.

    `watcher` is told of every task that was made or changed; `app` sets it once the follower exists.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._flights: dict[str, asyncio.Task[TaskRecord]] = {}
        self._looked: dict[str, float] = {}
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._strange: set[tuple[str, str]] = set()
        self.watcher: Watcher = _nobody

    async def fresh(self, record: TaskRecord) -> TaskRecord:
        """The task as it is: from our state if it is over or was seen just now, else read upstream.

        Trouble on the way leaves the last snapshot standing, for as long as a fresh one would: a poll is no reason to fail a task, and
        pollers are no reason to ask an upstream in trouble without a pause.
        """
        if is_over(record.snapshot) or record.id is None or record.state is TaskState.SUBMITTING:
            return record
        looked = max(self._looked.get(record.key, 0.0), record.seen_at or 0.0)
        if self._services.now() - looked < FRESH:
            return record
        try:
            return await self.look(record)
        except NoQuotaError:
            return record
        except (TransportError, UpstreamRefusal, UnreadableAnswer, StoreError) as trouble:
            told = self._services.now() - self._looked.get(record.key, 0.0) < FRESH
            self.note(record.key)
            if not told:  # by another poller who waited for the same read
                self._services.events.event(
                    "warning", "a task could not be read", task=record.id, upstream=record.upstream, reason=str(trouble)
                )
            return record

    async def wait(self, record: TaskRecord, seconds: float, gone: asyncio.Event) -> TaskRecord:
        """The task when it has ended, or as it is after `seconds` or when the caller is `gone`."""
        until = self._services.now() + seconds
        while True:
            record = await self.fresh(await self._services.store.task_by_key(record.key) or record)
            left = until - self._services.now()
            if is_over(record.snapshot) or left <= 0 or gone.is_set():
                return record
            await self._news(record.key, min(FRESH, left), gone)

    async def _news(self, key: str, seconds: float, gone: asyncio.Event) -> None:
        """Return when somebody has seen the task's end, the caller is gone, or the time is over."""
        ended = asyncio.Event()
        self._waiting[key].add(ended)
        try:
            await first_of(ended.wait, gone.wait, lambda: self._services.pause(seconds))
        finally:
            self._waiting[key].discard(ended)
            if not self._waiting[key]:
                del self._waiting[key]

    async def look(self, record: TaskRecord) -> TaskRecord:
        """Read the task upstream now, or join the read that is under way; raises what the read raises, and `NoQuotaError`."""
        flight = self._flights.get(record.key)
        if flight is None:
            flight = self._services.supervisor.run(self._read(record))
            self._flights[record.key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(record.key, None))
        return await asyncio.shield(flight)

    async def _read(self, record: TaskRecord) -> TaskRecord:
        upstream = self.upstream(record.upstream)
        outbound = VIDEOS.toward(upstream)
        if not await self._services.quotas.take(upstream.name, "get", PATIENCE):
            raise NoQuotaError(f"the reads of the upstream {upstream.name} are used up for now; try again")
        response = await self._ask(upstream, outbound.encode_read(record.id or ""))
        sighting = outbound.decode_task(response)
        if upstream.dialect is Dialect.ARK and sighting.id != record.id:
            raise UnreadableAnswer(f"the upstream answered with another task ({sighting.id}) than the one asked for")
        self._tell_strange_words(upstream.name, [sighting])
        return await self.write_down(record, sighting.snapshot)

    async def list_page(self, upstream_name: str, query: Mapping[str, str | tuple[str, ...]]) -> tuple[Sighting, ...]:
        """One page of the upstream's own list, by Ark's query names; the caller has taken the quota."""
        upstream = self.upstream(upstream_name)
        outbound = VIDEOS.toward(upstream)
        request = outbound.encode_list(query)
        if request is None:
            return ()
        sightings = outbound.decode_list(await self._ask(upstream, request))
        self._tell_strange_words(upstream_name, sightings)
        return sightings

    def _tell_strange_words(self, upstream: str, sightings: Sequence[Sighting]) -> None:
        """A status that we do not know counts as in progress; each is told once (openai-wire.md §2.10)."""
        for word in {one.snapshot.status_word for one in sightings}:
            told = (upstream, word)
            if status.known(word) or told in self._strange or len(self._strange) >= STRANGE_WORDS:
                continue
            self._strange.add(told)
            self._services.events.event(
                "warning",
                "an upstream's task has an unknown status; it counts as in progress",
                upstream=upstream,
                status=word[:100],
            )

    async def _ask(self, upstream: Upstream, request: WireRequest) -> WireResponse:
        response = scrubbed(upstream, await self._services.client.send(upstream, request, brief=True))
        if response.status >= 300:
            raise errors.decode(response)
        return response

    async def write_down(self, record: TaskRecord, snapshot: Snapshot, *, assumed: bool = False) -> TaskRecord:
        """Keep what was seen; the first sight of the end settles the task. Returns the task as it now stands."""
        services, now, snapshot = self._services, self._services.now(), self.kept(snapshot)
        if _is_known(record, snapshot):
            self._looked[record.key] = now
            return record
        record = await services.store.task_by_key(record.key) or record
        snapshot = _onward(record.snapshot, _with_link_or_failure(record, snapshot))
        if not is_over(snapshot):
            self._looked[record.key] = now
            await services.store.save_snapshot(record.key, snapshot, now, record.next_poll)
        elif record.settled and not assumed:
            await self._later_truth(record, snapshot, now)
        else:
            row = settlement(record, snapshot, now, assumed=assumed)
            if await services.store.settle(record.key, snapshot, now, row):
                services.settled(row)
        stands = await services.store.task_by_key(record.key) or record
        if stands.settled:
            self._looked.pop(record.key, None)
            for ended in self._waiting.get(record.key, ()):
                ended.set()
        self.watcher(stands)
        return stands

    def kept(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as it may be written down: without prompts where they are not to be kept."""
        return snapshot if self._services.policy.keep_prompts else unprompted(snapshot)

    async def _later_truth(self, record: TaskRecord, snapshot: Snapshot, now: float) -> None:
        """An end that was assumed, or other facts than were settled: an adjustment row, once."""
        store = self._services.store
        if record.assumed:
            await store.adjust(record.key, snapshot, adjustment(record, snapshot, now))
        elif record.snapshot is not None and differs(record.snapshot, snapshot):
            await store.correct(record.key, record.snapshot, snapshot, correction(record, snapshot, now))

    async def assume_over(self, record: TaskRecord) -> TaskRecord:
        """The task's time is over and nobody knows its end: failed with code `timeout`, marked as assumed (contract.md §7, "Expiry")."""
        before = record.snapshot or Snapshot(status=TaskStatus.QUEUED, status_word="queued")
        error = TaskError("timeout", "the task did not end within its time; what became of it is not known")
        gone = replace(before, status=TaskStatus.FAILED, status_word=before.status_word, error=error)
        self._services.events.event(
            "error", "a task was assumed to have failed", task=record.id, upstream=record.upstream
        )
        return await self.write_down(record, gone, assumed=True)

    def note(self, key: str) -> None:
        """The task was seen just now and has not changed."""
        self._looked[key] = self._services.now()

    def upstream(self, name: str) -> Upstream:
        """The upstream that made a task: every later call goes there (field-notes.md B.7)."""
        upstream = self._services.router.upstream(name)
        if upstream is None:
            raise OutcomeUnknown(name, "it is not configured any more")
        return upstream

    def codec(self, upstream_name: str) -> Outbound:
        """The codec towards an upstream."""
        return VIDEOS.toward(self.upstream(upstream_name))


def _nobody(record: TaskRecord) -> None:
    """Until the follower is there, nobody watches."""


def _is_known(record: TaskRecord, snapshot: Snapshot) -> bool:
    """Whether there is nothing worth writing: not over, and the same state and the same facts."""
    before = record.snapshot
    if before is None or record.seen_at is None or is_over(snapshot) or snapshot.facts.get(MISSING_VIDEO_URL):
        return False
    return replace(before, created_at=snapshot.created_at) == _onward(before, snapshot)


def _onward(before: Snapshot | None, now: Snapshot) -> Snapshot:
    """An open task only goes on: answers that overtake each other turn it neither back to queued nor back in progress."""
    if before is None or is_over(now) or is_over(before):
        return now
    if before.status is TaskStatus.RUNNING and now.status is TaskStatus.QUEUED:
        now = replace(now, status=TaskStatus.RUNNING)
    if before.progress is not None and (now.progress is None or now.progress < before.progress):
        now = replace(now, progress=before.progress)
    return now


def _with_link_or_failure(record: TaskRecord, snapshot: Snapshot) -> Snapshot:
    """A success without a link is read again a few times, then it is a failure that says so."""
    if not snapshot.facts.get(MISSING_VIDEO_URL):
        return snapshot
    before = record.snapshot.facts.get(MISSING_VIDEO_URL, 0) if record.snapshot else 0
    reads = (before if isinstance(before, int) else 0) + 1
    facts = {**snapshot.facts, MISSING_VIDEO_URL: reads}
    if reads < LINKLESS_READS:
        return replace(snapshot, facts=facts)
    failure = TaskError("missing_video_url", "the upstream says that the video is finished but gives no link to it")
    return replace(snapshot, status=TaskStatus.FAILED, error=failure, facts=facts)
