"""Finds copies that may be served: whole, not over their time, and in the archive that is configured now."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from proxy.archive import Archive
from proxy.model import TaskRecord
from proxy.store import Store
from proxy.store.archive import Copy, CopyState
from proxy.supervisor import Events
from proxy.upstream.media import LIFETIME, ended_at

FOR_EVER = 253402300799
"""The last second of the year 9999: the end of links whose copies have none."""

REDIRECT_SECONDS = 3600
"""How long a link that we redirect to is good."""


@dataclass(frozen=True, slots=True)
class Found:
    """A copy that can be read: its name in the archive, bytes, SHA-256 in hex, type, and when it was made, unix seconds."""

    name: str
    size: int
    sha256: str
    content_type: str
    archived_at: float


class Shelf:
    """What callers get copies from. `retention` is in seconds after the task's end, 0 for ever."""

    def __init__(
        self, store: Store, archive: Archive, events: Events, now: Callable[[], float], retention: float
    ) -> None:
        self._store = store
        self._archive = archive
        self._events = events
        self._now = now
        self._retention = retention

    def ends_at(self, record: TaskRecord) -> int:
        """Until when the result can be had, from its upstream or from here, unix seconds; the same at every read."""
        return ended_at(record) + max(LIFETIME, int(self._retention)) if self._retention else FOR_EVER

    async def find(self, record: TaskRecord) -> Found | None:
        """The copy of a task's result, if there is one to serve; raises `ArchiveError` when the archive cannot tell."""
        copy = await self._store.copy(record.key)
        if copy is None or copy.state is not CopyState.KEPT or copy.size is None:
            return None
        if copy.expires_at is not None and self._now() >= copy.expires_at:
            return None
        name = self._name(copy)
        if name is None or await self._archive.size(name) != copy.size:
            self._events.event(
                "error", "an archived result is not where it was kept", task=record.id, location=copy.location
            )
            return None
        return Found(
            name=name,
            size=copy.size,
            sha256=copy.sha256 or "",
            content_type=copy.content_type or "video/mp4",
            archived_at=copy.archived_at or 0.0,
        )

    def _name(self, copy: Copy) -> str | None:
        kind, _, name = (copy.location or "").partition(":")
        return name if kind == self._archive.kind and name else None

    def read(self, found: Found, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes [start, end) of a copy."""
        return self._archive.open(found.name, start, end)

    def link(self, found: Found, shown: str) -> str | None:
        """A link to the copy at the archive itself, good for an hour; None if the archive has no links."""
        return self._archive.link(found.name, shown, found.content_type, REDIRECT_SECONDS)
