"""What a prune forgets and what it keeps, in every implementation of `proxy.store.Store`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson
import pytest

from proxy.model import Snapshot, TaskState
from proxy.store import Store, UsageFilter
from proxy.store.commands import Command
from proxy.store.prune import COUNTED, Prune, forgotten
from tests.store.made import DONE, QUEUED, ROW, call, task

OpenStore = Callable[[], Awaitable[Store]]
TOLD = replace(DONE, facts={**DONE.facts, "revised_prompt": "a tabby cat"})
DAY = 86400.0


async def ended(store: Store, number: int, at: float, snapshot: Snapshot = TOLD) -> None:
    """The n-th task, ended at that second."""
    record = task(
        number, idempotency_key=f"i{number}", fingerprint="f", request={"prompt": "a cat", "callback_url": "http://c"}
    )
    await store.add_task(record)
    await store.accept_task(record.key, f"cgt-{number}", QUEUED, None)
    row = replace(ROW, task_key=record.key, task_id=f"cgt-{number}", time=at)
    assert await store.settle(record.key, snapshot, at, row)


async def fill(store: Store) -> None:
    """Two ended tasks, one old and one new, one that is open, their callbacks, two commands."""
    await ended(store, 1, 200.0)
    await ended(store, 2, 2000.0)
    await store.add_task(task(3, fingerprint="f"))
    await store.accept_task("k-3", "cgt-3", QUEUED, None)
    for delivery in await store.due_deliveries(9e9, 10):
        await store.end_delivery(delivery, "delivered", None, None)
    for number, until in (("1", 300.0), ("2", 3000.0)):
        await store.add_command(
            Command(key=number, kind="refresh", arguments={}, created_at=until - 30, expires_at=until)
        )


async def test_old_texts_go_and_facts_stay(store: Store) -> None:
    """Prompts and raw bodies of what ended before go; the rest of the task, other tasks and the ledger stay."""
    await fill(store)
    counts = await store.prune(Prune(before=1000.0, repeats_before=1000.0))
    assert counts == {"prompts": 1, "bodies": 1, "deliveries": 1, "idempotency": 3, "commands": 1, "ledger": 0}
    old, new, still = [await store.task_by_key(f"k-{number}") for number in (1, 2, 3)]
    assert old is not None
    assert new is not None
    assert still is not None
    assert old.request == {"callback_url": "http://c"}
    assert old.snapshot == replace(DONE, raw={})
    assert (old.settled, old.cost, old.ended_at) == (True, ROW.cost, 200.0)
    assert (old.idempotency_key, new.idempotency_key, new.fingerprint, still.fingerprint) == (None, None, None, None)
    assert (new.request["prompt"], new.snapshot) == ("a cat", TOLD)
    assert await store.delivery("k-1") is None
    assert await store.delivery("k-2") is not None
    assert await store.command("1") is None
    assert await store.command("2") is not None
    assert len(await store.ledger(None, None, None, 10)) == 2


async def test_a_second_prune_finds_nothing(store: Store) -> None:
    """What is forgotten is counted once."""
    await fill(store)
    await store.prune(Prune(before=1000.0, repeats_before=1000.0))
    assert set((await store.prune(Prune(before=1000.0, repeats_before=1000.0))).values()) == {0}


async def test_repeats_have_a_limit_of_their_own(store: Store) -> None:
    """Idempotency keys are kept until their own time, whatever else goes."""
    await fill(store)
    counts = await store.prune(Prune(before=1000.0, repeats_before=0.0))
    assert (counts["prompts"], counts["idempotency"]) == (1, 0)
    record = await store.task_by_key("k-1")
    assert record is not None
    assert (record.idempotency_key, record.fingerprint) == ("i1", "f")


@pytest.mark.parametrize("ledger", [False, True])
async def test_a_dry_run_changes_nothing(store: Store, ledger: bool) -> None:
    """It counts what a prune would forget, exactly, and leaves it."""
    await fill(store)
    wanted = Prune(before=3 * DAY, repeats_before=1000.0, ledger=ledger)
    counted = await store.prune(replace(wanted, dry_run=True))
    assert list(counted) == list(COUNTED)
    assert counted["ledger"] == (2 if ledger else 0)
    record = await store.task_by_key("k-1")
    assert record is not None
    assert record.request["prompt"] == "a cat"
    assert await store.prune(wanted) == counted


async def test_pending_callbacks_and_open_tasks_stay(store: Store) -> None:
    """What is not over is not forgotten, however old it is."""
    await store.add_task(task(1, request={"prompt": "a cat", "callback_url": "http://c"}))
    await store.accept_task("k-1", "cgt-1", TOLD, None)
    await store.add_task(task(2, state=TaskState.SUBMITTING))
    counts = await store.prune(Prune(before=9e9, repeats_before=0.0))
    assert set(counts.values()) == {0}
    assert await store.delivery("k-1") is not None


async def test_many_tasks_are_pruned_in_pieces(store: Store) -> None:
    """More tasks than one piece holds are all pruned."""
    for number in range(1203):
        await store.add_task(task(number, fingerprint="f"))
    counts = await store.prune(Prune(before=9e9, repeats_before=9e9, dry_run=True))
    assert counts["idempotency"] == 1203
    assert await store.prune(Prune(before=9e9, repeats_before=9e9)) == counts


async def test_whole_days_of_the_ledger_go(store: Store) -> None:
    """With the ledger, whole local days go, rows and sums alike; the day in which the limit falls stays."""
    await store.add_rows([call(number, time=number * DAY / 2) for number in range(10)])
    counts = await store.prune(Prune(before=2 * DAY + 7, repeats_before=0.0, ledger=True))
    assert counts["ledger"] == 4
    assert [row.time for row in await store.ledger(None, None, None, 99)] == [n * DAY / 2 for n in range(9, 3, -1)]
    (by_sums,) = await store.usage(UsageFilter())
    (by_rows,) = await store.usage(UsageFilter(since=1.0, until=9 * DAY))
    assert (by_sums.calls, by_rows.calls) == (6, 6)
    days = await store.usage(UsageFilter(by=("day",)))
    assert [(day.group["day"], day.calls) for day in days] == [("1970-01-03", 2), ("1970-01-04", 2), ("1970-01-05", 2)]


@pytest.mark.parametrize(
    ("request_", "snapshot", "prompts", "bodies"),
    [
        ({"prompt": "p", "ratio": "1:1"}, {"raw": {"a": 1}, "facts": {"seed": 1}}, True, True),
        ({"ratio": "1:1"}, {"raw": {}, "facts": {"seed": 1}}, False, False),
        ({"prompt": None, "ratio": "1:1"}, {"raw": {}, "facts": {"seed": 1, "revised_prompt": "r"}}, True, False),
        ({"ratio": "1:1"}, None, False, False),
    ],
)
def test_forgotten(request_: object, snapshot: object, prompts: bool, bodies: bool) -> None:
    """Prompts are where the caller and where the upstream wrote them; everything else stays as it is."""
    rest = forgotten(orjson.dumps(request_).decode(), None if snapshot is None else orjson.dumps(snapshot).decode())
    assert (rest.prompts, rest.bodies) == (prompts, bodies)
    assert orjson.loads(rest.request) == {"ratio": "1:1"}
    assert rest.snapshot is None or orjson.loads(rest.snapshot) == {"raw": {}, "facts": {"seed": 1}}
