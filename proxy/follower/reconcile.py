"""Holds our tasks against the upstreams' own lists (contract.md §3, §7): settles what was missed, attributes what is certain, reports the rest.

It never guesses and never sends a create. What it finds is the same for whoever asks: the command line beside a gateway, or alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar

from proxy.errors import ArkbridgeError, TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.matching import candidates
from proxy.follower.resolver import WHOLE, Listing, Resolver, Verdict
from proxy.follower.schedule import deadline
from proxy.gateway.reader import NoQuotaError, Reader
from proxy.gateway.rows import differs, is_over
from proxy.gateway.services import Services
from proxy.model import JSON, TaskRecord, TaskState
from proxy.translate.videos import Sighting

TIERS = ("default", "flex")
"""Ark's list shows one service tier at a time (ark-wire.md §3.2)."""

PAGE, LAST_PAGE = 500, 500

BREATH = 1.5
"""Seconds between pages, so that the follower's own lists get in between at one list a second."""

PATIENCE = 20.0
"""Seconds that a command waits for an account's reads and lists."""

TOO_MANY = 429

Result = TypeVar("Result")


class UnknownUpstreamError(ArkbridgeError):
    """The upstream to be reconciled is not configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference: of what kind, at which upstream, which task (our key where it has no id), a sentence, and whether a person must look."""

    kind: str
    upstream: str
    task: str
    found: str
    person: bool = False


async def read_now(services: Services, reader: Reader, record: TaskRecord) -> TaskRecord:
    """Read a task upstream as soon as the account's quota allows it; raises what the read raises, `NoQuotaError` after 20 s."""
    return await _patiently(services, lambda: reader.look(record))


async def _patiently(services: Services, work: Callable[[], Awaitable[Result]]) -> Result:
    """What `work` gives once the account's limits allow it, those that we keep and those that other processes have used up."""
    until = services.now() + PATIENCE
    while True:
        try:
            return await work()
        except (NoQuotaError, UpstreamRefusal) as busy:
            if services.now() >= until or (isinstance(busy, UpstreamRefusal) and busy.status != TOO_MANY):
                raise
        await services.pause(1.0)


class Reconciler:
    """Answers the command `reconcile`."""

    def __init__(self, services: Services, reader: Reader, resolver: Resolver) -> None:
        self._services = services
        self._reader = reader
        self._resolver = resolver

    async def reconcile(self, arguments: JSON) -> JSON:
        """All upstreams, or `upstream`; tasks made at or after `since` (unix seconds), or all that an upstream still lists."""
        known = self._services.router.upstreams
        wanted, since = arguments.get("upstream"), arguments.get("since")
        if wanted is not None and wanted not in known:
            raise UnknownUpstreamError(
                f"there is no upstream {str(wanted)[:64]!r}; those there are: {', '.join(known) or 'none'}"
            )
        after = float(since) if isinstance(since, int | float) else 0.0
        upstreams, findings = [], []
        for name in known if wanted is None else [str(wanted)]:
            listed, found = await self._upstream(name, after)
            upstreams.append(listed)
            findings += found
        return {"upstreams": upstreams, "findings": [asdict(finding) for finding in findings]}

    async def _upstream(self, name: str, since: float) -> tuple[JSON, list[Finding]]:
        findings: list[Finding] = []
        summary: dict[str, object] = {"upstream": name, "list": "none", "listed": 0}
        try:
            listed: Mapping[str, Sighting] = {}
            if self._reader.codec(name).has_list:
                summary["list"] = "whole" if self._reader.codec(name).filters_list else "newest"
                listed = {sighting.id: sighting async for sighting in self._list(name, since)}
                summary["listed"] = len(listed)
                findings += await self._compare(name, listed, self._whole_from(name, listed, since))
            else:
                findings += await self._unlisted_creates(name)
            findings += [finding async for finding in self._open(name, listed, since)]
        except (TransportError, UnreadableAnswer, UpstreamRefusal, NoQuotaError) as trouble:
            found = f"{trouble}; what is above is all that could be found, try again"
            findings.append(Finding(kind="unreachable", upstream=name, task="", found=found, person=True))
        return summary, findings

    # -- the upstream's list

    async def _list(self, name: str, since: float) -> AsyncIterator[Sighting]:
        """Every task that the upstream lists and that was made at or after `since`."""
        pages = self._reader.codec(name).filters_list
        for tier in TIERS if pages else TIERS[:1]:
            for number in range(1, LAST_PAGE + 1):
                if number > 1:
                    await self._services.pause(BREATH)
                query = {"page_num": str(number), "page_size": str(PAGE), "filter.service_tier": tier}
                page = await _patiently(self._services, partial(self._page, name, query))
                for sighting in page:
                    if _made(sighting) >= since:
                        yield sighting
                if not pages or len(page) < PAGE or _is_before(page, since):
                    break

    def _whole_from(self, name: str, listed: Mapping[str, Sighting], since: float) -> float:
        """From when on the list shows every task: one that has no pages shows the newest ones."""
        if self._reader.codec(name).filters_list or len(listed) < WHOLE:
            return since
        return max(since, min(_made(sighting) for sighting in listed.values()) + 1)

    async def _page(self, name: str, query: Mapping[str, str | tuple[str, ...]]) -> Sequence[Sighting]:
        if not await self._services.quotas.take(name, "list", PATIENCE):
            raise NoQuotaError(f"the lists of the upstream {name} are used up for now")
        return await self._reader.list_page(name, query)

    async def _compare(self, name: str, listed: Mapping[str, Sighting], whole_from: float) -> list[Finding]:
        """The rows are read after the list and the known ids last: whatever was answered meanwhile is then known."""
        rows = [row for row in await self._services.store.unanswered() if row.upstream == name]
        ours = {record.id or "": record for record in await self._services.store.tasks_by_ids(name, list(listed))}
        unclaimed = [sighting for task_id, sighting in listed.items() if task_id not in ours]
        now = self._services.now()
        left = [row for row in rows if await self._resolver.is_left_over(row, now)]
        verdicts = await self._resolver.judge(left, rows, Listing(unclaimed, whole_from), now)
        findings = [_verdict(name, verdict) for verdict in verdicts]
        spoken_for = {task_id for verdict in verdicts for task_id in (verdict.found, *verdict.possible)}
        under_way = [row for row in rows if row not in left]
        for sighting in unclaimed:
            being_made = any(candidates(row, [sighting]) for row in under_way)
            if sighting.id not in spoken_for and not being_made:
                findings.append(_unknown(name, sighting))
        for task_id, record in ours.items():
            findings += await self._known(name, record, listed[task_id])
        return findings

    async def _known(self, name: str, record: TaskRecord, sighting: Sighting) -> list[Finding]:
        """One of ours that the upstream lists: settle, adjust or correct what has ended there."""
        if is_over(sighting.snapshot):
            if _agrees(record, sighting):
                return []
            after = await self._reader.write_down(record, sighting.snapshot)
            change = _change(record, after)
            return [change] if change else []
        if not record.settled or _is_linkless(record):
            return []
        found = f"settled here as {_status(record)}, but {sighting.snapshot.status_word} at the upstream"
        return [_finding("unsettled", record, found, person=not record.assumed)]

    # -- what is open here

    async def _open(self, name: str, listed: Mapping[str, Sighting], since: float) -> AsyncIterator[Finding]:
        """Open tasks that the list does not have or whose time is over are read singly."""
        can_list = self._reader.codec(name).has_list
        for record in await self._services.store.open_tasks(name):
            if record.state is not TaskState.ACCEPTED or record.created_at < since:
                continue
            past = self._services.now() >= deadline(record)
            if past or (can_list and record.id not in listed):
                finding = await self._overdue(record, past=past)
                if finding:
                    yield finding

    async def _overdue(self, record: TaskRecord, *, past: bool) -> Finding | None:
        try:
            after = await read_now(self._services, self._reader, record)
        except UpstreamRefusal as refusal:
            if refusal.status != 404:
                raise
            if not past:
                return _finding(
                    "lost", record, "open here, unknown to the upstream; closed as failed when its time is over"
                )
            after = record
        if past and not after.settled:
            after = await self._reader.assume_over(after)
        return _change(record, after)

    # -- creates without an answer

    async def _unlisted_creates(self, name: str) -> list[Finding]:
        """Where there is no list, nothing can be looked up: held until their time is over, then closed."""
        now, findings = self._services.now(), []
        for record in await self._services.store.unanswered():
            if record.upstream != name or not await self._resolver.is_left_over(record, now):
                continue
            if await self._resolver.close_if_over(record, now):
                findings.append(
                    _finding("closed", record, "an unanswered create whose time is over; its cost is not known")
                )
            else:
                found = (
                    "an unanswered create, and the upstream has no list to look it up in; closed when its time is over"
                )
                findings.append(_finding("ambiguous", record, found, person=True))
        return findings


def _finding(kind: str, record: TaskRecord, found: str, *, person: bool = False) -> Finding:
    return Finding(kind=kind, upstream=record.upstream, task=record.id or record.key, found=found, person=person)


def _verdict(name: str, verdict: Verdict) -> Finding:
    key = verdict.record.key
    if verdict.found:
        found = f"the task of the unanswered create {key} of {verdict.record.caller}; it is theirs now"
        return Finding(kind="attributed", upstream=name, task=verdict.found, found=found)
    if verdict.gone:
        return _finding("gone", verdict.record, "an unanswered create that left no task; it is forgotten")
    if verdict.closed:
        which = ", ".join(verdict.possible) or "none that is listed"
        found = f"an unanswered create whose time is over; it may have made any of: {which}"
        return _finding("closed", verdict.record, found, person=True)
    if not verdict.possible:
        return _finding(
            "unanswered", verdict.record, "an unanswered create without a trace so far; it is looked for again"
        )
    which = ", ".join(verdict.possible)
    found = f"an unanswered create of {verdict.record.caller} that may be any of: {which}"
    return _finding("ambiguous", verdict.record, found, person=True)


def _unknown(name: str, sighting: Sighting) -> Finding:
    snapshot = sighting.snapshot
    tokens = snapshot.usage.total_tokens if snapshot.usage else None
    counted = f", {tokens} tokens" if tokens else ""
    found = f"unknown here: {snapshot.model or 'a model that is not told'}, {snapshot.status_word}{counted}"
    return Finding(kind="unknown", upstream=name, task=sighting.id, found=found, person=True)


def _change(before: TaskRecord, after: TaskRecord) -> Finding | None:
    """What looking changed, None if nothing."""
    told = f"{_status(after)}, {_tokens(after)}"
    if after.settled and not before.settled:
        if after.assumed:
            return _finding(
                "assumed", after, f"its time is over and its end is not known: settled as {told}", person=True
            )
        return _finding("settled", after, f"it had ended unseen: settled as {told}")
    if not before.settled or before.snapshot is None or after.snapshot is None:
        return None
    if before.assumed and not after.assumed:
        return _finding("adjusted", after, f"its end was assumed: it is {told}")
    if differs(before.snapshot, after.snapshot):
        return _finding(
            "corrected", after, f"settled as {_status(before)}, {_tokens(before)}; the upstream says {told}"
        )
    return None


def _status(record: TaskRecord) -> str:
    return record.snapshot.status.value if record.snapshot else record.state.value


def _tokens(record: TaskRecord) -> str:
    usage = record.snapshot.usage if record.snapshot else None
    return "no tokens told" if usage is None or usage.total_tokens is None else f"{usage.total_tokens} tokens"


def _agrees(record: TaskRecord, sighting: Sighting) -> bool:
    """Whether the end that the upstream tells is the one that was settled, as nearly always."""
    if record.snapshot is None or record.assumed or not record.settled:
        return False
    return not differs(record.snapshot, sighting.snapshot)


def _is_linkless(record: TaskRecord) -> bool:
    """Failed here because the upstream gave no link, which makes it look unfinished there."""
    error = record.snapshot.error if record.snapshot else None
    return error is not None and error.code == "missing_video_url"


def _made(sighting: Sighting) -> float:
    created = sighting.snapshot.created_at
    return float("inf") if created is None else created


def _is_before(page: Sequence[Sighting], since: float) -> bool:
    """Whether all further pages are from before `since`: only a page that runs backwards tells that."""
    return _made(page[0]) >= _made(page[-1]) and _made(page[-1]) < since
