"""The breaker and the retry budget, with time as a number that the test moves."""

import pytest

from proxy.upstream.breaker import FAILURES, PAUSES, Blame, Breaker, RetryBudget, blame


class Time:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("status", "whose"),
    [
        (None, Blame.UPSTREAM),
        (200, Blame.NOBODY),
        (302, Blame.NOBODY),
        (400, Blame.CALLER),
        (404, Blame.CALLER),
        (413, Blame.CALLER),
        (429, Blame.CALLER),
        (500, Blame.UPSTREAM),
        (529, Blame.UPSTREAM),
    ],
)
def test_blame(status: int | None, whose: Blame) -> None:
    """A caller's mistake and a quota are not the upstream's fault; no answer and 5xx are."""
    assert blame(status) is whose


def test_opens_after_failures_in_a_row() -> None:
    """Enough failures in a row keep new work away, an answer in between starts the count anew."""
    breaker = Breaker(Time())
    for _ in range(FAILURES - 1):
        breaker.saw("a", Blame.UPSTREAM)
    breaker.saw("a", Blame.CALLER)
    for _ in range(FAILURES - 1):
        breaker.saw("a", Blame.UPSTREAM)
    assert breaker.admits("a")
    breaker.saw("a", Blame.UPSTREAM)
    assert not breaker.admits("a")
    assert breaker.is_open("a")
    assert breaker.admits("b")


def test_lets_one_try_after_the_pause() -> None:
    """After its pause one call may try; its success closes, its failure opens for longer."""
    time = Time()
    breaker = Breaker(time)
    for _ in range(FAILURES):
        breaker.saw("a", Blame.UPSTREAM)
    time.now += PAUSES[0]
    assert breaker.admits("a")
    assert not breaker.admits("a")
    breaker.saw("a", Blame.UPSTREAM)
    time.now += PAUSES[0]
    assert not breaker.admits("a")
    time.now += PAUSES[1] - PAUSES[0]
    assert breaker.admits("a")
    breaker.saw("a", Blame.NOBODY)
    assert breaker.admits("a")
    assert breaker.admits("a")


def test_retries_are_a_fifth_and_at_least_three() -> None:
    """The budget is 20 % of recent calls, at least three, and new with each window."""
    time = Time()
    budget = RetryBudget(time, window=10.0)
    budget.call()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(24):
        budget.call()
    assert [budget.take() for _ in range(3)] == [True, True, False]
    time.now += 11
    budget.call()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
