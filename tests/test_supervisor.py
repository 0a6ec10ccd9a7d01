"""Background work: loops outlive their failures, single tasks outlive whoever asked for them, nothing fails in silence."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from proxy.errors import NotSent, Problem, Refusal, StoreError
from proxy.supervisor import Supervisor

Event = tuple[str, str, dict[str, object]]


class Told:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, level: str, message: str, **fields: object) -> None:
        """Keep one."""
        self.events.append((level, message, fields))


class Pauses:
    """A pause that ends when the test says so; `begun` counts how often one was begun, `asked` has the seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._begun = asyncio.Semaphore(0)
        self._ended = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        """Wait for the test."""
        self.asked.append(seconds)
        self._begun.release()
        await self._ended.acquire()

    async def begun(self) -> None:
        """Return when the next pause has begun."""
        await self._begun.acquire()

    async def next(self) -> None:
        """End this pause and wait for the next one."""
        self._ended.release()
        await self.begun()


@pytest.fixture
def told() -> Told:
    """What the supervisor reported."""
    return Told()


@pytest.fixture
def pauses() -> Pauses:
    """The pauses of its loops."""
    return Pauses()


@pytest.fixture
async def supervisor(told: Told, pauses: Pauses) -> AsyncIterator[Supervisor]:
    """A supervisor, closed at the end."""
    made = Supervisor(told, pauses)
    yield made
    async with asyncio.timeout(10):
        await made.close()


async def test_a_loop_goes_on_with_its_pause_between_steps(supervisor: Supervisor, pauses: Pauses, told: Told) -> None:
    """A loop steps at once, pauses its seconds, and steps again; nothing is reported while all is well."""
    steps: list[int] = []

    async def step() -> None:
        steps.append(len(pauses.asked))

    supervisor.loop("counting", step, 7.5)
    await pauses.begun()
    await pauses.next()
    await pauses.next()
    assert steps == [0, 1, 2]
    assert pauses.asked == [7.5] * 3
    assert not told.events


@pytest.mark.parametrize(
    "failure", [RuntimeError("no luck"), NotSent("ark", "no luck"), TimeoutError(), ExceptionGroup("x", [OSError()])]
)
async def test_a_failing_loop_is_reported_and_goes_on(
    supervisor: Supervisor, pauses: Pauses, told: Told, failure: Exception
) -> None:
    """Each failure of a step is one error line with the loop's name, the kind and the reason; the next step comes all the same."""
    steps: list[int] = []

    async def step() -> None:
        steps.append(1)
        if len(steps) < 3:
            raise failure

    supervisor.loop("shaky", step, 1.0)
    await pauses.begun()
    await pauses.next()
    await pauses.next()
    assert len(steps) == 3
    said = {"loop": "shaky", "error": type(failure).__name__, "reason": str(failure)}
    assert told.events == [("error", "background loop failed", said)] * 2


async def test_a_loop_survives_the_cancellation_of_what_it_waits_for(
    supervisor: Supervisor, pauses: Pauses, told: Told
) -> None:
    """Work that was cancelled elsewhere ends the step, not the loop."""
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()
    steps: list[int] = []

    async def step() -> None:
        steps.append(1)
        await gone

    supervisor.loop("waiting", step, 1.0)
    await pauses.begun()
    await pauses.next()
    assert len(steps) == 2
    assert [fields["error"] for _, _, fields in told.events] == ["CancelledError"] * 2


async def test_close_cancels_loops_in_their_step_and_in_their_pause(told: Told, pauses: Pauses) -> None:
    """After `close` no loop runs; a loop that was cancelled on purpose is no failure."""
    supervisor = Supervisor(told, pauses)
    stepping, ended = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        stepping.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async def nothing() -> None:
        pass

    supervisor.loop("in its step", step, 1.0)
    supervisor.loop("in its pause", nothing, 1.0)
    await stepping.wait()
    await pauses.begun()
    await supervisor.close()
    assert ended.is_set()
    assert len(asyncio.all_tasks()) == 1
    assert not told.events


async def test_close_ends_a_loop_that_swallows_its_cancellation(told: Told) -> None:
    """A step that eats the cancellation is not called again."""

    async def at_once(seconds: float) -> None:
        pass

    supervisor = Supervisor(told, at_once)
    stepping = asyncio.Event()
    swallowed: list[int] = []

    async def step() -> None:
        stepping.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            swallowed.append(1)

    supervisor.loop("greedy", step, 1.0)
    await stepping.wait()
    async with asyncio.timeout(10):
        await supervisor.close()
    assert swallowed == [1]


async def test_the_result_of_single_work_is_its_task_s(supervisor: Supervisor, told: Told) -> None:
    """Whoever awaits the work gets its result or its exception; what is said on purpose is not reported besides."""

    async def work() -> int:
        return 42

    async def refuse() -> None:
        raise Refusal(Problem.NOT_FOUND, "no such thing")

    assert await supervisor.run(work()) == 42
    with pytest.raises(Refusal, match="no such thing"):
        await supervisor.run(refuse())
    assert not told.events


async def test_single_work_survives_the_cancellation_of_whoever_awaited_it(supervisor: Supervisor) -> None:
    """Work awaited through `asyncio.shield` ends by itself though its caller was cancelled."""
    begun, may_end, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        done.set()

    async def caller() -> None:
        await asyncio.shield(supervisor.run(work()))

    async with asyncio.TaskGroup() as group:
        calling = group.create_task(caller())
        await begun.wait()
        calling.cancel()
    assert calling.cancelled()
    assert not done.is_set()
    may_end.set()
    await done.wait()


@pytest.mark.parametrize(
    ("failure", "reported"),
    [
        (ZeroDivisionError("a bug"), True),
        (StoreError("the disk is full"), True),
        (NotSent("ark", "refused"), False),
        (Refusal(Problem.NOT_FOUND, "no such thing"), False),
    ],
)
async def test_a_failure_that_nobody_awaits_is_reported_if_it_is_trouble(
    supervisor: Supervisor, told: Told, failure: Exception, *, reported: bool
) -> None:
    """Bugs and a failing store reach the log even if nobody waits; an unawaited failure is no warning of the event loop."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def work() -> None:
        raise failure

    task = supervisor.run(work())
    await asyncio.wait([task])
    del task
    gc.collect()
    expected: list[Event] = [("error", "background work failed", {"exception": failure})]
    assert told.events == (expected if reported else [])
    assert not complaints


async def test_cancelled_single_work_is_not_reported(supervisor: Supervisor, told: Told) -> None:
    """A single task that is cancelled on purpose is no failure."""
    task = supervisor.run(asyncio.sleep(3600))
    task.cancel()
    await asyncio.wait([task])
    assert not told.events


async def test_close_waits_for_single_work_and_for_what_that_starts(told: Told) -> None:
    """`close` returns when the last single task has ended, also one that another started while it ended; failures do not stop it."""
    supervisor = Supervisor(told)
    may_end = asyncio.Event()
    order: list[str] = []

    async def last() -> None:
        await asyncio.sleep(0)
        order.append("last")

    async def first() -> None:
        await may_end.wait()
        order.append("first")
        supervisor.run(last())
        raise NotSent("ark", "refused")

    supervisor.run(first())
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(supervisor.close())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not closing.done()
        may_end.set()
        await closing
        order.append("closed")
    assert order == ["first", "last", "closed"]


async def test_close_of_an_idle_supervisor_returns(told: Told) -> None:
    """Nothing to wait for is nothing to do, however often it is asked."""
    supervisor = Supervisor(told)
    await supervisor.close()
    await supervisor.close()


async def test_drain_waits_no_longer_than_said(supervisor: Supervisor, pauses: Pauses) -> None:
    """Loops end at once, work that ends in time is waited for, and work that does not goes on and can be closed later."""
    may_end = asyncio.Event()
    ended: list[str] = []

    async def step() -> None:
        """Do nothing."""

    async def quick() -> None:
        await asyncio.sleep(0)
        ended.append("quick")

    async def slow() -> None:
        await may_end.wait()
        ended.append("slow")

    supervisor.loop("a loop", step, 1.0)
    await pauses.begun()
    supervisor.run(quick())
    supervisor.run(slow())
    await supervisor.drain(0.01)
    assert ended == ["quick"]
    may_end.set()
    await supervisor.close()
    assert ended == ["quick", "slow"]
