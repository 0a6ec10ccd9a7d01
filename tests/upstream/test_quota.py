"""The account's limits hold in every second of real time, waiters keep their order, and nobody waits longer than they said."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.upstream.quota import MARGIN, Quotas, Window

Result = TypeVar("Result")

LIMITS = (0.5, 1.0, 1.5, 2.0, 3.0, 20.0)
HAIR = 1e-6
"""Seconds by which sums of floats may be off."""


class Leaping(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now."""
        assert timeout is not None, "everybody waits and nothing will ever happen"
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time passes at once; `stall` is a callback that takes its time."""

    def __init__(self) -> None:
        self.leaping = Leaping()
        super().__init__(self.leaping)

    def time(self) -> float:
        """The moved clock."""
        return self.leaping.now

    def stall(self, seconds: float) -> None:
        """Do nothing else for so long."""
        self.leaping.now += seconds


def played(story: Callable[[Loop], Coroutine[object, object, Result]]) -> Result:
    """The result of a story that runs in leaping time."""
    made: list[Loop] = []

    def factory() -> Loop:
        made.append(Loop())
        return made[0]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop()
        return runner.run(story(made[0]))


@dataclass
class Asked:
    """One arrival: when it came, how long it would wait, what it got and when."""

    at: float
    patience: float
    got: bool | None = None
    answered: float = 0.0


@dataclass
class Scene:
    """Arrivals at one window: `gaps` are the seconds between them, `late` is how much longer than asked pauses take."""

    limit: float
    gaps: list[float]
    patience: list[float]
    late: list[float] = field(default_factory=lambda: [0.0])
    stalls: dict[int, float] = field(default_factory=dict)

    async def play(self, loop: Loop) -> list[Asked]:
        """Everybody arrives, asks and is answered."""
        lateness = 0

        async def pause(seconds: float) -> None:
            nonlocal lateness
            lateness += 1
            await asyncio.sleep(seconds + self.late[lateness % len(self.late)])

        window = Window(self.limit, loop.time, pause)
        asked: list[Asked] = []

        async def ask(one: Asked) -> None:
            one.got = await window.take(one.patience)
            one.answered = loop.time()

        async with asyncio.TaskGroup() as group:
            for number, gap in enumerate(self.gaps):
                await asyncio.sleep(gap)
                loop.stall(self.stalls.get(number, 0.0))
                asked.append(Asked(loop.time(), self.patience[number % len(self.patience)]))
                group.create_task(ask(asked[-1]))
        return asked

    @property
    def most(self) -> int:
        """Grants that one second may see."""
        return max(1, int(self.limit))


def overfull(granted: list[float], most: int) -> list[tuple[float, float]]:
    """Pairs of grants that have as many between them as a second may see, and yet are less than a second apart."""
    return [(early, late) for early, late in zip(granted, granted[most:], strict=False) if late - early < 1.0]


GAPS = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.3), st.floats(0, 3)), max_size=80)
PATIENCE = st.lists(st.sampled_from([0.0, 0.5, 1.0, 5.0, 100.0]), min_size=1, max_size=4)


@given(
    st.sampled_from(LIMITS),
    GAPS,
    PATIENCE,
    st.lists(st.one_of(st.just(0.0), st.floats(0, 2)), min_size=1, max_size=5),
    st.dictionaries(st.integers(0, 79), st.floats(0, 4), max_size=4),
)
@example(20.0, [0.0] * 20 + [0.5] * 4 + [0.0] * 40, [1.0], [1.5, 0.0], {30: 2.0})
def test_no_second_sees_more_than_the_limit(
    limit: float, gaps: list[float], patience: list[float], late: list[float], stalls: dict[int, float]
) -> None:
    """However calls bunch, pauses overrun and the process stalls, any second of real time sees at most the limit, in order of arrival."""
    scene = Scene(limit, gaps, patience, late, stalls)
    asked = played(scene.play)
    granted = [one.answered for one in asked if one.got]
    assert granted == sorted(granted)
    assert not overfull(granted, scene.most)
    assert all(one.got is not None for one in asked)


@given(st.sampled_from(LIMITS), GAPS, PATIENCE)
def test_places_are_given_as_early_as_the_limit_lets_them_and_refused_as_soon_as_they_are_too_late(
    limit: float, gaps: list[float], patience: list[float]
) -> None:
    """With pauses that end in time everybody gets the first place that keeps the window, or False at once if it is beyond their patience."""
    scene = Scene(limit, gaps, patience)
    length = max(1.0, 1.0 / limit) + MARGIN
    granted: list[float] = []
    for one in played(scene.play):
        earliest = max(one.at, granted[-scene.most] + length) if len(granted) >= scene.most else one.at
        wait = earliest - one.at
        if abs(wait - one.patience) < HAIR:  # on the edge either answer is right
            wait = one.patience if one.got else one.patience + 1
        assert one.got == (wait <= one.patience)
        assert one.answered == pytest.approx(earliest if one.got else one.at, abs=HAIR)
        if one.got:
            granted.append(one.answered)


@pytest.mark.parametrize(("limit", "seconds"), [(20.0, 1.1 * 4), (1.0, 1.1 * 99), (0.5, 2.1 * 99), (2.0, 1.1 * 49)])
def test_a_burst_is_spread_over_the_seconds_it_needs(limit: float, seconds: float) -> None:
    """A hundred at once at the limit take as long as the limit says, not more."""
    asked = played(Scene(limit, [0.0] * 100, [1000.0]).play)
    assert all(one.got for one in asked)
    assert asked[-1].answered - asked[0].at == pytest.approx(seconds)
    assert all(early.answered <= late.answered for early, late in pairwise(asked))


def test_a_waiter_who_goes_away_leaves_the_place_to_the_next() -> None:
    """A cancelled waiter takes nothing from the account: whoever waited behind moves up."""

    async def story(loop: Loop) -> tuple[float, int]:
        window = Window(1.0, loop.time, asyncio.sleep)
        await window.take(0)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(window.take(5))
            second = group.create_task(window.take(5))
            await asyncio.sleep(0.5)
            first.cancel()
            assert await second
            return loop.time(), window.free()

    at, free = played(story)
    assert at == pytest.approx(1000 + 1 + MARGIN)
    assert free == 0


def test_free_counts_what_could_be_taken_now() -> None:
    """`free` falls with every grant and every waiter and rises when a grant is a window old; it is never below nought."""

    async def story(loop: Loop) -> list[int]:
        quotas = Quotas({"ark": {"get": 3.0}}, loop.time, asyncio.sleep)
        seen = [quotas.free("ark", "get")]
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(quotas.take("ark", "get", 5.0))
                await asyncio.sleep(0.01)
                seen.append(quotas.free("ark", "get"))
        seen.append(quotas.free("ark", "get"))
        await asyncio.sleep(1 + MARGIN)
        return [*seen, quotas.free("ark", "get")]

    assert played(story) == [3, 2, 1, 0, 0, 0, 0, 3]


def test_accounts_and_verbs_have_windows_of_their_own() -> None:
    """A used-up list leaves reads and other accounts alone; what has no limit is never refused."""

    async def story(loop: Loop) -> list[object]:
        quotas = Quotas({"ark": {"get": 1.0, "list": 1.0}, "other": {"list": 1.0}}, loop.time, asyncio.sleep)
        return [
            await quotas.take("ark", "list", 0),
            await quotas.take("ark", "list", 0),
            await quotas.take("ark", "get", 0),
            await quotas.take("other", "list", 0),
            [await quotas.take("unlimited", "get", 0) for _ in range(50)] == [True] * 50,
            quotas.free("unlimited", "get"),
            loop.time(),
        ]

    assert played(story) == [True, False, True, True, True, 1000, 1000.0]


def test_a_second_is_waited_for_unless_said_otherwise() -> None:
    """Without a word `take` waits up to a second, which is less than a used-up window takes to open."""

    async def story(loop: Loop) -> list[bool]:
        quotas = Quotas({"ark": {"list": 1.0}}, loop.time)
        first, second = await quotas.take("ark", "list"), await quotas.take("ark", "list")
        await asyncio.sleep(0.2)
        return [first, second, await quotas.take("ark", "list")]

    assert played(story) == [True, False, True]


def test_a_new_configuration_keeps_what_it_does_not_change() -> None:
    """A limit that stays keeps its grants and its waiters; a changed one counts anew; one that is gone limits nothing."""

    async def story(loop: Loop) -> list[object]:
        quotas = Quotas({"ark": {"get": 1.0, "list": 1.0}, "other": {"get": 1.0}}, loop.time, asyncio.sleep)
        for upstream, verb in (("ark", "get"), ("ark", "list"), ("other", "get")):
            await quotas.take(upstream, verb, 0)
        async with asyncio.TaskGroup() as group:
            waiter = group.create_task(quotas.take("ark", "get", 5))
            await asyncio.sleep(0.1)
            quotas.configure({"ark": {"get": 1.0, "list": 2.0}})
            seen = [quotas.free("ark", "get"), quotas.free("ark", "list"), quotas.free("other", "get")]
        return [*seen, await waiter, loop.time()]

    assert played(story) == [0, 2, 1000, True, pytest.approx(1000 + 1 + MARGIN)]
