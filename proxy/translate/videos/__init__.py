"""The family `videos`: neutral request, view and list values, and what its codecs promise. Codecs share through this package only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from proxy.model import JSON, Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate.wire import Body, Notice, WireRequest, WireResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A create in neutral words, which are Ark's (ark-wire.md §2.3, §2.4) because Ark can say the most.

    `content` holds Ark content items, unknown item types included, uploads already as data URLs; `options` holds Ark's scalar fields by
    Ark's names, typed (duration: int s …), and unknown fields under their own names, verbatim; nulls are gone. `size` is OpenAI's WxH as
    the caller wrote it: only an outbound codec, which knows the model, turns it into resolution and ratio. For the same reason `images` holds
    two or more image links that came without roles (openai-wire.md §5.1, the `images[]` habit). `metadata` is what the caller
    put there that is no Ark field: it is echoed. `names` tells what the caller called an option or a content role where that is not Ark's
    name (`{"duration": "metadata.duration"}`), for messages. `lossy` is the caller's `x-arkbridge-lossy: allow`.
    """

    model: str
    dialect: Dialect
    content: tuple[JSON, ...] = ()
    options: JSON = field(default_factory=dict)
    size: str | None = None
    images: tuple[str, ...] = ()
    metadata: JSON = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    notices: tuple[Notice, ...] = ()
    lossy: bool = False
    body: Body | None = None


class Change(StrEnum):
    """What a new video makes of an old one (openai-wire.md §5.9)."""

    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """A new video out of the task `source`, in neutral words; `seconds` only where an extension names its length."""

    change: Change
    source: str
    prompt: str
    seconds: int | None = None
    callback_url: str | None = None
    lossy: bool = False
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a create goes: the model's name there, and the callback address we want called (None: the field is not sent)."""

    model: str
    callback_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A create as it will be sent, what was done to it, and what we remember of it (TaskRecord.request)."""

    request: WireRequest
    notices: tuple[Notice, ...] = ()
    remember: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one upstream answer says of one task; `id` is empty where the answer does not name it (an empty 202)."""

    id: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as one caller is to see it: the record, the link that works for that caller, and the estimate of its progress (0..100)."""

    record: TaskRecord
    video_url: str | None = None
    progress: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A list request in neutral words. `after` pages by cursor (OpenAI), `page` by number (Ark, from 1); `limit` is the page's size."""

    limit: int = 20
    after: str | None = None
    ascending: bool = False
    page: int = 1
    statuses: frozenset[TaskStatus] | None = None
    ids: tuple[str, ...] | None = None
    model: str | None = None
    service_tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """One page of a caller's tasks; `total` counts all that match."""

    items: tuple[TaskView, ...]
    total: int
    has_more: bool


class Inbound(Protocol):
    """The codec of a caller's dialect. Every method but the encoders may raise `Refusal`, and nothing else."""

    def decode_create(self, body: Body, *, lossy: bool = False) -> VideoRequest:
        """A create body to neutral: every wrong field is a 400 that names it as the caller wrote it."""

    def decode_change(self, change: Change, body: Body, source: str | None, *, lossy: bool = False) -> ChangeRequest:
        """A remix, edit or extension; `source` is the id in the path, else the body names it."""

    def decode_list(self, query: tuple[tuple[str, str], ...]) -> ListQuery:
        """The query string of a list."""

    def encode_created(self, view: TaskView) -> bytes:
        """The answer to a create."""

    def encode_task(self, view: TaskView) -> bytes:
        """The answer to a read: rendered from the record, merged over the upstream's raw body of the same dialect."""

    def encode_list(self, page: TaskPage) -> bytes:
        """The answer to a list."""

    def encode_deleted(self, view: TaskView) -> bytes:
        """The answer to a delete."""


class Outbound(Protocol):
    """The codec of an upstream's dialect and profile. Decoders raise `UnreadableAnswer` on an answer they cannot read."""

    has_links: bool
    """Whether the upstream hands out result links as a rule; a task without one is read from `encode_content`, with the key."""

    has_list: bool
    """Whether the upstream can list its tasks."""

    filters_list: bool
    """Whether its list takes ids, states and page numbers (Ark's does)."""

    has_delete: bool
    """Whether the upstream has a delete route."""

    cancels_running: bool
    """Whether its delete stops a running task."""

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """Neutral to the upstream's create; a field without counterpart is a `Refusal` or a notice (openai-wire.md §5)."""

    def encode_change(self, request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> Outgoing:
        """A remix, edit or extension of `source`, whose result is at `link`; a `Refusal` where the upstream has no such thing."""

    def decode_created(self, response: WireResponse) -> Sighting:
        """The 2xx answer to a create; `UnreadableAnswer` if it has no id."""

    def encode_read(self, task_id: str) -> WireRequest:
        """Read one task."""

    def decode_task(self, response: WireResponse) -> Sighting:
        """The 2xx answer to a read."""

    def encode_list(self, query: Mapping[str, str | tuple[str, ...]]) -> WireRequest | None:
        """List tasks, by Ark's query names; None if the upstream has no list."""

    def decode_list(self, response: WireResponse) -> tuple[Sighting, ...]:
        """The 2xx answer to a list."""

    def encode_delete(self, task_id: str) -> WireRequest:
        """Delete or cancel one task."""

    def encode_content(self, task_id: str) -> WireRequest | None:
        """Read the result's bytes with the upstream's key, for a task whose snapshot has no link; None if there is no such route."""
