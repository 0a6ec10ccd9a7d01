"""Every task is taken to its end with nobody polling, within the account's limits, whatever goes wrong upstream."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.follower.lists import MANY
from proxy.follower.schedule import AGAIN, KEPT
from proxy.model import TaskRecord, TaskStatus
from tests.support.life import FAST, START, TASKS, Clock, Life, Sim, life, simulated, upstream_of

LITE = "doubao-seedance-1-0-lite-t2v-250428"
GET = "GET " + TASKS


@pytest.fixture
def clock() -> Clock:
    """The time of gateway and simulator."""
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> Iterator[Sim]:
    """An Ark account with Ark's limits."""
    with simulated(clock) as running:
        yield running


def of(record: TaskRecord, status: str, **changes: object) -> str:
    """What Ark would say of a task, as JSON."""
    body: dict[str, Any] = {
        "id": record.id,
        "model": FAST,
        "status": status,
        "created_at": int(START),
        "updated_at": int(START),
        "service_tier": "default",
    }
    return json.dumps(body | changes)


async def delays(alive: Life, sim: Sim) -> list[float]:
    """Seconds between the end of each task and the moment when the gateway saw it, least first; all must have been seen."""
    seen = dict(alive.rows("SELECT id, ended_at FROM tasks"))
    return sorted(seen[task_id] - job["updated"] for task_id, job in sim.jobs().items())


def settled(alive: Life) -> dict[str, int]:
    """How many settlements each task has."""
    return dict(alive.rows("SELECT task_id, COUNT(*) FROM ledger WHERE kind = 'settlement' GROUP BY task_id"))


# -- nobody polls


@pytest.mark.parametrize(
    ("number", "way"),
    [(4, "singly"), (300, "by their ids"), (MANY + 30, "by walking the running ones")],
    ids=["few", "hundreds", "thousands"],
)
async def test_every_task_comes_to_its_end(tmp_path: Path, clock: Clock, number: int, way: str) -> None:
    """However many they are, flex ones among them: every end is seen within 15 s, settled once, and no limit is ever passed."""
    with simulated(clock, speed=2.0) as sim:
        async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
            for n in range(number):
                flex = n % 4 == 3
                tier = {"model": LITE, "service_tier": "flex"} if flex else {}
                await alive.create(prompt=f"a cat, {n}", duration=4 + n % 7, **tier)
                clock.now += 0.02
                if n % 50 == 0:
                    await alive.follower.round("ark")
            while alive.follower.open_count():
                await alive.rounds(5)
                assert clock() < START + 400, f"{alive.follower.open_count()} are still open"
            late = await delays(alive, sim)
        queries = [one["query"] for one in sim.requests("GET", TASKS) if one["path"] == TASKS]
        assert late[0] >= 0
        assert late[-1] <= 15
        assert set(settled(alive).values()) == {1}
        assert len(settled(alive)) == number
        assert sim.limited() == 0
        assert any("filter.task_ids" in query for query in queries) == (way != "singly")
        assert any("filter.status=running" in query for query in queries) == way.startswith("by walking")


async def test_a_restart_takes_up_what_is_open(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Tasks that ended while nobody was there are settled soon after the next start, with the end that they had."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        good, bad = await alive.create(), await alive.create()
    sim.force(good.id or "", "succeeded")
    sim.force(bad.id or "", "failed", error={"code": "OutputVideoSensitiveContentDetected", "message": "no"})
    clock.now += 300
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        assert alive.follower.open_count() == 2
        await alive.rounds(15)
        rows = {row.task_id: (row.status, row.error_code) for row in await alive.ledger()}
        assert rows == {good.id: ("succeeded", None), bad.id: ("failed", "OutputVideoSensitiveContentDetected")}


# -- trouble upstream


async def test_an_upstream_in_trouble_is_left_alone_and_troubles_nobody_else(tmp_path: Path, clock: Clock) -> None:
    """While one upstream fails, another one's tasks end in time; the failing one is asked less and less, and followed again when it is well."""
    with simulated(clock) as bad, simulated(clock) as good:
        upstreams = [upstream_of("bad", bad), upstream_of("good", good)]
        async with life(tmp_path, upstreams, clock) as alive:
            there = [await alive.create(prompt=f"there {n}") for n in range(3)]
            alive.services.router.configure(upstreams, {}, "good")
            here = await alive.create(prompt="here")
            bad.fault(GET + ".*", "500-before", times=100_000)
            bad.forget()
            good.force(here.id or "", "succeeded")
            await alive.rounds(15)
            assert (await alive.record(here)).settled
            await alive.rounds(285)
            assert 3 <= len(bad.requests("GET")) <= 3 * 14  # 2, 4, 8, 16, 32 and then 60 seconds between the attempts
            assert len(alive.told.of("cannot be followed")) <= 14
            assert [one["upstream"] for one in alive.told.of("cannot be followed")[:1]] == ["bad"]
            bad.no_faults()
            for record in there:
                bad.force(record.id or "", "succeeded")
            await alive.rounds(75)
            assert alive.follower.open_count() == 0


async def test_an_upstream_that_is_gone_keeps_its_tasks_open(tmp_path: Path, clock: Clock) -> None:
    """Nothing answers on its port: tasks stay open for days, with an alert once their time is over, and are settled when it is back."""
    with simulated(clock) as sim:
        base = upstream_of("ark", sim)
        async with life(tmp_path, [base], clock) as alive:
            record = await alive.create(execution_expires_after=3600)
    async with life(tmp_path, [base], clock) as alive:
        await alive.rounds(30)
        assert alive.told.of("time is over") == []
        clock.now = START + 3600
        await alive.rounds(300)
        assert [one["task"] for one in alive.told.of("time is over")] == [record.id]
        assert not (await alive.record(record)).settled
        assert await alive.ledger() == []


async def test_one_task_in_trouble_delays_no_other(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """An answer that cannot be read, or a failure for one id only, puts off that task and nothing else."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        broken, failing = await alive.create(), await alive.create()
        sim.fault(f"{GET}/{broken.id}", "answer", times=100_000, status=200, body="<html>")
        sim.fault(f"{GET}/{failing.id}", "500-before", times=100_000)
        await alive.rounds(120)
        others = [await alive.create(prompt=f"other {n}") for n in range(3)]
        await alive.rounds(20)
        for record in others:
            sim.force(record.id or "", "succeeded")
        await alive.rounds(15)
        assert [(await alive.record(record)).settled for record in others] == [True] * 3
        sim.no_faults()
        await alive.rounds(75)
        assert alive.follower.open_count() == 0


async def test_an_upstream_that_refuses_to_list_is_read_singly(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """A key that may not list without naming a model: its tasks are followed by single reads, and the list is not asked for again and again."""
    refusal = json.dumps({"error": {"code": "InvalidParameter", "message": "filter.model is required", "param": ""}})
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        sim.fault(GET, "answer", times=100_000, status=400, body=refusal)
        for n in range(40):
            await alive.create(prompt=f"cat {n}")
        while alive.follower.open_count():
            await alive.rounds(5)
            assert clock() < START + 120
        assert (await delays(alive, sim))[-1] <= 15
        assert len([one for one in sim.requests("GET", TASKS) if one["path"] == TASKS]) == 1
        assert len(alive.told.of("refuses to list")) == 1


async def test_what_a_list_does_not_show_is_read_singly(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Lists may hide tasks (made through another endpoint, say): those are followed by single reads."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        sim.fault(GET, "answer", times=100_000, status=200, body='{"items":[],"total":0}')
        for n in range(20):
            await alive.create(prompt=f"cat {n}")
        while alive.follower.open_count():
            await alive.rounds(5)
            assert clock() < START + 120
        assert (await delays(alive, sim))[-1] <= 15


# -- expiry


async def test_the_end_of_a_task_s_time_is_looked_at_once_more(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """At `execution_expires_after` the task is read; if it has ended, that is its end and nothing is assumed."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create(execution_expires_after=3600)
        sim.force(record.id or "", "succeeded")
        clock.now = START + 3600
        await alive.rounds(2)
        stands = await alive.record(record)
        assert (stands.settled, stands.assumed) == (True, False)
        assert [(row.kind, row.status, row.measured) for row in await alive.ledger()] == [
            ("settlement", "succeeded", "measured")
        ]


@pytest.mark.parametrize("word", ["running", "queued", "404"])
async def test_what_has_not_ended_in_time_is_assumed_to_have_failed(
    tmp_path: Path, clock: Clock, sim: Sim, word: str
) -> None:
    """Confirmed not terminal, or unknown to the upstream: failed with code timeout, flagged as assumed; not a second earlier."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create(execution_expires_after=3600)
        if word == "404":
            sim.fault(f"{GET}/{record.id}", "empty-404", times=100_000)
        else:
            sim.fault(f"{GET}/{record.id}", "answer", times=100_000, status=200, body=of(record, word))
        clock.now = START + 3590
        await alive.rounds(9)
        assert not (await alive.record(record)).settled
        await alive.rounds(5)
        stands = await alive.record(record)
        assert stands.snapshot is not None
        assert stands.snapshot.error is not None
        assert (stands.settled, stands.assumed) == (True, True)
        assert (stands.snapshot.status, stands.snapshot.error.code) == (TaskStatus.FAILED, "timeout")
        (row,) = await alive.ledger()
        assert (row.kind, row.status, row.error_code, row.measured, row.cost) == (
            "settlement",
            "failed",
            "timeout",
            "assumed",
            None,
        )
        assert [one["task"] for one in alive.told.of("assumed to have failed")] == [record.id]


async def test_without_a_word_a_task_s_time_is_two_days(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Ark's own default is the limit where nobody said another."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        sim.fault(f"{GET}/{record.id}", "empty-404", times=100_000)
        clock.now = START + 172_790
        await alive.rounds(5)
        assert not (await alive.record(record)).settled
        await alive.rounds(15)
        assert (await alive.record(record)).assumed


@pytest.mark.parametrize("restart", [False, True])
async def test_later_truth_is_one_adjustment(tmp_path: Path, clock: Clock, sim: Sim, restart: bool) -> None:
    """A task that was assumed dead and succeeded all the same: one adjustment row with its tokens, found within the hour, also after a restart."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create(execution_expires_after=3600)
        sim.fault(f"{GET}/{record.id}", "answer", times=1, status=200, body=of(record, "running"))
        clock.now = START + 3600
        await alive.rounds(2)
        assert (await alive.record(record)).assumed
        sim.force(record.id or "", "succeeded")
        if not restart:
            await alive.rounds(AGAIN)
    if restart:
        async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
            await alive.rounds(AGAIN)
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        stands = await alive.record(record)
        assert stands.snapshot is not None
        assert (stands.settled, stands.assumed, stands.snapshot.status) == (True, False, TaskStatus.SUCCEEDED)
        later, first = await alive.ledger()
        assert (first.kind, first.measured, first.total_tokens) == ("settlement", "assumed", None)
        assert (later.kind, later.measured, later.status) == ("adjustment", "measured", "succeeded")
        assert later.total_tokens is not None
        assert later.total_tokens > 0
        assert alive.follower.open_count() == 0


async def test_later_truth_is_not_waited_for_longer_than_the_upstream_keeps_it(
    tmp_path: Path, clock: Clock, sim: Sim
) -> None:
    """Until seven days after its creation a task that was assumed dead is looked at about once an hour, then never again."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create(execution_expires_after=3600)
        sim.fault(f"{GET}/{record.id}", "empty-404", times=100_000)
        clock.now = START + 3600
        await alive.rounds(5)
        sim.forget()
        for _ in range(5):
            clock.now += AGAIN
            await alive.rounds(1)
        assert len(sim.requests("GET")) == 5
        clock.now = START + KEPT
        await alive.rounds(1)
        assert alive.follower.open_count() == 0


# -- odd answers


@pytest.mark.parametrize("number", [1, 20], ids=["singly", "by list"])
async def test_an_unknown_status_word_is_in_progress_and_told_once(
    tmp_path: Path, clock: Clock, sim: Sim, number: int
) -> None:
    """A word that nobody knows never ends a task; the log has it once for each upstream; the word itself is shown."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        records = [await alive.create(prompt="[[sim:status=upscaling]]") for _ in range(number)]
        await alive.rounds(25)
        stands = await alive.record(records[-1])
        assert stands.snapshot is not None
        assert (stands.snapshot.status, stands.snapshot.status_word) == (TaskStatus.RUNNING, "upscaling")
        while alive.follower.open_count():
            await alive.rounds(5)
        assert alive.told.of("unknown status") == [{"upstream": "ark", "status": "upscaling"}]
        assert {row.status for row in await alive.ledger()} == {"succeeded"}


@pytest.mark.parametrize("number", [1, 20], ids=["singly", "by list"])
async def test_a_success_without_a_link_fails_after_a_few_reads(
    tmp_path: Path, clock: Clock, sim: Sim, number: int
) -> None:
    """It is read again a few times, then it is a failure that says so: nothing stays open for ever."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        records = [await alive.create(prompt=f"cat {n}") for n in range(number)]
        bodies = [of(record, "succeeded") for record in records]
        for record, body in zip(records, bodies, strict=True):
            sim.fault(f"{GET}/{record.id}", "answer", times=100_000, status=200, body=body)
        listed = f'{{"items":[{",".join(bodies)}],"total":{number}}}'
        sim.fault(GET, "answer", times=100_000, status=200, body=listed)
        while alive.follower.open_count():
            await alive.rounds(5)
            assert clock() < START + 200
        assert {row.error_code for row in await alive.ledger()} == {"missing_video_url"}
        if number == 1:
            assert len(sim.requests("GET")) == 5
