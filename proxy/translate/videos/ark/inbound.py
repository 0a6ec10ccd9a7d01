"""The codec of Ark callers of /api/v3/contents/generations/tasks (ark-wire.md §2, §3)."""

from collections.abc import Mapping

import orjson

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate import coerce
from proxy.translate.videos import (
    Change,
    ChangeRequest,
    ListQuery,
    TaskPage,
    TaskView,
    VideoRequest,
    facts,
    fields,
    reading,
)
from proxy.translate.wire import Body

_LARGEST_PAGE = 500


class ArkInbound:
    """Ark callers: their SDKs write null for every field they leave unset, and null means absent (ark-wire.md §0.2)."""

    def decode_create(self, body: Body, *, lossy: bool = False) -> VideoRequest:
        """Ark's create body; only what cannot be typed is refused, ranges and combinations are the model's to judge."""
        given = {name: value for name, value in body.fields.items() if value is not None}
        if "model" not in given:
            raise Refusal(Problem.MISSING_PARAMETER, "model is required.", param="model")
        model = coerce.text(given.pop("model"), "model")
        content = fields.items(given.pop("content"), "content") if "content" in given else ()
        options = {name: _option(name, value) for name, value in given.items()}
        callback = options.pop("callback_url", None)
        return VideoRequest(
            model=model,
            dialect=Dialect.ARK,
            content=content,
            options=options,
            callback_url=callback if isinstance(callback, str) and callback else None,
            lossy=lossy,
            body=body,
        )

    def decode_change(self, change: Change, body: Body, source: str | None, *, lossy: bool = False) -> ChangeRequest:
        """Ark callers say these as a create with a reference video; there is no route of their own."""
        raise Refusal(Problem.UNSUPPORTED_OPERATION, "Create a task with a reference_video instead.")

    def decode_list(self, query: tuple[tuple[str, str], ...]) -> ListQuery:
        """Ark's list query: pages by number, ids as a repeated parameter (ark-wire.md §3.2); without a tier, tasks of all tiers."""
        single = dict(query)
        ids = tuple(value for name, value in query if name == "filter.task_ids" and value)
        word = single.get("filter.status")
        if word and word not in set(TaskStatus):
            words = ", ".join(TaskStatus)
            raise Refusal(Problem.INVALID_VALUE, f"filter.status: {word!r} is none of {words}.", param="filter.status")
        return ListQuery(
            limit=_number(single, "page_size", 20),
            page=_number(single, "page_num", 1),
            statuses=frozenset({TaskStatus(word)}) if word else None,
            ids=ids or None,
            model=single.get("filter.model") or None,
            service_tier=single.get("filter.service_tier") or None,
        )

    def encode_created(self, view: TaskView) -> bytes:
        """Nothing but the id (ark-wire.md §2.8)."""
        return orjson.dumps({"id": view.record.id})

    def encode_task(self, view: TaskView) -> bytes:
        """The task object of ark-wire.md §3.1."""
        return orjson.dumps(_task(view))

    def encode_list(self, page: TaskPage) -> bytes:
        """`items` and `total` (ark-wire.md §3.2)."""
        return orjson.dumps({"items": [_task(view) for view in page.items], "total": page.total})

    def encode_deleted(self, view: TaskView) -> bytes:
        """An empty object (ark-wire.md §3.3)."""
        return b"{}"


def _option(name: str, value: object) -> object:
    reader = fields.ARK_FIELDS.get(name, fields.plain)
    return reader(value, name)


def _number(single: Mapping[str, str], name: str, default: int) -> int:
    if not single.get(name):
        return default
    number = coerce.integer(single[name], name)
    if not 1 <= number <= _LARGEST_PAGE:
        raise Refusal(Problem.INVALID_VALUE, f"{name}: {number} is not within 1 to {_LARGEST_PAGE}.", param=name)
    return number


def _task(view: TaskView) -> dict[str, object]:
    """The record in Ark's words, over Ark's own last body; of a body in another dialect nothing but its known facts is taken."""
    record, snapshot = view.record, view.record.snapshot
    raw = facts.raw_of(snapshot, Dialect.ARK)
    state = snapshot.status if snapshot else TaskStatus.QUEUED
    task: dict[str, object] = {"id": record.id, "model": _model(record, raw), "status": state.value}
    task |= {name: value for name, value in raw.items() if name not in {"id", "model", "status"}}
    task |= {name: value for name, value in _outcome(view, raw).items() if value is not None}
    if snapshot is not None and not raw:
        task |= _translated(record, snapshot)
    return task


def _model(record: TaskRecord, raw: JSON) -> object:
    """Ark's own name for the model, unless callers know it by another one (contract.md §6)."""
    if record.original_model == record.request_model:
        return raw.get("model") or record.original_model
    return record.original_model


def _outcome(view: TaskView, raw: JSON) -> dict[str, object]:
    """The members that our record knows better than Ark's body; None where it has nothing to say."""
    record, snapshot = view.record, view.record.snapshot
    error = _error(snapshot, raw)
    content = reading.members(raw.get("content"))
    if snapshot is not None and snapshot.last_frame_url:
        content.setdefault("last_frame_url", snapshot.last_frame_url)
    if view.video_url is not None and snapshot is not None and snapshot.status is TaskStatus.SUCCEEDED:
        content = {**content, "video_url": view.video_url}
    created = snapshot.created_at if snapshot else None
    updated = snapshot.updated_at if snapshot else None
    return {
        "error": error,
        "content": content or None,
        "usage": facts.shown_usage(record),
        "created_at": created if created is not None else int(record.created_at),
        "updated_at": updated if updated is not None else int(record.ended_at or record.seen_at or record.created_at),
    }


def _error(snapshot: Snapshot | None, raw: JSON) -> dict[str, object] | None:
    """Ark's error object, with the code and message that we keep."""
    if snapshot is None or snapshot.error is None:
        return None
    return {
        **reading.members(raw.get("error")),
        "code": snapshot.error.code,
        "message": snapshot.error.message,
    }


def _translated(record: TaskRecord, snapshot: Snapshot) -> dict[str, object]:
    """What a task of another dialect tells an Ark caller: its facts, else what the create asked for (openai-wire.md §5.5)."""
    asked: dict[str, object] = {"service_tier": "default", "execution_expires_after": facts.DEFAULT_EXPIRY}
    for name in (
        "seed",
        "generate_audio",
        "ratio",
        "resolution",
        "duration",
        "service_tier",
        "execution_expires_after",
    ):
        value = record.request.get(name)
        if value not in (None, -1, "adaptive"):
            asked[name] = value
    told = {name: snapshot.facts[name] for name in facts.NAMES if name in snapshot.facts}
    return asked | told
