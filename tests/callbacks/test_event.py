"""What a callback says, and its signature."""

import base64
import hashlib
import hmac

import orjson
import pytest

from proxy.callbacks.event import OPENAI_EVENTS, Event, event_of, shown_secret, signed, wanted
from proxy.model import TERMINAL, Dialect, Snapshot, TaskError, TaskRecord, TaskState, TaskStatus
from proxy.translate.videos import TaskView


def view(dialect: Dialect, status: TaskStatus) -> TaskView:
    """A task in a state, as its caller sees it."""
    error = TaskError("code", "why") if status is TaskStatus.FAILED else None
    record = TaskRecord(
        key="k" * 32,
        caller="alice",
        key_prefix="sk-ab-123456",
        upstream="ark",
        dialect=dialect,
        operation="videos.create",
        original_model="seedance-2.0",
        request_model="doubao-seedance-2-0-260128",
        request_id="req_1",
        created_at=1795000000.0,
        id="cgt-1",
        state=TaskState.ACCEPTED,
        snapshot=Snapshot(status=status, status_word=status.value, created_at=1795000000, error=error),
    )
    return TaskView(record=record)


@pytest.mark.parametrize("status", list(TaskStatus))
def test_who_is_told_what(status: TaskStatus) -> None:
    """Ark's callers are told of all states but cancelled (ark-wire.md §3.4), OpenAI's of ends only."""
    assert wanted(Dialect.ARK, status) == (status is not TaskStatus.CANCELLED)
    assert wanted(Dialect.OPENAI, status) == (status in TERMINAL)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_openai_event(status: TaskStatus) -> None:
    """The OpenAI family gets a webhook event that names the video (openai-wire.md §1.8)."""
    event = event_of("evt_1", 1795000100, view(Dialect.OPENAI, status))
    assert orjson.loads(event.body) == {
        "id": "evt_1",
        "object": "event",
        "created_at": 1795000100,
        "type": "video.completed" if status is TaskStatus.SUCCEEDED else "video.failed",
        "data": {"id": "cgt-1"},
    }
    assert set(OPENAI_EVENTS) == TERMINAL


def test_ark_event() -> None:
    """The Ark family gets the task itself, as a read would show it."""
    body = orjson.loads(event_of("evt_1", 1, view(Dialect.ARK, TaskStatus.FAILED)).body)
    assert (body["id"], body["status"], body["error"]["code"]) == ("cgt-1", "failed", "code")


def test_signature() -> None:
    """The signature is HMAC-SHA256 over id, time and body with the raw key behind `whsec_…` (Standard Webhooks)."""
    secret = b"s" * 32
    event = Event("evt_1", b'{"a":1}')
    headers = signed(event, secret, 1795000000)
    key = base64.b64decode(shown_secret(secret).removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, b'evt_1.1795000000.{"a":1}', hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("evt_1", "1795000000")
