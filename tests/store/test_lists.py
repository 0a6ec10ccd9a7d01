"""The lists of every implementation of `proxy.store.Store`: filters, orders, pages."""

import asyncio

import pytest

from proxy.model import Snapshot, TaskRecord, TaskStatus
from proxy.store import Store, TaskFilter
from tests.store.made import DONE, QUEUED, ROW, RUNNING, task


async def accepted(store: Store, record: TaskRecord, task_id: str, snapshot: Snapshot = QUEUED) -> None:
    await store.add_task(record)
    assert await store.accept_task(record.key, task_id, snapshot, None)


LISTED: dict[int, dict[str, object]] = {
    1: {},
    2: {"original_model": "seedance-2.5"},
    3: {"request": {"service_tier": "flex"}},
    4: {"caller": "bob"},
    5: {"created_at": 103.0},
}


async def fill(store: Store) -> None:
    for number, changes in LISTED.items():
        await accepted(store, task(number, **changes), f"cgt-{number}")
    await store.add_task(task(6))
    await store.save_snapshot("k-2", RUNNING, 1.0, None)
    await store.settle("k-1", DONE, 1.0, ROW)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (TaskFilter(), [4, 5, 3, 2, 1]),
        (TaskFilter(ascending=True), [1, 2, 3, 5, 4]),
        (TaskFilter(caller="alice"), [5, 3, 2, 1]),
        (TaskFilter(caller="alice", limit=2), [5, 3]),
        (TaskFilter(caller="alice", limit=2, offset=1), [3, 2]),
        (TaskFilter(caller="alice", limit=0), []),
        (TaskFilter(caller="nobody"), []),
        (TaskFilter(statuses=frozenset({TaskStatus.QUEUED})), [4, 5, 3]),
        (TaskFilter(statuses=frozenset({TaskStatus.RUNNING, TaskStatus.SUCCEEDED})), [2, 1]),
        (TaskFilter(statuses=frozenset()), []),
        (TaskFilter(caller="alice", ids=("cgt-1", "cgt-4", "cgt-5", "cgt-x")), [5, 1]),
        (TaskFilter(ids=()), []),
        (TaskFilter(models=frozenset({"seedance-2.5", "x"})), [2]),
        (TaskFilter(service_tier="flex"), [3]),
        (TaskFilter(caller="alice", service_tier="default"), [5, 2, 1]),
        (TaskFilter(caller="alice", after="cgt-3"), [2, 1]),
        (TaskFilter(caller="alice", after="cgt-5"), [3, 2, 1]),
        (TaskFilter(caller="alice", after="cgt-3", ascending=True), [5]),
        (TaskFilter(caller="alice", after="cgt-5", ascending=True), []),
        (TaskFilter(caller="alice", after="cgt-2", limit=1, statuses=frozenset({TaskStatus.SUCCEEDED})), [1]),
        (TaskFilter(caller="alice", after="cgt-4"), []),
        (TaskFilter(caller="alice", after="cgt-unknown"), []),
    ],
)
async def test_lists_are_filtered_and_ordered(store: Store, wanted: TaskFilter, numbers: list[int]) -> None:
    """A list holds the accepted tasks that match, newest first unless ascending, from its cursor and offset on."""
    await fill(store)
    assert [row.key for row in await store.tasks(wanted)] == [f"k-{number}" for number in numbers]


async def test_a_count_ignores_paging(store: Store) -> None:
    """A count is of all that match, whatever the page."""
    await fill(store)
    assert await store.count_tasks(TaskFilter(caller="alice", limit=1, offset=2, after="cgt-3")) == 4
    assert await store.count_tasks(TaskFilter(statuses=frozenset({TaskStatus.QUEUED}))) == 3


async def test_the_service_tier_is_the_upstreams_word(store: Store) -> None:
    """A snapshot's service tier is what lists filter by, before the tier that the request asked for."""
    await accepted(store, task(1, request={"service_tier": "flex"}), "cgt-1", DONE)
    assert [row.key for row in await store.tasks(TaskFilter(service_tier="default"))] == ["k-1"]


async def test_paging_by_cursor_meets_every_task_once(store: Store) -> None:
    """Walking a list by its last id meets every task once, also where many were created in the same instant."""
    keys = [f"k-{number}" for number in range(25)]
    await asyncio.gather(*(accepted(store, task(n, created_at=100.0 + n // 10), f"cgt-{n}") for n in range(25)))
    met: list[str] = []
    after: str | None = None
    while page := await store.tasks(TaskFilter(caller="alice", after=after, limit=4)):
        met += [row.key for row in page]
        after = page[-1].id
    assert sorted(met) == sorted(keys)
