"""The OpenAI video object as our callers see it: every key always there, the first seven in the quick start's order (openai-wire.md §5.3)."""

from proxy.model import JSON, Dialect, Snapshot, TaskError, TaskRecord, TaskStatus
from proxy.translate.videos import TaskView, facts, reading, sizes, status

DEFAULT_SECONDS = "5"

# Where upstreams put links (openai-wire.md §2.10). Ours is metadata.url; theirs may need their key, or show their disk.
_LINK_KEYS = frozenset(
    {
        "url",
        "urls",
        "video_url",
        "result_url",
        "unsigned_urls",
        "video",
        "videos",
        "output",
        "outputs",
        "content",
        "results",
        "file_path",
        "file_paths",
        "polling_url",
    }
)
# What relays show of themselves, and what we say in our own words.
_INTERNAL_KEYS = frozenset(
    {"channel_id", "user_id", "group", "quota", "platform", "properties", "action", "data", "fail_reason", "metadata"}
)
_HIDDEN = _LINK_KEYS | _INTERNAL_KEYS | {"usage"}
# Names in metadata that have a meaning, so a caller's own metadata cannot stand under them.
_RESERVED = frozenset({*facts.NAMES, "url", "status", "usage", "updated_at", "last_frame_url", "file_url", "model"})
# Members of Ark's task object that have a place of their own in the video object.
_PLACED = frozenset({"id", "model", "status", "error", "created_at", "updated_at", "content", "usage"})


def render(view: TaskView) -> dict[str, object]:
    """The record in OpenAI's words, over the upstream's own video object where it sent one."""
    record, snapshot = view.record, view.record.snapshot
    raw = _own(snapshot)
    state = snapshot.status if snapshot else TaskStatus.QUEUED
    ended = state not in {TaskStatus.QUEUED, TaskStatus.RUNNING}
    created = snapshot.created_at if snapshot else None
    video: dict[str, object] = {
        "id": record.id,
        "task_id": record.id,
        "object": "video",
        "model": record.original_model,
        "status": status.OPENAI[state],
        "progress": _progress(view, state),
        "created_at": created if created is not None else int(record.created_at),
        "completed_at": _ended_at(record, snapshot) if ended else None,
        "expires_at": _expires_at(snapshot, raw) if state is TaskStatus.SUCCEEDED else None,
        "prompt": record.request.get("prompt"),
        "size": _size(record, snapshot),
        "seconds": _seconds(record, snapshot, raw),
        "remixed_from_video_id": record.request.get("remixed_from") or raw.get("remixed_from_video_id"),
        "error": _error(record, snapshot, raw, state),
    }
    used = facts.shown_usage(record)
    if used is not None:
        video["usage"] = used
    further = {name: value for name, value in raw.items() if name not in video and name not in _HIDDEN}
    return {**video, **further, "metadata": _metadata(view, used)}


def _own(snapshot: Snapshot | None) -> JSON:
    """The upstream's video object; a relay's wrapper or another server's shape is none, and only its known facts are taken."""
    raw = facts.raw_of(snapshot, Dialect.OPENAI)
    return raw if raw.get("object") == "video" else {}


def _progress(view: TaskView, state: TaskStatus) -> int:
    if state is TaskStatus.QUEUED:
        return 0
    return 100 if state is TaskStatus.SUCCEEDED else max(0, min(99, view.progress))


def _ended_at(record: TaskRecord, snapshot: Snapshot | None) -> int | None:
    if snapshot is not None and snapshot.updated_at is not None:
        return snapshot.updated_at
    return None if record.ended_at is None else int(record.ended_at)


def _expires_at(snapshot: Snapshot | None, raw: JSON) -> int | None:
    said = reading.moment(raw.get("expires_at"))
    return said if said is not None or snapshot is None else facts.link_expiry(snapshot)


def _size(record: TaskRecord, snapshot: Snapshot | None) -> str:
    """What was delivered, else what was asked for; a string whatever happens (openai-wire.md §5.3)."""
    told = snapshot.facts if snapshot else {}
    asked = record.request
    foreign = told.get(facts.DIALECT) == Dialect.OPENAI.value
    candidates = (
        told.get(facts.SIZE),
        asked.get("size") if foreign else None,
        sizes.size_of(record.request_model, told.get("resolution"), told.get("ratio")),
        None if "ratio" in told else sizes.size_of(record.request_model, asked.get("resolution"), asked.get("ratio")),
        asked.get("size"),
    )
    return next((size for size in map(reading.word, candidates) if size), "")


def _seconds(record: TaskRecord, snapshot: Snapshot | None, raw: JSON) -> str:
    """Whole seconds as a string: delivered, else asked for, else Ark's default."""
    told = _length(snapshot.facts) if snapshot else None
    return told or reading.word(raw.get("seconds")) or _length(record.request) or DEFAULT_SECONDS


def _length(source: JSON) -> str | None:
    duration, frames = reading.whole(source.get("duration")), reading.whole(source.get("frames"))
    if duration is not None and duration > 0:
        return str(duration)
    return str(frames // 24) if frames is not None and frames >= 24 else None


def _error(record: TaskRecord, snapshot: Snapshot | None, raw: JSON, state: TaskStatus) -> dict[str, object] | None:
    """An object whenever the status is failed, never null: samples read its message (openai-wire.md §0.11)."""
    if status.OPENAI[state] != "failed":
        return None
    said = snapshot.error if snapshot else None
    if said is None or (state is not TaskStatus.FAILED and facts.raw_of(snapshot, Dialect.ARK)):
        said = _ending(record, snapshot, state)
    return {**reading.members(raw.get("error")), "code": said.code, "message": said.message}


def _ending(record: TaskRecord, snapshot: Snapshot | None, state: TaskStatus) -> TaskError:
    if state is TaskStatus.CANCELLED:
        return TaskError("cancelled", "task was cancelled")
    if state is TaskStatus.EXPIRED:
        told = snapshot.facts if snapshot else {}
        said = reading.whole(told.get("execution_expires_after"))
        asked = reading.whole(record.request.get("execution_expires_after"))
        return TaskError("expired", f"task expired after {said or asked or facts.DEFAULT_EXPIRY} s")
    return TaskError(status.NO_CODE, status.NO_REASON)


def _metadata(view: TaskView, used: dict[str, object] | None) -> dict[str, object]:
    """The caller's own, the upstream's facts under Ark's names, and the link; unknown fields of an Ark upstream survive here, since
    this object is the open one of the two."""
    record, snapshot = view.record, view.record.snapshot
    echo = {k: v for k, v in reading.members(record.request.get("metadata")).items() if k not in _RESERVED}
    if snapshot is None:
        return {**echo, "status": TaskStatus.QUEUED.value}
    theirs = reading.members(_own(snapshot).get("metadata"))
    unknown = {k: v for k, v in facts.raw_of(snapshot, Dialect.ARK).items() if k not in _PLACED}
    known: dict[str, object] = {name: snapshot.facts[name] for name in facts.NAMES if name in snapshot.facts}
    links = {
        "url": view.video_url if snapshot.status is TaskStatus.SUCCEEDED else None,
        "last_frame_url": snapshot.last_frame_url,
        "file_url": snapshot.facts.get("file_url"),
    }
    known |= {name: link for name, link in links.items() if link is not None}
    if used is not None:
        known["usage"] = used
    known["status"] = snapshot.status_word
    if snapshot.updated_at is not None:
        known["updated_at"] = snapshot.updated_at
    hidden = {"url", "usage"}
    return {**echo, **{k: v for k, v in theirs.items() if k not in hidden}, **unknown, **known}
