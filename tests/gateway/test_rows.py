"""Ledger rows: the facts of the task and nothing else; tokens as the upstream said them, never a guess."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gateway.call import Call
from proxy.gateway.rows import adjustment, call_row, correction, counted, differs, is_over, settlement
from proxy.model import (
    Caller,
    Dialect,
    Identity,
    Key,
    LedgerRow,
    Snapshot,
    TaskError,
    TaskRecord,
    TaskState,
    TaskStatus,
    Usage,
)
from proxy.translate.operation import Kind, Operation

MADE, NOW = 1_795_488_000.25, 1_795_488_100.75

RECORD = TaskRecord(
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
    request={"prompt": "a secret plan", "resolution": "480p", "duration": 4, "has_video_input": True},
)
USAGE = Usage(
    input_tokens=1, output_tokens=2, total_tokens=3, cached_tokens=4, reasoning_tokens=5, images=6, raw={"x": 1}
)
DONE = Snapshot(
    status=TaskStatus.SUCCEEDED,
    status_word="succeeded",
    model="doubao-seedance-2-0-260128-x",
    usage=USAGE,
    video_url="https://media.example/secret.mp4",
    facts={"resolution": "720p", "duration": 5},
    raw={"prompt": "a secret plan"},
)


def test_a_settlement_tells_the_whole_task() -> None:
    """Every fact that the ledger keeps of a task comes from its record, its last snapshot and the clock (contract.md §9)."""
    assert settlement(RECORD, DONE, NOW) == LedgerRow(
        kind="settlement",
        time=NOW,
        request_id="req_1",
        caller="team",
        key_prefix="sk-ab-123456",
        family="videos",
        operation="videos.create",
        dialect="openai",
        upstream="ark",
        original_model="seedance-2.0",
        request_model="doubao-seedance-2-0-260128",
        response_model="doubao-seedance-2-0-260128-x",
        task_key="k1",
        task_id="cgt-1",
        status="succeeded",
        input_tokens=1,
        output_tokens=2,
        total_tokens=3,
        cached_tokens=4,
        reasoning_tokens=5,
        images=6,
        has_video_input=True,
        resolution="720p",
        seconds=5.0,
        measured="measured",
        total_ms=100_500.0,
    )


def test_a_row_has_no_prompt_and_no_link() -> None:
    """Bodies and links never reach the ledger."""
    row = settlement(RECORD, DONE, NOW)
    assert not any("secret" in str(getattr(row, field.name)) for field in fields(row))


UNBILLED = [status for status in TaskStatus if status is not TaskStatus.SUCCEEDED]


@pytest.mark.parametrize("status", UNBILLED)
def test_a_task_without_a_result_made_no_seconds(status: TaskStatus) -> None:
    """Failed, expired and cancelled tasks have their row, with the error's code and without seconds of video."""
    error = TaskError("OutputVideoSensitiveContentDetected", "no")
    ended = replace(DONE, status=status, status_word=status.value, usage=None, error=error)
    row = settlement(RECORD, ended, NOW)
    assert (row.status, row.error_code, row.seconds) == (status.value, "OutputVideoSensitiveContentDetected", None)
    assert (row.input_tokens, row.output_tokens, row.total_tokens, row.cost) == (None, None, None, None)


def test_tokens_that_nobody_told_are_not_made_up() -> None:
    """Without usage there are no tokens, and the kind of the row stays `measured`: nothing was estimated."""
    row = settlement(RECORD, replace(DONE, usage=None), NOW)
    assert (row.input_tokens, row.output_tokens, row.total_tokens, row.images) == (None, None, None, None)
    assert row.measured == "measured"


def test_an_assumed_end_says_so() -> None:
    """The row of a task whose end nobody saw is marked."""
    assert settlement(RECORD, DONE, NOW, assumed=True).measured == "assumed"


SECONDS: tuple[tuple[object, object, float | None], ...] = (
    (5, 4, 5.0),
    (5.5, 4, 5.5),
    ("5", 4, 5.0),
    (None, 4, 4.0),
    (None, "4", 4.0),
    (0, 4, 4.0),
    (None, -1, None),
    (None, None, None),
    (None, True, None),
    ("five", 4, 4.0),
    (-1, 4, 4.0),
    ("nan", None, None),
    ("inf", None, None),
    (10**400, None, None),
    ({}, [], None),
    ([4], 4, 4.0),
)


@pytest.mark.parametrize(("upstream_says", "request_says", "seconds"), SECONDS)
def test_seconds_are_the_upstream_s_else_those_asked_for(
    upstream_says: object, request_says: object, seconds: float | None
) -> None:
    """The length is a positive number or absent; Ark's -1, which leaves it to the model, is no length."""
    record = replace(RECORD, request={"duration": request_says})
    row = settlement(record, replace(DONE, facts={"duration": upstream_says}), NOW)
    assert row.seconds == seconds


def test_a_video_made_by_frames_has_its_length_from_them() -> None:
    """Where the upstream tells frames instead of a duration, the length is frames by frames per second, 24 if it does not say."""
    by_frames = replace(DONE, facts={"frames": 133, "framespersecond": 25})
    assert settlement(RECORD, by_frames, NOW).seconds == 133 / 25
    assert settlement(RECORD, replace(DONE, facts={"frames": 48}), NOW).seconds == 2.0
    assert settlement(RECORD, replace(DONE, facts={"frames": 48, "duration": 3}), NOW).seconds == 3.0


RESOLUTIONS: tuple[tuple[object, object, str | None], ...] = (
    ("1080p", "480p", "1080p"),
    (None, "480p", "480p"),
    ("", "480p", "480p"),
    (None, None, None),
    (720, "480p", None),
)


@pytest.mark.parametrize(("upstream_says", "request_says", "resolution"), RESOLUTIONS)
def test_the_resolution_is_the_upstream_s_else_the_one_asked_for(
    upstream_says: object, request_says: object, resolution: str | None
) -> None:
    """A resolution is a text or absent."""
    record = replace(RECORD, request={"resolution": request_says})
    row = settlement(record, replace(DONE, facts={"resolution": upstream_says}), NOW)
    assert row.resolution == resolution


def test_a_bare_task_has_a_row_too() -> None:
    """A task of which nothing is known but that it ended is settled without an error."""
    row = settlement(replace(RECORD, request={}), Snapshot(status=TaskStatus.EXPIRED, status_word="expired"), NOW)
    assert (row.status, row.response_model, row.resolution, row.seconds) == ("expired", None, None, None)
    assert row.has_video_input is False


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    """Milliseconds in all are never below nought."""
    assert settlement(RECORD, DONE, MADE - 3600).total_ms == 0.0


def test_an_adjustment_is_the_same_truth_in_a_row_of_its_own() -> None:
    """Later truth about an assumed end is measured, and only its kind tells it from a settlement."""
    row = adjustment(replace(RECORD, assumed=True, settled=True), DONE, NOW)
    assert replace(row, kind="settlement") == settlement(RECORD, DONE, NOW)
    assert (row.kind, row.measured) == ("adjustment", "measured")


def call() -> Call:
    """One chat call of the team's, sent upstream."""
    key = Key(hash=b"x" * 32, prefix="sk-ab-123456", name="laptop", caller="team")
    made = Call(
        operation=Operation("chat", "create", Kind.UNARY, {}),
        dialect=Dialect.ARK,
        identity=Identity(key, Caller(name="team", created_at=0.0)),
        method="POST",
        params={},
        query=(),
        headers={"user-agent": "curl/8", "authorization": "Bearer secret"},
        body=b"a secret plan",
        client="192.0.2.7",
        request_id="req_2",
        started=MADE,
    )
    made.upstream, made.original_model, made.request_model = "ark", "chat", "doubao-chat"
    made.upstream_seconds = 1.25
    return made


def test_a_call_s_row_tells_the_whole_call() -> None:
    """Caller, key, models, tokens, times, address and program of a call that was sent; nothing of its body or its key."""
    row = call_row(call(), USAGE, NOW, status="ok", code=None)
    assert row == LedgerRow(
        kind="call",
        time=NOW,
        request_id="req_2",
        caller="team",
        key_prefix="sk-ab-123456",
        family="chat",
        operation="chat.create",
        dialect="ark",
        upstream="ark",
        original_model="chat",
        request_model="doubao-chat",
        status="ok",
        input_tokens=1,
        output_tokens=2,
        total_tokens=3,
        cached_tokens=4,
        reasoning_tokens=5,
        images=6,
        total_ms=100_500.0,
        upstream_ms=1250.0,
        client="192.0.2.7",
        user_agent="curl/8",
    )
    assert not any("secret" in str(getattr(row, field.name)) for field in fields(row))


def test_a_call_without_usage_made_up_none() -> None:
    """A call whose answer told no tokens, or never came, has a row without tokens and with what became of it."""
    silent = call()
    silent.identity, silent.upstream_seconds, silent.client = None, None, ""
    row = call_row(silent, None, MADE - 5, status="failed", code="upstream_ambiguous")
    assert (row.input_tokens, row.output_tokens, row.total_tokens) == (None, None, None)
    assert (row.status, row.error_code) == ("failed", "upstream_ambiguous")
    assert (row.caller, row.key_prefix, row.client, row.upstream_ms, row.total_ms) == ("", "", None, None, 0.0)


FAILED = replace(DONE, status=TaskStatus.FAILED, status_word="failed")
MORE = replace(USAGE, output_tokens=12, total_tokens=13)


@pytest.mark.parametrize(
    ("before", "now", "different"),
    [
        (DONE, DONE, False),
        (DONE, replace(DONE, video_url="https://media.example/renewed.mp4"), False),
        (DONE, replace(DONE, usage=replace(USAGE, raw={"other": 1})), False),
        (DONE, replace(DONE, usage=None), False),
        (DONE, FAILED, True),
        (FAILED, DONE, True),
        (DONE, replace(DONE, usage=MORE), True),
        (replace(DONE, usage=None), DONE, True),
        (replace(DONE, usage=None), replace(DONE, usage=Usage()), False),
    ],
)
def test_another_end_or_other_tokens_are_a_difference(before: Snapshot, now: Snapshot, *, different: bool) -> None:
    """A renewed link is no other truth, nor are tokens that are no longer told."""
    assert differs(before, now) == different


def test_a_usage_is_counted_in_the_order_of_the_ledger() -> None:
    """Input, output, cached, reasoning, total tokens and images; nothing told is nothing counted."""
    assert counted(USAGE) == (1, 2, 4, 5, 3, 6)
    assert counted(None) == counted(Usage()) == (None,) * 6


COUNTS = st.one_of(st.none(), st.integers(0, 10**9))
USAGES = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    total_tokens=COUNTS,
    cached_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    images=COUNTS,
)


def tokens(row: LedgerRow) -> tuple[int | None, ...]:
    """What a row counts."""
    return (
        row.input_tokens,
        row.output_tokens,
        row.cached_tokens,
        row.reasoning_tokens,
        row.total_tokens,
        row.images,
    )


@given(st.one_of(st.none(), USAGES), st.one_of(st.none(), USAGES))
def test_a_settlement_and_its_correction_add_up_to_the_later_truth(first: Usage | None, later: Usage | None) -> None:
    """The correction holds the difference, so that reports which add rows are right; what is not told later stays as it was."""
    settled = replace(RECORD, settled=True, snapshot=replace(DONE, usage=first))
    before = settlement(RECORD, replace(DONE, usage=first), NOW)
    change = correction(settled, replace(DONE, usage=later), NOW + 60)
    assert change.kind == "adjustment"
    assert (change.task_key, change.task_id, change.time) == ("k1", "cgt-1", NOW + 60)
    for was, added, true in zip(tokens(before), tokens(change), counted(later), strict=True):
        assert (was or 0) + (added or 0) == (true if true is not None else was or 0)


@given(st.sampled_from(TaskStatus))
def test_over_is_what_cannot_change_any_more(status: TaskStatus) -> None:
    """Queued and running tasks and those nobody has seen are not over; all others are."""
    assert is_over(Snapshot(status=status, status_word="x")) == (status.value not in {"queued", "running"})
    assert not is_over(None)
