"""Never buys twice, and never loses a video either: idempotency keys, SDKs that repeat by themselves, outcomes that are not known (contract.md §7)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.once import COUNTED, UNCOUNTED, fingerprint
from proxy.model import Dialect, TaskState
from proxy.translate.multipart import read_body
from proxy.translate.wire import Body, Upload
from tests.support.life import TASKS, Clock, Life, Sim, ark_body, life, simulated, upstream_of
from tests.support.servers import until

RETRY = "x-stainless-retry-count"
POST = "POST " + TASKS


@pytest.fixture
def clock() -> Clock:
    """The time of gateway and simulator."""
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> Iterator[Sim]:
    """An Ark account."""
    with simulated(clock, enforce_limits=False) as running:
        yield running


@pytest.fixture
async def alive(tmp_path: Path, clock: Clock, sim: Sim) -> AsyncIterator[Life]:
    """A gateway before it."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as running:
        yield running


def create(alive: Life, count: int | None = None, key: str | None = None, **fields: object) -> Call:
    """A create, with the SDK's count or a key if given."""
    headers = {} if count is None else {RETRY: str(count)}
    if key is not None:
        headers["idempotency-key"] = key
    return alive.call("create", Dialect.ARK, body=json.dumps(ark_body(**fields)).encode(), headers=headers)


async def made(alive: Life, call: Call) -> str:
    """The id that a create is answered with."""
    return str(json.loads((await alive.handle(call)).body)["id"])


async def refused(alive: Life, call: Call) -> Refusal:
    """What a create is refused with."""
    with pytest.raises(Refusal) as caught:
        await alive.handle(call)
    return caught.value


def lost(call: Call) -> Call:
    """The same call, whose caller is gone before it is answered."""
    call.gone.set()
    return call


async def test_an_undelivered_answer_is_given_to_its_repeat(alive: Life, sim: Sim) -> None:
    """An accepted create whose caller was gone belongs to the next repeat, once."""
    first = await made(alive, lost(create(alive, 0)))
    assert await made(alive, create(alive, 1)) == first
    assert await made(alive, create(alive, 1)) != first
    assert sim.creates() == 2


async def test_a_repeat_whose_answer_is_lost_as_well_gives_the_video_back(alive: Life, sim: Sim) -> None:
    """Each lost answer can be repeated: the third attempt still gets the first's video, and then nobody else does."""
    first = await made(alive, lost(create(alive, 0)))
    assert await made(alive, lost(create(alive, 1))) == first
    assert await made(alive, create(alive, 2)) == first
    assert await made(alive, create(alive, 2)) != first
    assert sim.creates() == 2


async def test_a_new_request_is_no_repeat(alive: Life, sim: Sim) -> None:
    """A count of 0 says that it is the first attempt: it buys, whatever was lost before."""
    first = await made(alive, lost(create(alive, 0)))
    assert await made(alive, create(alive, 0)) != first


@pytest.mark.parametrize(("count", "window"), [(None, UNCOUNTED), (1, COUNTED)])
async def test_lost_answers_are_remembered_for_a_while(
    alive: Life, sim: Sim, clock: Clock, count: int | None, window: float
) -> None:
    """Two minutes for SDKs that do not count, an hour for those that do."""
    first = await made(alive, lost(create(alive, 0)))
    clock.now += window
    assert await made(alive, lost(create(alive, count))) == first
    clock.now += 0.1
    assert await made(alive, create(alive, count)) != first


async def test_repeats_after_a_refusal_run_again(alive: Life, sim: Sim) -> None:
    """429, a broken field, an upstream that is not reached: nothing was bought, so the repeat is sent, answered or not."""
    sim.fault(POST, "429", times=2)
    assert (await refused(alive, create(alive, 0))).status == 429
    assert (await refused(alive, lost(create(alive, 1)))).status == 429
    assert await made(alive, create(alive, 2))
    assert sim.creates() == 1


async def test_the_repeat_of_an_attempt_that_is_refused_meanwhile_runs_again(alive: Life, sim: Sim) -> None:
    """Its caller was gone before the upstream said 429: the repeat waits for that, and then it is made anew."""
    sim.fault(POST, "429")
    prompt = "[[sim:slow=0.3]]"
    first = create(alive, 0, prompt=prompt)
    flight = asyncio.ensure_future(refused(alive, first))
    await asyncio.to_thread(until, lambda: sim.requests("POST"), bool)
    first.gone.set()
    answers = await asyncio.gather(flight, made(alive, create(alive, 1, prompt=prompt)))
    assert (answers[0].status, list(sim.jobs())) == (429, [answers[1]])


@pytest.mark.parametrize("fault", ["break", "500-after", "no-id"])
async def test_an_unknown_outcome_is_not_repeated_until_it_is_known(
    alive: Life, sim: Sim, clock: Clock, fault: str
) -> None:
    """502 and nothing is sent, once for each repeat; when the task was found, the next repeat gets it."""
    sim.fault(POST, fault)
    first = await refused(alive, create(alive, 0))
    assert (first.status >= 500, first.retry) == (True, False)
    again = await refused(alive, lost(create(alive, 1)))
    assert (again.problem, again.retry) == (Problem.UPSTREAM_AMBIGUOUS, False)
    assert sim.creates() == 1
    clock.now += 6
    await alive.resolver.step()
    (job,) = sim.jobs()
    assert await made(alive, create(alive, 1)) == job
    assert sim.creates() == 1


@pytest.mark.parametrize("told", [True, False], ids=["its answer arrived", "its answer was lost"])
async def test_without_a_count_an_unknown_outcome_is_repeated_only_if_its_answer_was_lost(
    alive: Life, sim: Sim, told: bool
) -> None:
    """Who was told that the outcome is not known and asks again wants another video; who heard nothing may be an SDK that repeats."""
    sim.fault(POST, "break")
    call = create(alive)
    await refused(alive, call if told else lost(call))
    if told:
        assert await made(alive, create(alive))
    else:
        assert (await refused(alive, create(alive))).problem is Problem.UPSTREAM_AMBIGUOUS
    assert sim.creates() == 1 + told


async def test_what_a_dead_process_left_is_not_bought_again(tmp_path: Path, sim: Sim, clock: Clock) -> None:
    """A row that was being sent when the process died: a repeat with a count, without one, or with the key is told that nothing is known."""
    calls: list[dict[str, Any]] = [{"count": 1}, {}, {"key": "k"}]
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        for number, known in enumerate(calls):
            await made(alive, lost(create(alive, prompt=f"cat {number}")))
            alive.rows(
                "UPDATE tasks SET state = 'submitting', id = NULL, snapshot = NULL, idempotency_key = ? "
                "WHERE id = (SELECT id FROM tasks WHERE state = 'accepted')",
                known.get("key"),
            )
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        for number, known in enumerate(calls):
            call = create(alive, **known, prompt=f"cat {number}")
            assert (await refused(alive, call)).problem is Problem.UPSTREAM_AMBIGUOUS
        assert sim.creates() == len(calls)


async def test_who_was_being_answered_when_the_process_died_may_come_again(
    tmp_path: Path, sim: Sim, clock: Clock
) -> None:
    """A repeat that was tied to a lost answer and never answered gives it back at the next start."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        first = await made(alive, lost(create(alive, 0)))
        alive.rows("UPDATE tasks SET matched = 1")
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        assert await made(alive, create(alive, 2)) == first


async def test_a_key_s_unknown_outcome_is_replayed_once_it_is_known(alive: Life, sim: Sim, clock: Clock) -> None:
    """The same 502 until the task is found, then the task; nothing is sent twice; another body is a conflict all the while."""
    sim.fault(POST, "break")
    assert (await refused(alive, create(alive, key="k"))).problem is Problem.UPSTREAM_AMBIGUOUS
    assert (await refused(alive, create(alive, key="k"))).problem is Problem.UPSTREAM_AMBIGUOUS
    assert (await refused(alive, create(alive, key="k", seed=1))).problem is Problem.IDEMPOTENCY_KEY_REUSED
    clock.now += 6
    await alive.resolver.step()
    (job,) = sim.jobs()
    assert await made(alive, create(alive, key="k")) == job
    assert sim.creates() == 1


async def test_a_key_whose_create_left_nothing_buys_again(alive: Life, sim: Sim, clock: Clock) -> None:
    """Once it is certain that the upstream made nothing, the same key is as good as new."""
    sim.fault(POST, "break-before")
    await refused(alive, create(alive, key="k"))
    clock.now += 1000
    await alive.resolver.step()
    assert alive.rows("SELECT COUNT(*) FROM tasks") == [(0,)]
    assert await made(alive, create(alive, key="k"))
    assert sim.creates() == 1


async def test_a_request_with_a_key_is_no_repeat_of_one_without(alive: Life, sim: Sim) -> None:
    """Keys and counts do not mix: a lost answer with a key is for that key only."""
    keyed = await made(alive, lost(create(alive, key="k")))
    plain = await made(alive, lost(create(alive, 0)))
    assert keyed != plain
    assert await made(alive, create(alive, key="other")) not in {keyed, plain}
    assert await made(alive, create(alive, 1)) == plain
    assert await made(alive, create(alive, key="k")) == keyed


async def test_another_caller_s_lost_answer_is_not_found(alive: Life, sim: Sim) -> None:
    """A repeat is looked for among its own caller's attempts."""
    first = await made(alive, lost(create(alive, 0)))
    call = create(alive, 1)
    assert call.identity is not None
    bob = alive.call("create", Dialect.ARK, caller="bob", body=call.body, headers=dict(call.headers))
    assert await made(alive, bob) != first


async def test_the_store_knows_every_answer_that_arrived(alive: Life, sim: Sim) -> None:
    """Delivered answers are marked for good; refused creates leave no row."""
    await made(alive, create(alive, 0))
    await made(alive, lost(create(alive, 0, seed=2)))
    sim.fault(POST, "429")
    await refused(alive, create(alive, 0, seed=3))
    sim.fault(POST, "break")
    await refused(alive, create(alive, 0, seed=4))
    await asyncio.sleep(0)
    states = until_settled(alive)
    assert states == [(TaskState.ACCEPTED, 1), (TaskState.ACCEPTED, 0), (TaskState.AMBIGUOUS, 1)]


def until_settled(alive: Life) -> list[tuple[Any, ...]]:
    """Rows by age, once the notes of delivery are written (they are written behind the answers)."""
    return until(
        lambda: alive.rows("SELECT state, delivered FROM tasks ORDER BY created_at, rowid"),
        lambda rows: sum(row[1] for row in rows) == 2,
    )


# -- fingerprints

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


@given(FIELDS)
def test_a_fingerprint_is_of_the_decoded_body(fields: dict[str, Any]) -> None:
    """However a JSON body is spelt, the same fields are the same body."""
    plain = json.dumps(fields, ensure_ascii=False).encode()
    spelt = json.dumps(dict(reversed(fields.items())), ensure_ascii=True, indent=2).encode()
    with contextlib.suppress(Refusal):  # repeated keys and the like are refused before
        assert fingerprint(read_body("application/json", plain)) == fingerprint(read_body("", spelt))


@given(FIELDS, FIELDS)
def test_different_bodies_have_different_fingerprints(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Unless the fields are equal, the fingerprints differ."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    bodies = (Body(fields=one, raw=b""), Body(fields=other, raw=b""))
    assert (fingerprint(bodies[0]) == fingerprint(bodies[1])) == same


def test_files_count_by_what_is_in_them() -> None:
    """The bytes and the type of an upload are part of the body, its file name is not."""
    one, renamed, other = (
        Body(fields={"input_reference": Upload(data, name, "image/png")}, raw=b"", form=True)
        for data, name in ((b"a", "a.png"), (b"a", "b.png"), (b"b", "a.png"))
    )
    assert fingerprint(one) == fingerprint(renamed) != fingerprint(other)
    assert fingerprint(one, "cgt-1") != fingerprint(one, "cgt-2")
