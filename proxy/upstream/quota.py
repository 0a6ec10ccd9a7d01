"""Keeps reads, lists and deletes of an upstream account within its limits (ark-wire.md §2.9: GET 20/s, LIST 1/s, DELETE 20/s).

A window that slides is used, not a bucket that fills: no second of real time ever sees more than the limit, however the calls bunch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

MARGIN = 0.1
"""Seconds added to each one-second window, for requests that bunch on the way."""


class Window:
    """At most `limit` grants in any second, even if pauses end late; waiters are served in the order in which they came."""

    def __init__(self, limit: float, monotonic: Callable[[], float], pause: Callable[[float], Awaitable[None]]) -> None:
        self._size = max(1, int(limit))
        self._length = max(1.0, 1.0 / limit) + MARGIN
        self._grants: deque[float] = deque(maxlen=self._size)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._monotonic = monotonic
        self._pause = pause

    def delay(self) -> float:
        """Seconds until a place that is asked for now, behind those who already wait."""
        place = len(self._grants) + self._waiting - self._size
        if place < 0:
            return 0.0
        rounds, place = divmod(place, self._size)
        return self._free_in(place) + rounds * self._length

    async def take(self, patience: float) -> bool:
        """Wait for the next free place; False at once if it is further away than `patience` seconds."""
        if self.delay() > patience:
            return False
        self._waiting += 1
        try:
            async with self._turn:
                wait = self._free_in(0) if len(self._grants) == self._size else 0.0
                if wait > 0:
                    await self._pause(wait)
                self._grants.append(self._monotonic())
        finally:
            self._waiting -= 1
        return True

    def free(self) -> int:
        """How many grants could be taken at once now."""
        now = self._monotonic()
        recent = sum(1 for granted in self._grants if granted + self._length > now)
        return max(0, self._size - recent - self._waiting)

    def _free_in(self, place: int) -> float:
        """Seconds until the grant at `place` (0 = the oldest) has left the window."""
        granted = self._grants[place] if place < len(self._grants) else self._monotonic()
        return max(0.0, granted + self._length - self._monotonic())


class Quotas:
    """The windows of every upstream account, by what is done: `get`, `list`, `delete`."""

    def __init__(
        self,
        limits: Mapping[str, Mapping[str, float]],
        monotonic: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._pause = pause
        self._windows: dict[tuple[str, str], Window] = {}
        self._limits: dict[tuple[str, str], float] = {}
        self.configure(limits)

    def configure(self, limits: Mapping[str, Mapping[str, float]]) -> None:
        """Take what a configuration says; a limit that stays the same keeps its window."""
        wanted = {(upstream, verb): limit for upstream, verbs in limits.items() for verb, limit in verbs.items()}
        self._windows = {
            key: self._windows[key] if self._limits.get(key) == limit else Window(limit, self._monotonic, self._pause)
            for key, limit in wanted.items()
        }
        self._limits = wanted

    def free(self, upstream: str, verb: str) -> int:
        """How many could be taken at once now; without a limit, a thousand."""
        window = self._windows.get((upstream, verb))
        return 1000 if window is None else window.free()

    async def take(self, upstream: str, verb: str, patience: float = 1.0) -> bool:
        """A place within the account's limit, waiting at most `patience` seconds for it."""
        window = self._windows.get((upstream, verb))
        return window is None or await window.take(patience)
