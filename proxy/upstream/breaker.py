"""Keeps new work away from an upstream that fails, and blames the right party: a caller's mistake is never the upstream's fault.

Closed, it lets everything through; after enough failures in a row it opens for a while; then one call at a time may try.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

FAILURES = 5
"""Failures in a row that open it."""

PAUSES = (10.0, 30.0, 60.0, 120.0)
"""Seconds it stays open: after the first time, the second …"""


class Blame(Enum):
    """Whose doing an outcome was."""

    NOBODY = "nobody"
    """It worked."""

    CALLER = "caller"
    """400, 404, 413, 422, a quota of the account: another call may well work."""

    UPSTREAM = "upstream"
    """Not reached, timed out, broken, 5xx."""


def blame(status: int | None) -> Blame:
    """Who is to blame for an answer's status; None stands for no answer."""
    if status is None or status >= 500:
        return Blame.UPSTREAM
    return Blame.NOBODY if status < 400 else Blame.CALLER


@dataclass(slots=True)
class _State:
    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    trying: bool = False


class Breaker:
    """One state per upstream; `monotonic` is injected."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._states: dict[str, _State] = {}

    def admits(self, upstream: str) -> bool:
        """Whether new work may go there now. After a pause one call is let through; the others wait for its outcome."""
        state = self._states.get(upstream)
        if state is None or not state.open_until:
            return True
        if self._monotonic() < state.open_until or state.trying:
            return False
        state.trying = True
        return True

    def saw(self, upstream: str, outcome: Blame) -> None:
        """An outcome. The caller's fault says nothing about the upstream but that it answers."""
        state = self._states.setdefault(upstream, _State())
        state.trying = False
        if outcome is not Blame.UPSTREAM:
            state.failures, state.openings, state.open_until = 0, 0, 0.0
            return
        state.failures += 1
        if state.failures >= FAILURES or state.open_until:
            pause = PAUSES[min(state.openings, len(PAUSES) - 1)]
            state.openings += 1
            state.open_until = self._monotonic() + pause

    def is_open(self, upstream: str) -> bool:
        """Whether it keeps new work away now."""
        state = self._states.get(upstream)
        return state is not None and self._monotonic() < state.open_until


class RetryBudget:
    """Retries are at most a fifth of recent calls, at least three: trouble must not be multiplied (field-notes.md C.1)."""

    def __init__(self, monotonic: Callable[[], float], window: float = 10.0) -> None:
        self._monotonic = monotonic
        self._window = window
        self._begun = 0.0
        self._calls = 0
        self._retries = 0

    def call(self) -> None:
        """Count one call."""
        now = self._monotonic()
        if now - self._begun > self._window:
            self._begun, self._calls, self._retries = now, 0, 0
        self._calls += 1

    def take(self) -> bool:
        """Whether one more retry is allowed now; counts it."""
        if self._retries >= max(3, self._calls // 5):
            return False
        self._retries += 1
        return True
