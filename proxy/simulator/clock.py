"""The simulator's time: the injected clock and an offset that tests move, so that nothing ever sleeps."""

from collections.abc import Callable


class Clock:
    """Seconds since 1970 as the simulator sees them; everything that is derived from time reads this one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.offset = 0.0

    def now(self) -> float:
        """The present in seconds, moved by every `advance` so far."""
        return self._now() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the present by `seconds`."""
        self.offset += seconds


class Bucket:
    """A token bucket on the simulator's clock: real time and advances both refill it, so a test that moves
    the clock past a limit never has to wait for it."""

    def __init__(self, clock: Clock, rate: float, size: float) -> None:
        self._clock = clock
        self._rate = rate
        self._size = size
        self._level = size
        self._at = clock.now()

    def take(self) -> bool:
        """Whether one more request is within the limit; it is counted if so."""
        now = self._clock.now()
        self._level = min(self._size, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
