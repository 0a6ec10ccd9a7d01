"""Ledger rows from what happened (contract.md §9). Pure: the gateway gives the time."""

from dataclasses import replace
from math import isfinite

from proxy.gateway.call import Call
from proxy.model import JSON, TERMINAL, LedgerRow, Snapshot, TaskRecord, TaskStatus, Usage

CLIENT, USER_AGENT = "client", "user_agent"
"""What is remembered of whoever made a task, beside Ark's names in `TaskRecord.request`."""


def settlement(record: TaskRecord, snapshot: Snapshot, now: float, *, assumed: bool = False) -> LedgerRow:
    """The one row of a task that has ended. Tokens are there only if the upstream reported them; only `succeeded` can cost."""
    usage = snapshot.usage or Usage()
    billed = snapshot.status is TaskStatus.SUCCEEDED
    return LedgerRow(
        kind="settlement",
        time=now,
        request_id=record.request_id,
        caller=record.caller,
        key_prefix=record.key_prefix,
        family="videos",
        operation=record.operation,
        dialect=record.dialect,
        upstream=record.upstream,
        original_model=record.original_model,
        request_model=record.request_model,
        response_model=snapshot.model,
        task_key=record.key,
        task_id=record.id,
        status=snapshot.status,
        error_code=snapshot.error.code if snapshot.error else None,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        total_tokens=usage.total_tokens,
        images=usage.images,
        has_video_input=bool(record.request.get("has_video_input")),
        resolution=_text(snapshot.facts.get("resolution") or record.request.get("resolution")),
        seconds=_seconds(snapshot.facts, record.request) if billed else None,
        measured="assumed" if assumed else "measured",
        client=_text(record.request.get(CLIENT)),
        user_agent=_text(record.request.get(USER_AGENT)),
        total_ms=max(0.0, now - record.created_at) * 1000,
    )


def call_row(call: Call, usage: Usage | None, now: float, *, status: str, code: str | None) -> LedgerRow:
    """The row of one call that was sent upstream (chat, responses, images, embeddings …)."""
    used = usage or Usage()
    return LedgerRow(
        kind="call",
        time=now,
        request_id=call.request_id,
        caller=call.caller,
        key_prefix=call.identity.key.prefix if call.identity else "",
        family=call.operation.family,
        operation=call.operation.name,
        dialect=call.dialect,
        upstream=call.upstream,
        original_model=call.original_model,
        request_model=call.request_model,
        status=status,
        error_code=code,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cached_tokens,
        reasoning_tokens=used.reasoning_tokens,
        total_tokens=used.total_tokens,
        images=used.images,
        total_ms=max(0.0, now - call.started) * 1000,
        upstream_ms=call.upstream_seconds * 1000 if call.upstream_seconds is not None else None,
        client=call.client or None,
        user_agent=call.headers.get("user-agent"),
    )


def adjustment(record: TaskRecord, snapshot: Snapshot, now: float) -> LedgerRow:
    """Later truth about a task whose end was assumed: a row of its own, the settlement stays as it was."""
    return replace(settlement(record, snapshot, now), kind="adjustment")


def differs(before: Snapshot, now: Snapshot) -> bool:
    """Whether an upstream says of an ended task another end or other tokens than before; tokens that it does not say are no difference."""
    if now.status is not before.status:
        return True
    return now.usage is not None and counted(now.usage) != counted(before.usage)


def counted(usage: Usage | None) -> tuple[int | None, ...]:
    """The tokens and images that a usage tells, in the order of the ledger's columns."""
    used = usage or Usage()
    return (
        used.input_tokens,
        used.output_tokens,
        used.cached_tokens,
        used.reasoning_tokens,
        used.total_tokens,
        used.images,
    )


def correction(record: TaskRecord, snapshot: Snapshot, now: float) -> LedgerRow:
    """Other facts about a task whose end was seen: a row of its own with the difference, so that the rows add up to what is true."""
    row = settlement(record, snapshot, now)
    before = counted(record.snapshot.usage if record.snapshot else None)
    pairs = zip(counted(snapshot.usage), before, strict=True)
    asked, made, cached, thought, total, images = (None if new is None else new - (old or 0) for new, old in pairs)
    return replace(
        row,
        kind="adjustment",
        input_tokens=asked,
        output_tokens=made,
        cached_tokens=cached,
        reasoning_tokens=thought,
        total_tokens=total,
        images=images,
        cost=None if row.cost is None else row.cost - (record.cost or 0),
    )


def is_over(snapshot: Snapshot | None) -> bool:
    """Whether a task has ended."""
    return snapshot is not None and snapshot.status in TERMINAL


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(told: JSON, asked: JSON) -> float | None:
    """Length of the video in seconds: as told, by frames where it was made by frames (ark-wire.md §3.1), else as asked for."""
    frames, rate = _number(told.get("frames")), _number(told.get("framespersecond")) or 24
    by_frames = frames / rate if frames else None
    return _number(told.get("duration")) or by_frames or _number(asked.get("duration"))


def _number(value: object) -> float | None:
    """A positive number, or None: Ark's -1 leaves the length to the model (ark-wire.md §2.3)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and number > 0 else None
