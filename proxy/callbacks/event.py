"""What a delivery says: an Ark task for tasks made through the Ark family, a Standard-Webhooks event for the OpenAI family. Pure."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import orjson

from proxy.model import Dialect, TaskRecord, TaskStatus
from proxy.translate.registry import FAMILIES
from proxy.translate.videos import TaskView

VIDEOS = next(family for family in FAMILIES if family.name == "videos")

OPENAI_EVENTS: Final = {
    TaskStatus.SUCCEEDED: "video.completed",
    TaskStatus.FAILED: "video.failed",
    TaskStatus.EXPIRED: "video.failed",
    TaskStatus.CANCELLED: "video.failed",
}
"""openai-wire.md §1.8; unfinished states have no event."""

ARK_STATES = frozenset(
    {TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.EXPIRED}
)
"""ark-wire.md §3.4: Ark does not call for `cancelled`."""


@dataclass(frozen=True, slots=True)
class Event:
    """A body to be sent, with its stable id: the same at every attempt."""

    id: str
    body: bytes


def wanted(dialect: Dialect, status: TaskStatus) -> bool:
    """Whether the family's callers are called for this state."""
    return status in (ARK_STATES if dialect is Dialect.ARK else OPENAI_EVENTS)


def event_of(event_id: str, created_at: int, view: TaskView) -> Event:
    """The event for the task as it is now."""
    record = view.record
    if record.dialect is Dialect.ARK:
        return Event(event_id, VIDEOS.inbound[Dialect.ARK].encode_task(view))
    return Event(event_id, orjson.dumps(_openai(event_id, created_at, record)))


def _openai(event_id: str, created_at: int, record: TaskRecord) -> dict[str, object]:
    status = record.snapshot.status if record.snapshot else TaskStatus.FAILED
    kind = OPENAI_EVENTS.get(status, "video.failed")
    return {"id": event_id, "object": "event", "created_at": created_at, "type": kind, "data": {"id": record.id}}


def signed(event: Event, secret: bytes, now: int) -> dict[str, str]:
    """The headers of a delivery as Standard Webhooks has them (openai-wire.md §1.8); `secret` is the raw key behind `whsec_…`."""
    content = f"{event.id}.{now}.".encode() + event.body
    signature = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "arkbridge",
        "webhook-id": event.id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{signature}",
    }


def shown_secret(secret: bytes) -> str:
    """The secret in the form that SDKs take."""
    return "whsec_" + base64.b64encode(secret).decode()
