"""Jobs and the journal that keeps them."""

from pathlib import Path

from proxy.simulator.jobs import Job, JobStore


def _job(job_id: str) -> Job:
    return Job(id=job_id, pool="p", created=1.0, ready=2.0, lasts=3.0, expires=9.0, data={"ratio": "16:9"})


def test_a_journal_gives_back_what_was_kept(tmp_path: Path) -> None:
    """Jobs in their last state, removals and facts are there again after a restart, in the order of creation."""
    path = tmp_path / "new" / "state"
    store = JobStore(path)
    first, second, third = _job("a"), _job("b"), _job("c")
    for job in (first, second, third):
        store.save(job)
    first.status = "running"
    store.save(first)
    store.remove("b")
    store.set_fact("clock_offset", 12.5)

    again = JobStore(path)

    assert list(again.jobs.values()) == [first, third]
    assert again.facts == {"clock_offset": 12.5}


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    """A process that was killed in the middle of a line loses that line and nothing else."""
    path = tmp_path / "state"
    store = JobStore(path)
    store.save(_job("a"))
    with path.open("ab") as file:
        file.write(b'{"job":{"id":"b","po')
    assert list(JobStore(path).jobs) == ["a"]
    assert list(JobStore(path).jobs) == ["a"], "the rewritten file is whole"


def test_without_a_path_nothing_is_written() -> None:
    """A simulator without a state file keeps its jobs in memory only."""
    store = JobStore(None)
    store.save(_job("a"))
    store.remove("unknown")
    assert list(store.jobs) == ["a"]


def test_a_dropped_fact_stays_dropped(tmp_path: Path) -> None:
    """A fact that was forgotten does not come back with a restart, before the rewrite or after it."""
    path = tmp_path / "state"
    store = JobStore(path)
    store.set_fact("a", 1)
    store.set_fact("b", 2)
    store.drop_fact("a")
    store.drop_fact("never")
    assert JobStore(path).facts == JobStore(path).facts == {"b": 2}
