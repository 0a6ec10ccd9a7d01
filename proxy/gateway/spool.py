"""Writes that the store refused after something was bought: kept in memory and tried again until they are durable (contract.md §9).

It must never be used before anything is sent: then a store that cannot write means that nothing is bought.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from proxy.errors import StoreError
from proxy.supervisor import Events

Result = TypeVar("Result")

MOST = 10_000
"""Writes that may wait; further ones are lost, and every loss is told."""


class Counts(Protocol):
    """Where the numbers are shown: `proxy.metrics.Metrics`."""

    def spool(self, waiting: int, *, refused: int = 0, lost: int = 0) -> None:
        """How many writes wait now, and how many more were refused or lost."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write, and the word that names it in the log."""

    what: str
    write: Callable[[], Awaitable[object]]


class Spool:
    """Keeps writes that must not get lost. They do not depend on each other, so one that fails for good holds up no other."""

    def __init__(self, events: Events, counts: Counts, most: int = MOST) -> None:
        self._events = events
        self._counts = counts
        self._most = most
        self._queue: deque[_Waiting] = deque()

    @property
    def waiting(self) -> int:
        """How many writes are not durable yet."""
        return len(self._queue)

    async def keep(self, what: str, write: Callable[[], Awaitable[Result]]) -> Result | None:
        """What `write` returns, or None if the store refused and it is tried again later; it must be able to run again."""
        try:
            return await write()
        except StoreError as refused:
            self._events.event("error", "the store refused a write that must be kept", what=what, reason=str(refused))
        if len(self._queue) < self._most:
            self._queue.append(_Waiting(what, write))
            self._counts.spool(self.waiting, refused=1)
        else:
            self._events.event("error", "a write is lost: too many wait already", what=what)
            self._counts.spool(self.waiting, refused=1, lost=1)
        return None

    async def step(self) -> None:
        """Try again, the oldest first, until one is refused."""
        for _ in range(self.waiting):
            entry = self._queue.popleft()
            try:
                await entry.write()
            except StoreError:
                self._queue.append(entry)
                return
            self._counts.spool(self.waiting)
            self._events.event("info", "a write that waited is durable now", what=entry.what, waiting=self.waiting)

    async def close(self) -> None:
        """The last attempt; what still fails is lost with this process, and told."""
        await self.step()
        if self._queue:
            what = sorted({entry.what for entry in self._queue})
            self._events.event(
                "error", "writes are lost: the store refused them to the end", count=self.waiting, what=what
            )
