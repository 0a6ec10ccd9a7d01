"""Copies results while their link lives, and removes copies whose time is over (contract.md §7).

What is to be done stands in the store, so a killed process loses nothing: its attempt is made again. A row says `kept` only after the copy
is durable, and only rows that say so are served.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from proxy.archive import Archive, ArchiveError
from proxy.archive.pull import GoneError, Pull, PullError, Source, TooLargeError
from proxy.archive.shelf import Shelf
from proxy.errors import TransportError
from proxy.guard import ForbiddenAddressError
from proxy.model import TaskRecord, TaskStatus, Upstream
from proxy.store import Store
from proxy.store.archive import Copy, CopyState
from proxy.supervisor import Events
from proxy.upstream.media import LIFETIME, Media, NoSourceError, is_protected, link_ends

FIRST_PAUSE, LONGEST_PAUSE = 15.0, 7200.0
"""Seconds before another attempt: doubled each time, and never more than half of what is left of the link's life."""

LAST_CALL = 60.0
"""A link with less than so many seconds left is not tried again."""

LEASE = 7200.0
"""Seconds after which an attempt that nobody ended counts as dead, should no process have started meanwhile."""

SWEEP = 300.0
"""Seconds between looks at all results of the last 24 hours, and at copies whose time is over; in between only at what ended lately."""

AT_ONCE = 100

SUFFIXES = (("video/mp4", ".mp4"), ("video/quicktime", ".mov"), ("image/jpeg", ".jpeg"), ("image/png", ".png"))

TROUBLE = (TransportError, PullError, ArchiveError, ForbiddenAddressError, NoSourceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the configuration says of copies: seconds after the task's end that they are kept (0: for ever), and the most bytes of one."""

    retention: float
    max_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the keeper works with. `upstream` finds a configured upstream by its name."""

    store: Store
    archive: Archive
    media: Media
    upstream: Callable[[str], Upstream | None]
    events: Events
    now: Callable[[], float]


class Keeper:
    """The background worker. Several loops may call `step`: each copies one result at a time. `shelf` serves what was kept."""

    def __init__(self, means: Means, terms: Terms) -> None:
        self._means = means
        self._terms = terms
        self._busy: dict[str, asyncio.Event] = {}
        self._due: deque[str] = deque()
        self._swept = -math.inf
        self.shelf = Shelf(means.store, means.archive, means.events, means.now, terms.retention)

    async def recover(self) -> None:
        """Call once before the first step: what a killed process was copying is due again."""
        await self._means.store.release_copies(self._means.now())

    async def step(self) -> None:
        """Remove what is over, then copy what is due, one after another, until nothing is."""
        now = self._means.now()
        sweep = now - self._swept >= SWEEP
        if sweep:
            self._swept = now
            await self._expire(now)
        since = now - (LIFETIME if sweep else 2 * SWEEP)
        while (key := await self._next(since)) is not None:
            if key not in self._busy:
                await self._attempt(key, early=False)

    async def keep_now(self, record: TaskRecord) -> Copy | None:
        """Copy a result at once, before its record is destroyed; the row tells the outcome. None for a task without a result.

        A row that is still `waiting` afterwards has failed for now: its `reason` says why.
        """
        if record.snapshot is None or record.snapshot.status is not TaskStatus.SUCCEEDED:
            return None
        while (busy := self._busy.get(record.key)) is not None:
            await busy.wait()
        await self._attempt(record.key, early=True)
        return await self._means.store.copy(record.key)

    async def close(self) -> None:
        """Let go of the archive."""
        await self._means.archive.close()

    async def _next(self, since: float) -> str | None:
        """The key of a result that is to be copied; the loops share what the store was asked for."""
        if not self._due:
            due = await self._means.store.copies_due(self._means.now(), since, AT_ONCE)
            self._due.extend(key for key in due if key not in self._busy)
        return self._due.popleft() if self._due else None

    async def _attempt(self, key: str, *, early: bool) -> None:
        """Claim, copy and write down the outcome; nothing if the attempt is not ours to make."""
        means = self._means
        done = self._busy[key] = asyncio.Event()
        try:
            now = means.now()
            copy = await means.store.claim_copy(key, now, now + LEASE, early=early)
            record = await means.store.task_by_key(key)
            if copy is not None and record is not None:
                await means.store.end_copy(await self._outcome(record, copy))
        finally:
            del self._busy[key]
            done.set()

    async def _outcome(self, record: TaskRecord, copy: Copy) -> Copy:
        upstream = self._means.upstream(record.upstream)
        if upstream is None:
            return await self._later(record, copy, f"its upstream {record.upstream} is not configured")
        try:
            kept = await self._kept(upstream, record, copy)
        except TooLargeError as hopeless:
            return await self._failed(record, copy, str(hopeless))
        except TROUBLE as trouble:
            return await self._later(record, copy, str(trouble))
        return replace(kept, frame=await self._kept_frame(upstream, record))

    async def _kept(self, upstream: Upstream, record: TaskRecord, copy: Copy) -> Copy:
        """The video; a link that is no longer good is asked for again once, by a read of the task."""
        try:
            return await self._pulled(partial(self._means.media.open, upstream, record), record, copy)
        except GoneError:
            renewed = await self._means.media.renewed(upstream, record)
            if renewed is None:
                raise
        return await self._pulled(partial(self._means.media.open, upstream, renewed), record, copy)

    async def _pulled(self, source: Source, record: TaskRecord, copy: Copy, mark: str = "") -> Copy:
        archive = self._means.archive
        async with Pull(source, self._terms.max_size) as pull:
            name = f"{record.key}{mark}{_suffix(pull.content_type)}"
            kept = await archive.keep(name, pull.chunks())
        if kept.size != pull.size or await archive.size(name) != pull.size:
            raise ArchiveError(f"the archive has not kept all {pull.size} bytes of {name}; check it for faults")
        return replace(
            copy,
            state=CopyState.KEPT,
            location=f"{archive.kind}:{name}",
            size=kept.size,
            sha256=kept.sha256,
            content_type=pull.content_type,
            next_try=None,
            archived_at=self._means.now(),
            expires_at=float(self.shelf.ends_at(record)) if self._terms.retention else None,
            reason=None,
        )

    async def _kept_frame(self, upstream: Upstream, record: TaskRecord) -> str | None:
        """The last frame, where there is one and it can be had: without it the video is no worse."""
        url = record.snapshot.last_frame_url if record.snapshot else None
        if not url or is_protected(url, upstream):
            return None
        source = partial(self._means.media.open_link, upstream, url)
        try:
            frame = await self._pulled(source, record, Copy(task_key=record.key, state=CopyState.COPYING), "-last")
        except TROUBLE as trouble:
            self._means.events.event(
                "warning", "a last frame could not be archived", task=record.id, reason=str(trouble)
            )
            return None
        return frame.location

    async def _later(self, record: TaskRecord, copy: Copy, reason: str) -> Copy:
        """Another attempt while the link lives, else the end."""
        now = self._means.now()
        left = link_ends(record) - now
        if left < LAST_CALL:
            return await self._failed(record, copy, reason)
        pause = min(FIRST_PAUSE * 2.0 ** min(copy.attempts - 1, 20), LONGEST_PAUSE, left / 2)
        self._tell("warning", "a result is not archived yet", record, reason)
        return replace(copy, state=CopyState.WAITING, next_try=now + pause, reason=reason)

    async def _failed(self, record: TaskRecord, copy: Copy, reason: str) -> Copy:
        """No copy will be made; what killed attempts have left goes."""
        for suffix in ("", *(known for _, known in SUFFIXES)):
            with suppress(ArchiveError):
                await self._means.archive.remove(record.key + suffix)
        self._tell("error", "a result could not be archived", record, reason)
        return replace(copy, state=CopyState.FAILED, next_try=None, reason=reason)

    def _tell(self, level: str, message: str, record: TaskRecord, reason: str) -> None:
        self._means.events.event(level, message, task=record.id, upstream=record.upstream, reason=reason)

    async def _expire(self, now: float) -> None:
        """Remove copies whose time is over; the row is changed last, so an interrupted removal is made again."""
        archive = self._means.archive
        for copy in await self._means.store.expired_copies(archive.kind, now, AT_ONCE):
            try:
                for location in (copy.location, copy.frame):
                    if location is not None:
                        await archive.remove(location.partition(":")[2])
            except ArchiveError as trouble:
                self._means.events.event(
                    "warning", "an archived result could not be removed", location=copy.location, reason=str(trouble)
                )
                continue
            await self._means.store.drop_copy(copy, "its time in the archive is over")


def _suffix(kind: str) -> str:
    return next((suffix for known, suffix in SUFFIXES if kind.startswith(known)), "")
