"""The estimate of progress."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos.progress import expected_seconds, progress


def record(state: TaskStatus | None, **request: object) -> TaskRecord:
    return TaskRecord(
        key="k",
        caller="c",
        key_prefix="p",
        upstream="ark",
        dialect=Dialect.ARK,
        operation="videos.create",
        original_model="m",
        request_model="doubao-seedance-2-0-260128",
        request_id="r",
        created_at=1000.0,
        request=request,
        snapshot=Snapshot(status=state, status_word=state.value, created_at=1000) if state else None,
    )


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_monotone_and_bounded_while_it_runs(now: float, later: float) -> None:
    """A running task's progress never falls and never passes 95."""
    running = record(TaskStatus.RUNNING, duration=5, resolution="720p")
    assert 0 <= progress(running, now) <= progress(running, now + later) <= 95


@pytest.mark.parametrize("state", [None, TaskStatus.QUEUED, TaskStatus.CANCELLED])
def test_nothing_done_is_zero(state: TaskStatus | None) -> None:
    """What waits, or was cancelled while it waited, is at 0."""
    assert progress(record(state), 1e9) == 0


def test_ends() -> None:
    """A finished task is at 100; a failed one stays where it was when it failed, whatever the time."""
    assert progress(record(TaskStatus.SUCCEEDED), 0) == 100
    failed = record(TaskStatus.FAILED, duration=5)
    assert failed.snapshot is not None
    failed = replace(failed, snapshot=replace(failed.snapshot, updated_at=1100, progress=100))
    assert 0 < progress(failed, 1200) == progress(failed, 1e9) < 95
    assert progress(replace(record(TaskStatus.EXPIRED), ended_at=1000.0), 1e9) == 0
    assert progress(record(TaskStatus.FAILED), 1e9) == 95


def test_the_upstream_may_know_better() -> None:
    """An upstream's own percentage raises the estimate, up to 95."""
    running = record(TaskStatus.RUNNING)
    assert running.snapshot is not None
    assert progress(replace(running, snapshot=replace(running.snapshot, progress=50)), 1000) == 50
    assert progress(replace(running, snapshot=replace(running.snapshot, progress=99)), 1000) == 95


def test_more_work_takes_longer() -> None:
    """Length and resolution raise the expected time; a real 720p task of 5 s took 288 s (ark-wire.md §3.1)."""
    base = expected_seconds(record(None, duration=5, resolution="720p"))
    assert 200 < base < 400
    assert expected_seconds(record(None, duration=10, resolution="720p")) > base
    assert expected_seconds(record(None, duration=5, resolution="1080p")) > base
    assert expected_seconds(record(None, frames=57, resolution="480p")) < base
    assert expected_seconds(record(None, duration=-1)) == expected_seconds(record(None))
