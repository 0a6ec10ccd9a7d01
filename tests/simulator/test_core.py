"""What the dialects share."""

from pathlib import Path

import orjson

from proxy.simulator.core import Core, plain_fault
from proxy.simulator.jobs import Job
from proxy.simulator.settings import Settings


def test_an_advanced_clock_survives_a_restart(tmp_path: Path) -> None:
    """What a test moved the clock by holds for the next simulator on the same file, and so do its jobs."""
    settings = Settings(state=tmp_path / "state", now=lambda: 1000.0)
    core = Core(settings)
    core.life.add(Job("a", "pool", 1000.0, 1005.0, 10.0, 9999.0))
    core.advance(6)
    again = Core(settings)
    assert again.clock.now() == 1006.0
    assert [(job.id, job.status) for job in again.life.all()] == [("a", "running")]


def test_an_advance_wakes_the_loops() -> None:
    """Whoever waits for a change hears of an advance and of a new job."""
    core = Core(Settings(now=lambda: 1000.0))
    core.advance(1)
    assert core.changed.is_set()


def test_a_dialect_may_set_the_slots_late() -> None:
    """The slots are asked for when they are needed, so a dialect can set them after the jobs were loaded."""
    core = Core(Settings(now=lambda: 1000.0))
    core.slots = lambda _pool: 0
    core.life.add(Job("a", "pool", 1000.0, 1000.0, 10.0, 9999.0))
    assert [job.status for job in core.life.all()] == ["queued"]


def test_speed_divides_durations() -> None:
    """At speed 20 a minute takes three seconds."""
    assert Core(Settings(speed=20)).scaled(60) == 3


def test_the_seed_makes_choices_repeatable() -> None:
    """Two simulators of one seed choose alike."""
    first, second = Core(Settings(seed=7)), Core(Settings(seed=7))
    assert first.random.random() == second.random.random()


def test_plain_faults() -> None:
    """A dialect without renderings of its own still fails with the right status."""
    assert [plain_fault(kind).status_code for kind in ("429", "500-before", "500-after", "empty-404")] == [
        429,
        500,
        500,
        404,
    ]
    assert plain_fault("empty-404").body == b""
    assert orjson.loads(plain_fault("429").body)["error"]["code"] == "429"
