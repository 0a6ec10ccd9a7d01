"""The open tasks in memory, by upstream, and what of them is due. No IO."""

from collections.abc import Collection

from proxy.follower.schedule import Followed


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

    def all(self, upstream: str) -> Collection[Followed]:
        """Every task that is followed there."""
        return self._by_upstream.get(upstream, {}).values()

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
