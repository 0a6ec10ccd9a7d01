"""Rows for the store's tests: complete ones, of which a test says only what matters to it."""

from dataclasses import replace
from decimal import Decimal

from proxy.model import Caller, Dialect, Key, LedgerRow, Snapshot, TaskRecord, TaskStatus, Usage

CALLER = Caller(name="alice", created_at=1.5)
KEY = Key(
    hash=bytes(range(32)), prefix="sk-ab-abcdef", name="laptop", caller="alice", created_at=2.0, limits={"rpm": 60}
)
TASK = TaskRecord(
    key="k-1",
    caller="alice",
    key_prefix="sk-ab-abcdef",
    upstream="ark",
    dialect=Dialect.ARK,
    operation="videos.create",
    original_model="seedance-2.0-fast",
    request_model="doubao-seedance-2-0-fast-260128",
    request_id="req-1",
    created_at=100.0,
    request={"prompt": "a cat 猫", "seconds": 4, "metadata": {"deep": [1, 2.5, None, True]}},
)
QUEUED = Snapshot(status=TaskStatus.QUEUED, status_word="queued")
RUNNING = Snapshot(status=TaskStatus.RUNNING, status_word="running", progress=40, updated_at=120)
DONE = Snapshot(
    status=TaskStatus.SUCCEEDED,
    status_word="succeeded",
    updated_at=150,
    video_url="https://example.com/v.mp4",
    usage=Usage(output_tokens=108900, total_tokens=108900, raw={"completion_tokens": 108900}),
    facts={"resolution": "720p", "service_tier": "default"},
    raw={"id": "cgt-1", "unknown": {"kept": [1]}},
)
ROW = LedgerRow(
    kind="settlement",
    time=150.0,
    request_id="req-1",
    caller="alice",
    key_prefix="sk-ab-abcdef",
    family="videos",
    operation="videos.create",
    dialect="openai",
    upstream="ark",
    original_model="seedance-2.0-fast",
    request_model="doubao-seedance-2-0-fast-260128",
    task_key="k-1",
    task_id="cgt-1",
    status="succeeded",
    output_tokens=108900,
    total_tokens=108900,
    has_video_input=False,
    seconds=5.0,
    cost=Decimal("5.0094"),
    currency="CNY",
    price_date="2026-01-01",
    stream=True,
)


def task(number: int, **changes: object) -> TaskRecord:
    """The n-th task: key k-n, created n seconds after the first."""
    return replace(TASK, **{"key": f"k-{number}", "created_at": 100.0 + number, **changes})  # type: ignore[arg-type]  # fields are named by the test


def call(number: int = 0, **changes: object) -> LedgerRow:
    """A finished call of chat, at second n."""
    plain = {
        "kind": "call", "time": float(number), "request_id": f"req-{number}", "family": "chat", "operation": "chat.completions",
        "task_key": None, "task_id": None, "input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost": Decimal("0.000001"),
    }  # fmt: skip
    return replace(ROW, **{**plain, **changes})  # type: ignore[arg-type]  # fields are named by the test
