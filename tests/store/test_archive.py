"""The rows about copies: who copies what and when, and that a late word changes nothing."""

from dataclasses import replace

import pytest

from proxy.model import Snapshot, TaskStatus
from proxy.store import Store
from proxy.store.archive import COPY_COLUMNS, Copy, CopyState, copy_of, copy_row
from tests.store.conftest import OpenStore
from tests.store.made import DONE, ROW, task

KEPT = Copy(
    task_key="k-1",
    state=CopyState.KEPT,
    location="local:k-1.mp4",
    frame="local:k-1-last.jpeg",
    size=2**40,
    sha256="ab" * 32,
    content_type="video/mp4",
    attempts=3,
    archived_at=300.5,
    expires_at=900.25,
    reason=None,
)


async def ended(store: Store, number: int, at: float, status: TaskStatus = TaskStatus.SUCCEEDED) -> str:
    """A task that ended then; its key."""
    record = task(number)
    await store.add_task(record)
    snapshot: Snapshot = replace(DONE, status=status, status_word=status.value)
    assert await store.accept_task(record.key, f"cgt-{number}", snapshot, None)
    assert await store.settle(record.key, snapshot, at, replace(ROW, task_key=record.key, task_id=f"cgt-{number}"))
    return record.key


async def claimed(store: Store, key: str, now: float = 1000.0, *, early: bool = False) -> Copy:
    """The attempt that was claimed."""
    copy = await store.claim_copy(key, now, now + 100, early=early)
    assert copy is not None
    return copy


@pytest.mark.parametrize("copy", [KEPT, Copy(task_key="k", state=CopyState.WAITING)])
def test_a_row_is_the_value(copy: Copy) -> None:
    """What is written to columns comes back as it was."""
    assert copy_of(copy_row(copy)) == copy
    assert len(copy_row(copy)) == len(COPY_COLUMNS)


async def test_results_are_due_by_their_end(store: Store) -> None:
    """Succeeded tasks that ended since then are due, longest ended first, a limited number of them; others never are."""
    keys = [await ended(store, number, at) for number, at in ((1, 700.0), (2, 500.0), (3, 600.0), (4, 499.9))]
    for number, status in enumerate((TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.EXPIRED), 5):
        await ended(store, number, 600.0, status)
    await store.add_task(task(9))
    assert await store.copies_due(1000.0, 500.0, 10) == [keys[1], keys[2], keys[0]]
    assert await store.copies_due(1000.0, 500.0, 2) == [keys[1], keys[2]]
    await store.delete_task(keys[2])
    assert await store.copies_due(1000.0, 500.0, 10) == [keys[1], keys[0]]


async def test_an_attempt_is_claimed_once(store: Store, open_store: OpenStore) -> None:
    """Of two processes that claim the same attempt one gets it; it is not due again before its lease ends."""
    key = await ended(store, 1, 900.0)
    other = await open_store()
    copy = await claimed(store, key)
    assert copy == Copy(task_key=key, state=CopyState.COPYING, attempts=1, next_try=1100.0)
    assert await other.claim_copy(key, 1000.0, 1100.0) is None
    assert await other.claim_copy(key, 1000.0, 1100.0, early=True) is None
    assert await store.copies_due(1099.9, 0.0, 10) == []
    assert await store.copies_due(1100.0, 0.0, 10) == [key]
    assert (await claimed(other, key, 1100.0)).attempts == 2


async def test_an_outcome_is_kept(store: Store) -> None:
    """The end of an attempt is the row's new state, whole."""
    key = await ended(store, 1, 900.0)
    copy = await claimed(store, key)
    kept = replace(KEPT, task_key=key, attempts=copy.attempts)
    assert await store.end_copy(kept)
    assert await store.copy(key) == kept
    assert await store.copies_due(10**9, 0.0, 10) == []
    assert await store.claim_copy(key, 10**9, 10**9 + 1, early=True) is None


async def test_a_failed_attempt_waits_for_its_time(store: Store) -> None:
    """A waiting row is due when it says, and may be claimed before that only by who is in a hurry."""
    key = await ended(store, 1, 900.0)
    copy = await claimed(store, key)
    assert await store.end_copy(replace(copy, state=CopyState.WAITING, next_try=1500.0, reason="the disk is full"))
    assert await store.copies_due(1499.0, 0.0, 10) == []
    assert await store.claim_copy(key, 1499.0, 1600.0) is None
    hurried = await claimed(store, key, 1499.0, early=True)
    assert (hurried.attempts, hurried.reason) == (2, "the disk is full")


async def test_a_late_word_changes_nothing(store: Store) -> None:
    """The outcome of an attempt that was taken for dead and claimed anew is not written."""
    key = await ended(store, 1, 900.0)
    first = await claimed(store, key)
    second = await claimed(store, key, 1100.0)
    assert not await store.end_copy(replace(first, state=CopyState.FAILED, reason="late"))
    assert await store.copy(key) == second
    assert await store.end_copy(replace(KEPT, task_key=key, attempts=second.attempts))
    assert not await store.end_copy(replace(second, state=CopyState.FAILED, reason="later still"))


async def test_a_start_takes_up_what_was_under_way(store: Store) -> None:
    """Copying rows become due; what waits, is kept or has failed stays as it is."""
    keys = [await ended(store, number, 900.0) for number in (1, 2, 3)]
    copies = [await claimed(store, key) for key in keys]
    await store.end_copy(replace(copies[1], state=CopyState.WAITING, next_try=5000.0))
    await store.end_copy(replace(copies[2], state=CopyState.FAILED, next_try=None, reason="too large"))
    await store.release_copies(1001.0)
    assert await store.copies_due(1001.0, 0.0, 10) == [keys[0]]
    assert (await claimed(store, keys[0], 1001.0)).attempts == 2


async def test_attempts_that_are_due_come_before_new_results(store: Store) -> None:
    """A limited look is not filled up by what is new."""
    old, new = await ended(store, 1, 900.0), await ended(store, 2, 800.0)
    copy = await claimed(store, old)
    await store.end_copy(replace(copy, state=CopyState.WAITING, next_try=1000.0))
    assert await store.copies_due(1000.0, 0.0, 1) == [old]
    assert await store.copies_due(1000.0, 0.0, 2) == [old, new]


async def test_copies_whose_time_is_over(store: Store) -> None:
    """They are listed from their end on, longest over first; a dropped one keeps what is known of it and says why it is gone."""
    for number, expires in ((1, 2000.0), (2, 1500.0), (3, None)):
        key = await ended(store, number, 900.0)
        copy = await claimed(store, key)
        await store.end_copy(replace(KEPT, task_key=key, attempts=copy.attempts, expires_at=expires))
    assert [copy.task_key for copy in await store.expired_copies("local", 2000.0, 10)] == ["k-2", "k-1"]
    assert [copy.task_key for copy in await store.expired_copies("local", 2000.0, 1)] == ["k-2"]
    assert await store.expired_copies("s3", 2000.0, 10) == []
    (over,) = await store.expired_copies("local", 1999.9, 10)
    await store.drop_copy(over, "its time is over")
    assert await store.expired_copies("local", 1999.9, 10) == []
    gone = replace(over, state=CopyState.EXPIRED, location=None, frame=None, reason="its time is over")
    assert await store.copy("k-2") == gone
    await store.drop_copy(over, "again")
    assert await store.copy("k-2") == gone


async def test_an_unknown_task_has_no_copy(store: Store) -> None:
    """Without a row there is none."""
    assert await store.copy("k-none") is None
