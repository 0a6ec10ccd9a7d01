"""Polls are answered from our state: one upstream read in flight per task, the last snapshot when nothing better can be had, one settlement."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gateway.reader import FRESH, PATIENCE, STRANGE_WORDS, _onward
from proxy.gateway.rows import is_over
from proxy.model import Snapshot, TaskRecord, TaskStatus, Usage
from tests.gateway.house import House, body
from tests.support.life import FAST, START, TASKS, Clock, Life, Sim, life, simulated, upstream_of
from tests.support.servers import until

RUNNING = Snapshot(status=TaskStatus.RUNNING, status_word="running")
DONE = Snapshot(
    status=TaskStatus.SUCCEEDED,
    status_word="succeeded",
    video_url="https://media.example/v.mp4",
    usage=Usage(output_tokens=40594, total_tokens=40594),
)


@pytest.fixture
def clock() -> Clock:
    """The time of gateway and simulator."""
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> Iterator[Sim]:
    """An Ark account with Ark's limits."""
    with simulated(clock) as running:
        yield running


def reads(sim: Sim) -> int:
    """How many tasks were read singly."""
    return len(sim.requests("GET", TASKS))


async def poll(alive: Life, record: TaskRecord) -> TaskRecord:
    """A poll as a caller makes it: the task from the store, then as fresh as it has to be."""
    return await alive.gateway.reader.fresh(await alive.record(record))


async def test_a_poll_reads_upstream_at_most_every_two_seconds(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """A snapshot answers for two seconds, whether the read changed something or not."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        for number in range(1, 4):
            assert (await poll(alive, record)).id == record.id
            assert reads(sim) == number
            clock.now += FRESH - 0.1
            await poll(alive, record)
            assert reads(sim) == number
            clock.now += 0.1


async def test_a_thousand_pollers_are_one_read(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """However many poll one task at the same time, the upstream is asked once, and all see the same."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        sim.force(record.id or "", "running")
        seen = await asyncio.gather(*(poll(alive, record) for _ in range(1000)))
        assert {one.snapshot.status for one in seen if one.snapshot} == {TaskStatus.RUNNING}
        assert reads(sim) == 1


async def test_an_ended_task_is_answered_from_our_state(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Once the end is seen, the upstream is never asked again, however much later."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        sim.force(record.id or "", "succeeded")
        assert is_over((await poll(alive, record)).snapshot)
        clock.now += 6 * 86400
        assert is_over((await poll(alive, record)).snapshot)
        assert reads(sim) == 1


async def test_without_quota_a_poll_gets_the_last_snapshot(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """With the account's reads of this second used up a poll waits at most a second; the account sees no more than its limit."""
    async with life(tmp_path, [upstream_of("ark", sim, {"get": 2.0, "list": 1.0})], clock) as alive:
        records = [await alive.create(prompt=f"cat {n}") for n in range(8)]
        before = clock()
        seen = await asyncio.gather(*(poll(alive, record) for record in records))
        assert clock() - before <= PATIENCE
        assert [one.id for one in seen] == [one.id for one in records]
        assert [one.snapshot is not None for one in seen] == [True] * 8
        assert reads(sim) == 2


async def test_trouble_leaves_the_last_snapshot_standing(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """An upstream that fails a poll is not asked again for two seconds, however many poll, and the poll is answered all the same."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        sim.fault(f"GET {TASKS}/.*", "500-before", times=1000)
        for _ in range(5):
            seen = await asyncio.gather(*(poll(alive, record) for _ in range(20)))
            assert {one.snapshot.status for one in seen if one.snapshot} == {TaskStatus.QUEUED}
        assert reads(sim) == 1
        clock.now += FRESH
        await poll(alive, record)
        assert reads(sim) == 2
        assert len(alive.told.of("could not be read")) == 2


async def test_another_s_task_is_never_written_down(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """An upstream that answers with another task than the one that was asked for is in trouble: nothing of it is kept."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record, other = await alive.create(), await alive.create()
        sim.force(other.id or "", "succeeded")
        wrong = {"id": other.id, "model": FAST, "status": "succeeded", "content": {"video_url": "https://x.example/v"}}
        sim.fault(f"GET {TASKS}/{record.id}", "answer", status=200, body=json.dumps(wrong))
        assert not is_over((await poll(alive, record)).snapshot)
        assert await alive.ledger() == []


# -- settling


async def test_whoever_sees_the_end_it_is_settled_once(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Fifty that see the end at the same time, with stale records in their hands, make one ledger row."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        reader = alive.gateway.reader
        stands = await asyncio.gather(*(reader.write_down(record, DONE) for _ in range(50)))
        assert all(one.settled for one in stands)
        assert [(row.kind, row.total_tokens) for row in await alive.ledger()] == [("settlement", 40594)]
        await reader.write_down(record, RUNNING)
        assert is_over((await alive.record(record)).snapshot)
        assert len(await alive.ledger()) == 1


async def test_polls_follower_callback_and_delete_settle_once(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """All who may see the end see it at once: one row."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        records = [await alive.create(prompt=f"cat {n}") for n in range(5)]
        for record in records:
            sim.force(record.id or "", "succeeded")
        clock.now += 10

        async def delete(record: TaskRecord) -> None:
            await alive.handle(alive.call("delete", params={"id": record.id}))

        await asyncio.gather(
            alive.follower.round("ark"),
            *(poll(alive, record) for record in records for _ in range(3)),
            *(delete(record) for record in records),
        )
        assert sorted(row.task_id or "" for row in await alive.ledger()) == sorted(one.id or "" for one in records)
        for record in records:
            assert await alive.services.store.task(record.id or "", "alice") is None


SNAPSHOTS = st.builds(
    Snapshot,
    status=st.sampled_from([TaskStatus.QUEUED, TaskStatus.RUNNING]),
    status_word=st.just("word"),
    progress=st.none() | st.integers(0, 100),
)


@given(st.lists(SNAPSHOTS, max_size=8))
def test_an_open_task_only_goes_on(seen: list[Snapshot]) -> None:
    """Whatever order answers arrive in, a running task is never queued again and its progress never falls."""
    before: Snapshot | None = None
    for snapshot in seen:
        now = _onward(before, snapshot)
        if before is not None:
            assert not (before.status is TaskStatus.RUNNING and now.status is TaskStatus.QUEUED)
            assert (now.progress if now.progress is not None else -1) >= (
                before.progress if before.progress is not None else -1
            )
        before = now


async def test_answers_that_overtake_each_other_turn_nothing_back(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """A late answer of an earlier state changes nothing, even in the hands of somebody who knows nothing newer."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        stale = await alive.create()
        await alive.gateway.reader.write_down(stale, replace(RUNNING, progress=60))
        queued = Snapshot(status=TaskStatus.QUEUED, status_word="queued", progress=0)
        await alive.gateway.reader.write_down(stale, queued)
        stands = await alive.record(stale)
        assert stands.snapshot is not None
        assert (stands.snapshot.status, stands.snapshot.progress) == (TaskStatus.RUNNING, 60)


async def test_the_progress_of_a_task_is_monotone_and_ends_at_100(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Polled every three seconds of its life, a task's progress never falls, is at most 95 until the end, and 100 then."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        shown = [0]
        while shown[-1] < 100:
            stands = await poll(alive, record)
            view = alive.gateway.tasks.view(stands, "")
            assert view.progress >= shown[-1]
            assert view.progress <= 95 or is_over(stands.snapshot)
            shown.append(view.progress)
            clock.now += 3
            assert clock() < START + 300
        assert len(set(shown)) > 5


async def test_unknown_words_cannot_fill_the_log(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """An upstream that makes up a new word at every read is told of a hundred times, not more."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        shown = {"id": record.id, "model": FAST, "created_at": int(START)}
        for number in range(STRANGE_WORDS + 20):
            changed = json.dumps({**shown, "status": f"word-{number}"})
            sim.fault(f"GET {TASKS}/.*", "answer", status=200, body=changed)
            await poll(alive, record)
            clock.now += FRESH
        assert len(alive.told.of("unknown status")) == STRANGE_WORDS


# -- waiting


async def test_waiting_ends_with_the_task(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """`Prefer: wait=N` answers as soon as anybody has seen the end, without a read of its own."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        record = await poll(alive, record)
        began = reads(sim)
        gone, paused = asyncio.Event(), asyncio.Event()

        async def pause(seconds: float) -> None:
            paused.set()
            await asyncio.Event().wait()

        alive.gateway.reader._services = replace(alive.services, pause=pause)
        waiting = asyncio.ensure_future(alive.gateway.reader.wait(record, 300, gone))
        await paused.wait()
        await alive.gateway.reader.write_down(record, DONE)
        assert is_over((await waiting).snapshot)
        assert reads(sim) == began


async def test_waiting_is_over_after_its_time(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """After N seconds the task is given as it is, read every two seconds meanwhile."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await alive.create()
        before = clock()
        seen = await alive.gateway.reader.wait(record, 20, asyncio.Event())
        assert not is_over(seen.snapshot)
        assert 20 <= clock() - before <= 22
        assert 9 <= reads(sim) <= 12


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A whole gateway before one Ark account."""
    with House(tmp_path_factory.mktemp("house"), ["ark"]) as running:
        yield running


@pytest.mark.parametrize("verb", ["create", "read"])
def test_who_leaves_is_not_waited_for(house: House, verb: str) -> None:
    """A caller that hangs up while `Prefer: wait=300` waits ends the wait at once; nobody goes on polling in its name."""
    alice = house.caller()
    prompt = f"nobody waits for {verb}"
    if verb == "create":
        sent = json.dumps(body("ark", prompt=prompt)).encode()
        line = "POST /v1/videos"
    else:
        sent, line = b"", f"GET /v1/videos/{alice.create('ark', prompt=prompt)}"
    host, port = house.gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"{line} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {alice.key}\r\nprefer: wait=300\r\n"
            f"x-client-request-id: left-{verb}\r\ncontent-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n".encode()
            + sent
        )
        until(lambda: house.sims["ark"].requests("GET", TASKS), bool)
    name = "videos.create" if verb == "create" else "videos.retrieve"
    left = until(
        lambda: [one for one in house.gateway.lines("call") if one["operation"] == name and one["ms"] > 1], bool, 10
    )
    assert left[-1]["ms"] < 10_000
