"""What every dialect of the simulator stands on: settings, time, jobs and their life, recorder, faults.

A dialect is a module with `routes(core) -> list[BaseRoute]`. It makes jobs with `core.life.add`, renders its own
errors by setting `core.render_fault`, tells how many jobs of a pool run at once by `core.slots`, counts what it accepts
with `core.recorder.counts["creates"] += 1` and what it refuses for a limit with `["limited"]`, and adds loops that
run as long as the server to `core.loops`.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine

from starlette.responses import JSONResponse, Response

from proxy.simulator.clock import Clock
from proxy.simulator.faults import FaultPlan
from proxy.simulator.jobs import Job, JobStore
from proxy.simulator.life import Life
from proxy.simulator.recorder import Recorder
from proxy.simulator.settings import Settings


class Core:
    """The parts that one simulator shares among its routes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.now)
        self.random = random.Random(settings.seed)  # noqa: S311 - a simulator wants repeatable choices, not secrets
        self.store = JobStore(settings.state)
        offset = self.store.facts.get("clock_offset", 0.0)
        self.clock.offset = float(offset) if isinstance(offset, int | float) else 0.0
        self.slots: Callable[[str], int] = lambda _pool: settings.concurrency
        self.life = Life(self.store, self.clock, self._slots_of)
        self.recorder = Recorder()
        self.faults = FaultPlan()
        self.render_fault: Callable[[str], Response] = plain_fault
        self.loops: list[Callable[[], Coroutine[None, None, None]]] = []
        self.changed = asyncio.Event()
        self.life.watch(self._on_change)

    def advance(self, seconds: float) -> None:
        """Move the clock, let everything happen that is due by then, and wake the loops."""
        self.clock.advance(seconds)
        self.store.set_fact("clock_offset", self.clock.offset)
        self.life.advance()
        self.changed.set()

    def scaled(self, seconds: float) -> float:
        """How long something takes at this simulator's speed."""
        return seconds / self.settings.speed

    def _slots_of(self, pool: str) -> int:
        return self.slots(pool)

    def _on_change(self, _job: Job) -> None:
        self.changed.set()


def plain_fault(kind: str) -> Response:
    """The answer to `429`, `500-before`, `500-after` and `empty-404` where the dialect has not set its own."""
    if kind == "empty-404":
        return Response(status_code=404)
    status = 429 if kind == "429" else 500
    return JSONResponse({"error": {"message": f"simulated {kind}", "code": kind}}, status)
