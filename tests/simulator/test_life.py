"""How jobs move through their states with the clock."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.clock import Clock
from proxy.simulator.jobs import TERMINAL, Job, JobStore
from proxy.simulator.life import Life


@dataclass
class _World:
    slots: int = 1
    store: JobStore = field(default_factory=lambda: JobStore(None))
    clock: Clock = field(default_factory=lambda: Clock(lambda: 1000.0))
    seen: list[tuple[str, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.life = Life(self.store, self.clock, lambda _pool: self.slots)
        self.life.watch(lambda job: self.seen.append((job.id, job.status, job.updated)))

    def add(self, job_id: str, lasts: float = 10.0, priority: int = 0, expires: float = 10_000.0) -> Job:
        now = self.clock.now()
        job = Job(job_id, "pool", now, now + 5, lasts, now + expires, priority=priority)
        self.life.add(job)
        return job

    def status(self, job_id: str) -> str:
        job = self.life.get(job_id)
        return job.status if job else "gone"


def test_a_job_waits_runs_and_ends_at_the_times_that_follow_from_its_facts() -> None:
    """One look long after the end still finds each change at the moment it belongs to."""
    world = _World()
    world.add("a")
    world.clock.advance(3600)
    assert world.status("a") == "succeeded"
    assert world.seen == [("a", "queued", 1000.0), ("a", "running", 1005.0), ("a", "succeeded", 1015.0)]


def test_jobs_queue_above_the_slots() -> None:
    """A third job starts when the first of two running ones ends."""
    world = _World(slots=2)
    for job_id, lasts in (("a", 10), ("b", 20), ("c", 10)):
        world.add(job_id, lasts)
    world.clock.advance(6)
    assert [world.status(job_id) for job_id in "abc"] == ["running", "running", "queued"]
    assert world.life.queued("pool") == 1
    world.clock.advance(3600)
    world.life.advance()
    assert ("c", "running", 1015.0) in world.seen
    assert ("c", "succeeded", 1025.0) in world.seen


def test_priority_reorders_only_the_queue() -> None:
    """A job of higher priority overtakes those that wait, not the one that runs."""
    world = _World()
    world.add("running")
    world.clock.advance(6)
    world.add("low")
    world.add("high", priority=9)
    world.clock.advance(3600)
    world.life.advance()
    started = [job_id for job_id, status, _ in world.seen if status == "running"]
    assert started == ["running", "high", "low"]


def test_a_job_expires_wherever_it_is() -> None:
    """A job that waits or runs past its end is expired, and its slot is free again."""
    world = _World()
    world.add("long", lasts=500, expires=100)
    world.add("never", expires=50)
    world.add("next")
    world.clock.advance(3600)
    world.life.advance()
    ends = [entry for entry in world.seen if entry[1] in TERMINAL]
    assert ends == [("never", "expired", 1050.0), ("long", "expired", 1100.0), ("next", "succeeded", 1110.0)]


def test_a_cancelled_job_never_runs_and_a_removed_one_frees_its_slot() -> None:
    """Cancelling and removing take effect now, also for those that wait behind."""
    world = _World()
    first, second = world.add("a", lasts=1000), world.add("b")
    world.add("c")
    world.clock.advance(6)
    world.life.cancel(second)
    world.life.remove(first)
    world.clock.advance(4)
    assert [world.status(job_id) for job_id in "abc"] == ["gone", "cancelled", "running"]
    assert ("c", "running", 1006.0) in world.seen


def test_a_forced_state_holds_and_goes_on_from_there() -> None:
    """A finished job that is forced to run runs its usual time from now; one forced to queue starts at once."""
    world = _World()
    job = world.add("a")
    world.clock.advance(100)
    world.life.force(job, "running")
    world.clock.advance(9)
    assert world.status("a") == "running"
    world.clock.advance(1)
    assert world.status("a") == "succeeded"
    world.life.force(job, "queued")
    assert world.status("a") == "running"


def test_the_next_event_is_the_earliest_change() -> None:
    """Whoever waits knows until when; with nothing under way there is nothing to wait for."""
    world = _World()
    assert world.life.next_event() is None
    world.add("a")
    assert world.life.next_event() == 1005.0
    world.clock.advance(3600)
    world.life.advance()
    assert world.life.next_event() is None


def test_a_restart_goes_on_where_the_life_was() -> None:
    """Running and waiting jobs keep their times and places when only the store survives."""
    world = _World()
    world.add("a")
    world.add("b")
    world.clock.advance(6)
    world.life.advance()
    again = _World(store=world.store, clock=world.clock)
    world.clock.advance(3600)
    again.life.advance()
    assert again.seen == [("a", "succeeded", 1015.0), ("b", "running", 1015.0), ("b", "succeeded", 1025.0)]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9), st.integers(1, 200)), max_size=30), st.integers(1, 4))
def test_slots_are_never_exceeded_and_every_job_ends(jobs: list[tuple[int, int, int]], slots: int) -> None:
    """However jobs last, matter and expire: at most `slots` run at any time, and each ends exactly once."""
    world = _World(slots=slots)
    for index, (lasts, priority, expires) in enumerate(jobs):
        world.add(str(index), lasts, priority, expires)
    world.clock.advance(100_000)
    world.life.advance()
    running: set[str] = set()
    ended = []
    for job_id, status, _ in world.seen:
        if status == "running":
            running.add(job_id)
        elif status in TERMINAL:
            running.discard(job_id)
            ended.append(job_id)
        assert len(running) <= slots
    assert sorted(ended) == sorted(str(index) for index in range(len(jobs)))
