"""The open tasks in memory, by upstream: what is due, and what a sweep of the upstream's list says of them. No IO."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from proxy.follower.schedule import Followed
from proxy.model import TaskStatus


class Book:
    """Every open task once, found by key, or by upstream and id."""

    def __init__(self) -> None:
        self._by_upstream: dict[str, dict[str, Followed]] = {}

    def add(self, entry: Followed) -> None:
        """Follow a task, or what is new of it."""
        self._by_upstream.setdefault(entry.upstream, {})[entry.id] = entry

    def drop(self, entry: Followed) -> None:
        """Stop following a task."""
        self._by_upstream.get(entry.upstream, {}).pop(entry.id, None)

    def find(self, upstream: str, task_id: str) -> Followed | None:
        """The entry of an upstream's task, if it is followed."""
        return self._by_upstream.get(upstream, {}).get(task_id)

    def due(self, upstream: str, now: float) -> list[Followed]:
        """What is due there, longest overdue first."""
        waiting = [entry for entry in self._by_upstream.get(upstream, {}).values() if entry.due <= now]
        waiting.sort(key=lambda entry: entry.due)
        return waiting

    def count(self, upstream: str | None = None) -> int:
        """How many tasks are followed."""
        if upstream is not None:
            return len(self._by_upstream.get(upstream, {}))
        return sum(len(entries) for entries in self._by_upstream.values())


@dataclass(slots=True)
class Sweep:
    """A walk over the pages of the upstream's running tasks. Who ran before, is due and does not appear has ended or moved a page."""

    page: int = 0
    appeared: set[str] = field(default_factory=set)
    vanished: list[Followed] = field(default_factory=list)

    def take(self, ids: Iterable[str], *, last: bool, waiting: Iterable[Followed]) -> None:
        """Note one page; after the last one `vanished` holds who has to be looked up, and the walk starts again."""
        self.appeared.update(ids)
        self.page += 1
        if not last:
            return
        known = {entry.id for entry in self.vanished}
        self.vanished += [
            entry
            for entry in waiting
            if entry.status is TaskStatus.RUNNING and entry.id not in self.appeared and entry.id not in known
        ]
        self.page, self.appeared = 0, set()
