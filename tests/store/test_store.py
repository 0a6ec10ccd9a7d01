"""What every implementation of `proxy.store.Store` must do; nothing here knows which database it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from proxy.errors import StoreError
from proxy.model import Caller, Key, Snapshot, TaskRecord, TaskState
from proxy.store import Store, TaskFilter, UsageFilter
from tests.store.made import CALLER, DONE, KEY, QUEUED, ROW, RUNNING, TASK, call, task

OpenStore = Callable[[], Awaitable[Store]]


async def accepted(store: Store, record: TaskRecord, task_id: str, snapshot: Snapshot = QUEUED) -> None:
    await store.add_task(record)
    assert await store.accept_task(record.key, task_id, snapshot, None)


# callers, keys, settings


async def test_the_first_setting_wins(open_store: OpenStore) -> None:
    """A setting is stored by whoever asks first, and everybody reads that value, also many at once and in other processes."""
    one, two = await open_store(), await open_store()
    values = await asyncio.gather(*(store.setting("secret", f"{n}") for n in range(5) for store in (one, two)))
    assert len(set(values)) == 1
    assert await two.setting("secret", "late") == values[0]


async def test_a_setting_can_be_replaced(store: Store) -> None:
    """What set_setting stored is what setting reads, whether there was one before or not."""
    await store.set_setting("password", "a")
    await store.set_setting("password", "b")
    assert await store.setting("password", "c") == "b"


async def test_callers_are_kept(store: Store) -> None:
    """A caller is added once, replaced whole, read by name and listed by name."""
    assert await store.add_caller(CALLER)
    assert not await store.add_caller(replace(CALLER, created_at=9.0))
    await store.add_caller(Caller(name="aaron", created_at=3.0))
    await store.set_caller(replace(CALLER, suspended=True))
    assert await store.caller("alice") == replace(CALLER, suspended=True)
    assert await store.caller("nobody") is None
    assert [caller.name for caller in await store.callers()] == ["aaron", "alice"]


async def test_a_key_comes_back_as_it_was(store: Store) -> None:
    """Every field of a key survives, and it is found by its hash alone."""
    await store.add_caller(CALLER)
    key = replace(
        KEY, admin=True, expires_at=3.5, revoked_at=4.5, limits={"models": ["a", "b"], "budget": {"amount": "1"}}
    )
    assert await store.add_key(key)
    assert await store.key_by_hash(key.hash) == key
    assert await store.key_by_hash(bytes(32)) is None
    assert await store.keys() == [key]
    assert await store.keys("bob") == []


@pytest.mark.parametrize(
    ("there", "admitted"),
    [
        (KEY, False),
        (replace(KEY, expires_at=1000.0), False),
        (replace(KEY, expires_at=10.0), True),
        (replace(KEY, revoked_at=3.0), True),
        (replace(KEY, name="desktop"), True),
    ],
)
async def test_a_name_belongs_to_one_live_key(store: Store, there: Key, admitted: bool) -> None:
    """A second key of the same name is refused while the first is neither revoked nor expired."""
    await store.add_caller(CALLER)
    assert await store.add_key(there)
    assert await store.add_key(replace(KEY, hash=bytes(32), created_at=20.0)) is admitted
    assert len(await store.keys()) == 1 + admitted


async def test_a_hash_belongs_to_one_key(store: Store) -> None:
    """The same hash cannot be added twice, whatever the names."""
    await store.add_caller(CALLER)
    await store.add_key(KEY)
    assert not await store.add_key(replace(KEY, name="other"))


async def test_a_key_needs_its_caller(store: Store) -> None:
    """A key of a caller that does not exist is an error and is not kept."""
    with pytest.raises(StoreError):
        await store.add_key(KEY)
    assert await store.keys() == []


async def test_a_revoked_key_stays_revoked(store: Store) -> None:
    """Whoever replaces a key from an older reading does not bring it back to life."""
    await store.add_caller(CALLER)
    await store.add_key(KEY)
    await store.set_key(replace(KEY, revoked_at=5.0))
    await store.set_key(replace(KEY, limits={"rpm": 1}))
    assert await store.key_by_hash(KEY.hash) == replace(KEY, revoked_at=5.0, limits={"rpm": 1})


async def test_a_rotation_is_whole(store: Store) -> None:
    """A rotation changes the old key and adds the new one, or does neither if the old one was revoked meanwhile."""
    await store.add_caller(CALLER)
    await store.add_key(KEY)
    new = replace(KEY, hash=bytes(32), created_at=3.0)
    assert await store.rotate_key(replace(KEY, expires_at=9.0), new)
    assert await store.keys() == [replace(KEY, expires_at=9.0), new]
    await store.set_key(replace(new, revoked_at=4.0))
    assert not await store.rotate_key(new, replace(new, hash=b"1" * 32))
    assert len(await store.keys()) == 2


async def test_the_version_tells_other_processes_of_changes(open_store: OpenStore) -> None:
    """The version grows with every change of callers, keys and settings, as seen from elsewhere, and with nothing else."""
    here, there = await open_store(), await open_store()
    seen = [await there.version()]
    for change in (
        here.add_caller(CALLER),
        here.set_caller(replace(CALLER, suspended=True)),
        here.add_key(KEY),
        here.set_key(replace(KEY, limits={})),
        here.rotate_key(KEY, replace(KEY, hash=bytes(32))),
        here.setting("new", "x"),
        here.set_setting("new", "y"),
    ):
        await change
        seen.append(await there.version())
    assert seen == sorted(set(seen))
    await here.add_task(TASK)
    await here.add_rows([call()])
    await here.add_caller(CALLER)
    assert await here.setting("new", "z") == "y"
    assert await here.healthy()
    assert await there.version() == seen[-1]


# the life of a task


async def test_a_task_comes_back_as_it_was(store: Store) -> None:
    """Every field of a task survives, its request and snapshot included, in the state it was added in."""
    full = replace(
        TASK, id="cgt-9", state=TaskState.ACCEPTED, snapshot=DONE, seen_at=1.0, ended_at=2.0, next_poll=3.0, attempts=4,
        settled=True, assumed=True, cost=Decimal("0.000001"), currency="CNY",
    )  # fmt: skip
    await store.add_task(full)
    await store.add_task(replace(TASK, key="k-2"))
    assert await store.task_by_key("k-1") == full
    assert await store.task_by_key("k-2") == replace(TASK, key="k-2")
    assert await store.task_by_key("k-3") is None


async def test_a_key_of_a_task_is_used_once(store: Store) -> None:
    """Two rows cannot have the same internal key; the first one stays."""
    await store.add_task(TASK)
    with pytest.raises(StoreError):
        await store.add_task(replace(TASK, caller="bob"))
    assert await store.task_by_key("k-1") == TASK


async def test_only_accepted_tasks_are_seen(store: Store) -> None:
    """Callers see a task from its acceptance to its deletion, and only their own; its own key finds it always."""
    await store.add_task(TASK)
    assert await store.task("cgt-1", "alice") is None
    assert await store.accept_task("k-1", "cgt-1", QUEUED, 110.0, seen_at=101.0)
    expected = replace(TASK, id="cgt-1", state=TaskState.ACCEPTED, snapshot=QUEUED, next_poll=110.0, seen_at=101.0)
    assert await store.task("cgt-1", "alice") == expected
    assert await store.task("cgt-1", None) == expected
    assert await store.task("cgt-1", "bob") is None
    await store.delete_task("k-1")
    assert await store.task("cgt-1", "alice") is None
    assert await store.tasks(TaskFilter()) == []
    assert await store.count_tasks(TaskFilter()) == 0
    gone = await store.task_by_key("k-1")
    assert gone is not None
    assert gone.state is TaskState.DELETED


async def test_a_taken_id_is_refused(store: Store) -> None:
    """An id is given once per upstream and once per caller; the row that comes second stays as it is."""
    await accepted(store, TASK, "cgt-1")
    for other in (task(2), task(3, caller="bob"), task(4, upstream="second")):
        await store.add_task(other)
        assert not await store.accept_task(other.key, "cgt-1", QUEUED, None)
        assert await store.task_by_key(other.key) == other
    await accepted(store, task(5, caller="bob", upstream="second"), "cgt-1")
    assert not await store.accept_task("unknown", "cgt-2", QUEUED, None)


async def test_accepting_twice_changes_nothing(store: Store) -> None:
    """The late answer and the follower may both bring the id: the second is told yes and changes nothing; another id is refused."""
    await accepted(store, TASK, "cgt-1")
    await store.save_snapshot("k-1", RUNNING, 5.0, None)
    assert await store.accept_task("k-1", "cgt-1", QUEUED, 1.0)
    assert not await store.accept_task("k-1", "cgt-2", QUEUED, 1.0)
    found = await store.task("cgt-1", "alice")
    assert found is not None
    assert found.snapshot == RUNNING


async def test_an_ambiguous_create_stays_hidden_until_resolved(store: Store) -> None:
    """An ambiguous row is no task for callers, is still followed, and becomes one when its id is found."""
    await store.add_task(TASK)
    await store.mark_ambiguous("k-1", "upstream_ambiguous")
    assert [(row.key, row.state) for row in await store.open_tasks()] == [("k-1", TaskState.AMBIGUOUS)]
    assert await store.tasks(TaskFilter()) == []
    assert await store.accept_task("k-1", "cgt-1", QUEUED, None)
    await store.mark_ambiguous("k-1", "late")
    assert await store.task("cgt-1", "alice") is not None


async def test_a_refused_create_leaves_nothing(store: Store) -> None:
    """Dropping removes submitting and ambiguous rows, never an accepted task."""
    await store.add_task(TASK)
    await store.drop_task("k-1")
    assert await store.task_by_key("k-1") is None
    await store.add_task(task(2))
    await store.mark_ambiguous("k-2", "x")
    await store.drop_task("k-2")
    await accepted(store, task(3), "cgt-3")
    await store.drop_task("k-3")
    assert [row.key for row in await store.open_tasks()] == ["k-3"]


async def test_a_look_is_saved_while_the_task_is_open(store: Store) -> None:
    """A snapshot is saved for an accepted open task only: not before, not once settled, not once deleted."""
    await store.add_task(TASK)
    assert not await store.save_snapshot("k-1", RUNNING, 5.0, 6.0)
    assert await store.accept_task("k-1", "cgt-1", QUEUED, None)
    assert await store.save_snapshot("k-1", RUNNING, 5.0, 6.0)
    found = await store.task("cgt-1", "alice")
    assert found is not None
    assert (found.snapshot, found.seen_at, found.next_poll) == (RUNNING, 5.0, 6.0)
    assert await store.settle("k-1", DONE, 7.0, ROW)
    assert not await store.save_snapshot("k-1", RUNNING, 8.0, 9.0)
    await accepted(store, task(2), "cgt-2")
    await store.delete_task("k-2")
    assert not await store.save_snapshot("k-2", RUNNING, 8.0, 9.0)
    assert not await store.save_snapshot("unknown", RUNNING, 8.0, 9.0)


async def test_a_settlement_ends_the_task(store: Store) -> None:
    """Settling writes the last snapshot, the end, the cost and the ledger row together."""
    await accepted(store, TASK, "cgt-1")
    assert await store.settle("k-1", DONE, 151.0, replace(ROW, measured="assumed"))
    expected = replace(
        TASK, id="cgt-1", state=TaskState.ACCEPTED, snapshot=DONE, seen_at=151.0, ended_at=151.0, settled=True, assumed=True,
        cost=ROW.cost, currency="CNY",
    )  # fmt: skip
    assert await store.task("cgt-1", "alice") == expected
    assert await store.open_tasks() == []
    assert await store.ledger(None, None, None, 10) == [replace(ROW, measured="assumed")]


async def test_a_hundred_settlements_at_once_count_once(open_store: OpenStore) -> None:
    """However many see the end at the same time, in two processes, exactly one settles and there is one ledger row."""
    one, two = await open_store(), await open_store()
    await accepted(one, TASK, "cgt-1")
    won = await asyncio.gather(*((one, two)[n % 2].settle("k-1", DONE, float(n), ROW) for n in range(100)))
    assert sum(won) == 1
    assert len(await one.ledger(None, None, None, 10)) == 1
    assert (await two.usage(UsageFilter()))[0].calls == 1


async def test_a_task_without_an_id_or_a_caller_is_still_accounted(store: Store) -> None:
    """An ambiguous row may be closed, and a deleted task may be settled; both once."""
    await store.add_task(TASK)
    await store.mark_ambiguous("k-1", "x")
    await accepted(store, task(2), "cgt-2")
    await store.delete_task("k-2")
    assert await store.settle("k-1", DONE, 1.0, replace(ROW, cost=None))
    assert await store.settle("k-2", DONE, 1.0, replace(ROW, task_key="k-2"))
    assert not await store.settle("k-1", DONE, 1.0, ROW)
    assert not await store.settle("unknown", DONE, 1.0, ROW)
    assert await store.open_tasks() == []


async def test_a_second_settlement_row_is_refused(store: Store) -> None:
    """The ledger itself admits one settlement per task; adjustments are further rows."""
    await store.add_rows([ROW])
    with pytest.raises(StoreError):
        await store.add_rows([call(1), replace(ROW, time=9.0)])
    await store.add_rows([replace(ROW, kind="adjustment"), replace(ROW, kind="adjustment")])
    assert [row.kind for row in await store.ledger(None, None, None, 10)] == ["adjustment", "adjustment", "settlement"]


async def test_open_tasks_are_those_not_settled(store: Store) -> None:
    """What is submitting, ambiguous or accepted and not settled is open, oldest first, of one upstream if asked."""
    await store.add_task(task(3))
    await accepted(store, task(2, upstream="second"), "cgt-2")
    await accepted(store, task(1), "cgt-1")
    await accepted(store, task(4), "cgt-4")
    await store.settle("k-4", DONE, 1.0, replace(ROW, task_key="k-4"))
    assert [row.key for row in await store.open_tasks()] == ["k-1", "k-2", "k-3"]
    assert [row.key for row in await store.open_tasks("second")] == ["k-2"]


# the ledger


async def test_ledger_rows_come_back_as_they_were(store: Store) -> None:
    """Every field of a row survives; rows come newest first, of one caller and period if asked, and no more than asked."""
    sparse = call(1, cost=None, currency=None, has_video_input=None, seconds=None, total_tokens=None, stream=False)
    rows = [sparse, call(2, caller="bob"), call(3), call(3, request_id="later"), ROW]
    await store.add_rows(rows)
    assert await store.ledger(None, None, None, 10) == rows[::-1]
    assert await store.ledger("alice", None, None, 2) == [ROW, rows[3]]
    assert await store.ledger(None, 2.0, 3.0, 10) == [rows[1]]


async def test_rows_are_added_all_or_none(store: Store) -> None:
    """A row that cannot be kept takes the rows of the same write with it, and no others, however many write at once."""
    bad = call(2, cost=Decimal("NaN"))
    writes = [store.add_rows([call(n)]) for n in range(10)]
    outcomes = await asyncio.gather(*writes, store.add_rows([call(50), bad]), return_exceptions=True)
    assert [isinstance(outcome, StoreError) for outcome in outcomes] == [False] * 10 + [True]
    assert len(await store.ledger(None, None, None, 100)) == 10
    assert (await store.usage(UsageFilter()))[0].calls == 10


async def test_a_cancelled_write_disturbs_nobody(store: Store) -> None:
    """Whoever is cancelled while waiting leaves the others' writes as they are."""
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(store.add_rows([call(n)])) for n in range(5)]
        await asyncio.sleep(0)
        waiting[2].cancel()
    rows = await store.ledger(None, None, None, 10)
    assert {row.time for row in rows} >= {0.0, 1.0, 3.0, 4.0}


# opening and closing


async def test_closing_finishes_what_waits(open_store: OpenStore) -> None:
    """Writes that wait when the store is closed are made and told so; later ones are refused in a sentence."""
    store = await open_store()
    async with asyncio.TaskGroup() as group:
        for n in range(50):
            group.create_task(store.add_rows([call(n)]))
        await asyncio.sleep(0)
        await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.add_rows([call(1)])
    assert not await store.healthy()
    assert len(await (await open_store()).ledger(None, None, None, 100)) == 50


async def test_a_store_may_be_closed_twice_and_opened_again(store: Store) -> None:
    """Closing a closed store and opening an open one do nothing."""
    await store.open()
    await store.close()
    await store.close()
    await store.open()
    assert await store.healthy()
