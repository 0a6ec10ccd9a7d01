"""When a task is looked at next: soon enough to see its end, seldom enough for the account, never in the past."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.follower.schedule import (
    AGAIN,
    CLOSEST,
    DEFAULT_LIFE,
    FIRST_LOOK,
    KEPT,
    SLOWEST,
    TROUBLE,
    USUAL,
    Followed,
    after_trouble,
    deadline,
    followed,
    next_look,
)
from proxy.model import Dialect, Snapshot, TaskRecord, TaskState, TaskStatus
from proxy.translate.videos.progress import expected_seconds

MADE = 1_795_488_000.0


def record(
    request: dict[str, object] | None = None, snapshot: Snapshot | None = None, seen_at: float | None = None
) -> TaskRecord:
    """An accepted task of five seconds."""
    return TaskRecord(
        key="k1",
        id="cgt-1",
        caller="team",
        key_prefix="sk-ab-123456",
        upstream="ark",
        dialect=Dialect.OPENAI,
        operation="videos.create",
        original_model="seedance-2.0",
        request_model="doubao-seedance-2-0-260128",
        request_id="req_1",
        created_at=MADE,
        state=TaskState.ACCEPTED,
        request=request or {},
        snapshot=snapshot,
        seen_at=seen_at,
    )


def snapshot(status: TaskStatus, **facts: object) -> Snapshot:
    """What the upstream said."""
    return Snapshot(status=status, status_word=status.value, facts=facts)


def entry(
    expected: float = 100.0, *, status: TaskStatus = TaskStatus.RUNNING, seen: bool = True, life: float = 1e9
) -> Followed:
    """A task in the follower's memory."""
    return Followed(
        key="k1",
        id="cgt-1",
        upstream="ark",
        tier="default",
        status=status,
        created_at=MADE,
        expected=expected,
        deadline=MADE + life,
        due=MADE,
        seen=seen,
    )


def test_an_entry_has_what_the_follower_needs() -> None:
    """A task becomes an entry with its ids, tier, status, expected length and end, due for its first look."""
    asked = record(
        {"service_tier": "flex", "execution_expires_after": 3600}, snapshot(TaskStatus.RUNNING), seen_at=MADE + 5
    )
    made = followed(asked, MADE + 5, 0.0)
    assert (made.key, made.id, made.upstream, made.tier) == ("k1", "cgt-1", "ark", "flex")
    assert (made.status, made.seen, made.created_at) == (TaskStatus.RUNNING, True, MADE)
    assert made.expected == expected_seconds(asked) > 0
    assert made.deadline == MADE + 3600
    assert made.due == next_look(made, MADE + 5, 0.0) > MADE + 5


def test_a_task_nobody_has_seen_is_queued_on_the_default_tier() -> None:
    """Without a snapshot the entry is queued and unseen; without a tier it is Ark's default one."""
    made = followed(record(), MADE, 0.0)
    assert (made.status, made.seen, made.tier) == (TaskStatus.QUEUED, False, "default")
    assert followed(record({"service_tier": None}), MADE, 0.0).tier == "default"


def test_an_entry_remembers_what_the_upstream_said() -> None:
    """The upstream's own word and its own time of creation are kept once it has been asked; a settled task's end was assumed."""
    said = replace(snapshot(TaskStatus.RUNNING), status_word="processing", created_at=1_795_487_999)
    assert followed(record(snapshot=said, seen_at=MADE), MADE, 0.0).word == "processing"
    assert followed(record(snapshot=said, seen_at=MADE), MADE, 0.0).made == 1_795_487_999
    assert followed(record(snapshot=said), MADE, 0.0).made is None
    assert followed(record(), MADE, 0.0).word == ""
    assert not followed(record(), MADE, 0.0).assumed
    assert followed(replace(record(), settled=True, assumed=True), MADE, 0.0).assumed


@given(st.floats(-5, 1_000_000), st.floats(0, 1, exclude_max=True))
def test_an_assumed_end_is_looked_at_about_once_an_hour(age: float, jitter: float) -> None:
    """Later truth is asked for seldom, whatever the task's age, and neither at once nor never."""
    assumed = replace(entry(), assumed=True)
    wait = next_look(assumed, MADE + age, jitter) - (MADE + age)
    assert 0.8 * AGAIN - 1e-3 <= wait <= AGAIN + 1e-3
    assert AGAIN < KEPT


FIRST = ((1000.0, FIRST_LOOK), (25.0, FIRST_LOOK), (10.0, 4.0), (1.0, 0.4))


@pytest.mark.parametrize(("expected", "wait"), FIRST)
def test_the_first_look_comes_early(expected: float, wait: float) -> None:
    """A task is first looked at within ten seconds, sooner if it should be short."""
    assert next_look(entry(expected, seen=False), MADE, 0.0) == pytest.approx(MADE + wait)


WAITS = (
    (0.0, TaskStatus.QUEUED, USUAL),
    (0.0, TaskStatus.RUNNING, USUAL),
    (69.0, TaskStatus.RUNNING, USUAL),
    (70.0, TaskStatus.RUNNING, CLOSEST),
    (150.0, TaskStatus.RUNNING, CLOSEST),
    (299.0, TaskStatus.RUNNING, CLOSEST),
    (150.0, TaskStatus.QUEUED, USUAL),
    (300.0, TaskStatus.RUNNING, USUAL),
    (3000.0, TaskStatus.RUNNING, 30.0),
    (100_000.0, TaskStatus.RUNNING, SLOWEST),
    (100_000.0, TaskStatus.QUEUED, SLOWEST),
)


@pytest.mark.parametrize(("age", "status", "wait"), WAITS)
def test_looks_are_closest_around_the_expected_end(age: float, status: TaskStatus, wait: float) -> None:
    """Ten seconds before it, three around it for a running task, growing to a minute for those that take hours."""
    assert next_look(entry(status=status), MADE + age, 0.0) == MADE + age + wait


def test_a_short_task_is_looked_at_often_from_the_start() -> None:
    """Before its expected end a fifth of that is the longest wait."""
    assert next_look(entry(5.0), MADE, 0.0) == MADE + 1.0


STATUSES = st.sampled_from([TaskStatus.QUEUED, TaskStatus.RUNNING])
EXPECTED = st.floats(0.1, 10_000)
AGES = st.floats(-5, 200_000)
JITTER = st.floats(0, 1, exclude_max=True)


@given(EXPECTED, AGES, STATUSES, JITTER, st.booleans(), st.floats(1, 400_000))
def test_the_next_look_is_always_ahead_and_never_far(
    expected: float, age: float, status: TaskStatus, jitter: float, seen: bool, life: float
) -> None:
    """The next look lies ahead, at most a minute; until three times the expected time at most ten seconds (an end is seen within 15)."""
    now = MADE + age
    followed_one = entry(expected, status=status, seen=seen, life=life)
    at = next_look(followed_one, now, jitter)
    assert now < at <= now + SLOWEST
    if age < 3 * expected or not seen:
        assert at <= now + USUAL


@given(EXPECTED, AGES, STATUSES, JITTER)
def test_jitter_spreads_over_a_fifth_and_only_forward(
    expected: float, age: float, status: TaskStatus, jitter: float
) -> None:
    """With jitter a look comes at most a fifth of its wait earlier, never later."""
    now = MADE + age
    plain = next_look(entry(expected, status=status), now, 0.0) - now
    spread = next_look(entry(expected, status=status), now, jitter) - now
    assert 0.8 * plain <= spread + 1e-6
    assert spread <= plain


@pytest.mark.parametrize(("age", "at"), [(95.0, 100.0), (99.5, 100.5), (100.0, 101.0), (250.0, 251.0)])
def test_the_end_of_a_task_s_time_is_not_slept_through(age: float, at: float) -> None:
    """The look after the upstream's own deadline comes at the deadline, or within a second once it is past."""
    assert next_look(entry(1000.0, life=100.0), MADE + age, 0.0) == MADE + at


LIVES: tuple[tuple[dict[str, object], dict[str, object] | None, int], ...] = (
    ({}, None, DEFAULT_LIFE),
    ({"execution_expires_after": 3600}, None, 3600),
    ({"execution_expires_after": 3600}, {}, 3600),
    ({"execution_expires_after": 3600}, {"execution_expires_after": 7200}, 7200),
    ({}, {"execution_expires_after": 7200}, 7200),
    ({"execution_expires_after": 0}, None, DEFAULT_LIFE),
    ({"execution_expires_after": -1}, None, DEFAULT_LIFE),
    ({"execution_expires_after": True}, None, DEFAULT_LIFE),
    ({"execution_expires_after": "3600"}, None, DEFAULT_LIFE),
    ({"execution_expires_after": None}, {"execution_expires_after": None}, DEFAULT_LIFE),
)


@pytest.mark.parametrize(("request_says", "upstream_says", "life"), LIVES)
def test_the_deadline_is_the_upstream_s_word_else_the_request_s(
    request_says: dict[str, object], upstream_says: dict[str, object] | None, life: int
) -> None:
    """`execution_expires_after` as the upstream echoes it, else as it was asked for, else two days; nonsense counts as not said."""
    seen = None if upstream_says is None else snapshot(TaskStatus.QUEUED, **upstream_says)
    assert deadline(record(request_says, seen)) == MADE + life


def test_trouble_doubles_the_wait_up_to_a_minute() -> None:
    """2, 4, 8 … seconds after failures in a row, and a minute at the most, also after days of them."""
    assert [after_trouble(failures) for failures in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert after_trouble(0) == TROUBLE[0]
    for failures in (1_100, 10_000, 10**9):
        assert after_trouble(failures) == TROUBLE[1]
