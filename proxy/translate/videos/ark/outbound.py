"""The codec of Ark as upstream (ark-wire.md §2, §3)."""

from collections.abc import Mapping
from urllib.parse import quote

import orjson

from proxy.errors import UnreadableAnswer
from proxy.model import JSON, Dialect, Snapshot, TaskError, TaskRecord, TaskStatus
from proxy.translate import coerce, jsonbody
from proxy.translate.errors import redact
from proxy.translate.videos import (
    ChangeRequest,
    Outgoing,
    Sighting,
    Target,
    VideoRequest,
    changes,
    facts,
    items,
    memory,
    reading,
    sizes,
    status,
)
from proxy.translate.videos.losses import Loss, Losses
from proxy.translate.wire import JSON_TYPE, WireRequest, WireResponse

TASKS = "/contents/generations/tasks"

# What OpenAI callers may send and Ark has no word for (openai-wire.md §5.1).
_FOREIGN: Mapping[str, Loss] = {
    "characters": Loss.REFUSE,
    "negative_prompt": Loss.REFUSE_UNLESS_LOSSY,
    "fps": Loss.DROP,
    "num_inference_steps": Loss.DROP,
    "guidance_scale": Loss.DROP,
    "guidance_scale_2": Loss.DROP,
    "true_cfg_scale": Loss.DROP,
    "boundary_ratio": Loss.DROP,
    "flow_shift": Loss.DROP,
}


class ArkOutbound:
    """Ark as upstream."""

    has_links = True
    has_list = True
    filters_list = True
    has_delete = True
    cancels_running = False

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """Ark callers' bytes with model and callback address spliced; everything else is written anew (openai-wire.md §5.1)."""
        losses = Losses(request, list(request.notices))
        framing: JSON = {}
        if request.dialect is Dialect.ARK and request.body is not None and not request.body.form:
            data = _spliced(request, request.body.raw, target)
        else:
            framing = sizes.framed(request, target.model, losses)
            data = orjson.dumps(_written(request, target, framing, losses))
        return Outgoing(
            request=WireRequest(method="POST", path=TASKS, headers={"content-type": JSON_TYPE}, body=data),
            notices=tuple(losses.notices),
            remember=memory.remember(request, framing),
        )

    def encode_change(self, request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> Outgoing:
        """A create with the source as reference video (openai-wire.md §5.9)."""
        outgoing = self.encode_create(changes.as_create(request, source, link, target), target)
        return changes.remembered(outgoing, request)

    def decode_created(self, response: WireResponse) -> Sighting:
        """Ark answers a create with the id alone (ark-wire.md §2.8); what else a compatible server says is taken along."""
        body = reading.answer(response.body)
        return _sighting({"status": TaskStatus.QUEUED.value} | body, body)

    def encode_read(self, task_id: str) -> WireRequest:
        """Read one task."""
        return WireRequest(method="GET", path=f"{TASKS}/{quote(task_id, safe='')}")

    def decode_task(self, response: WireResponse) -> Sighting:
        """The task object; a callback's body is the same (ark-wire.md §3.1, §3.4)."""
        body = reading.answer(response.body)
        return _sighting(body, body)

    def encode_list(self, query: Mapping[str, str | tuple[str, ...]]) -> WireRequest | None:
        """List tasks; ids are repeated (ark-wire.md §3.2)."""
        pairs = tuple(
            (name, value)
            for name, values in query.items()
            for value in ((values,) if isinstance(values, str) else values)
        )
        return WireRequest(method="GET", path=TASKS, query=pairs)

    def decode_list(self, response: WireResponse) -> tuple[Sighting, ...]:
        """Every item that names itself and its state; others are left out."""
        found = reading.answer(response.body).get("items")
        if not isinstance(found, list):
            raise UnreadableAnswer("the upstream's list has no items")
        bodies = (reading.members(item) for item in found)
        return tuple(_sighting(body, body) for body in bodies if reading.word(body.get("id")) and _state(body))

    def encode_delete(self, task_id: str) -> WireRequest:
        """Cancel a queued task, destroy the record of an ended one (ark-wire.md §3.3)."""
        return WireRequest(method="DELETE", path=f"{TASKS}/{quote(task_id, safe='')}")

    def encode_content(self, task_id: str) -> WireRequest | None:
        """None: results are links."""
        return None


def _spliced(request: VideoRequest, raw: bytes, target: Target) -> bytes:
    callback = None if target.callback_url is None else orjson.dumps(target.callback_url)
    replace: dict[str, bytes | None] = {"callback_url": callback}
    if request.model != target.model:
        replace["model"] = orjson.dumps(target.model)
    return jsonbody.splice(raw, replace, drop_nulls=True)


def _written(request: VideoRequest, target: Target, framing: JSON, losses: Losses) -> dict[str, object]:
    content = items.with_roles(request, target.model, losses)
    rules = _FOREIGN if request.dialect is Dialect.OPENAI else {}
    losses.settle(rules, "Ark")
    if request.dialect is Dialect.OPENAI and "n" in request.options:
        _one_video(request, losses)
        rules = {**rules, "n": Loss.DROP}
    body: dict[str, object] = {"model": target.model, "content": list(content), **framing}
    body |= {name: value for name, value in request.options.items() if name not in rules}
    if target.callback_url is not None:
        body["callback_url"] = target.callback_url
    return body


def _one_video(request: VideoRequest, losses: Losses) -> None:
    """Ark makes one video a task: `n` of 1 says nothing, more cannot be said."""
    if coerce.integer(request.options["n"], losses.param("n")) > 1:
        losses.refuse_unless_lossy("n", "Ark makes one video a task", "one video was asked for")


def _state(body: Mapping[str, object]) -> str | None:
    return reading.word(body.get("status"))


def _sighting(body: Mapping[str, object], raw: JSON) -> Sighting:
    """A task object to neutral; without id or status it is unreadable."""
    task_id, word = reading.word(body.get("id")), _state(body)
    if task_id is None or word is None:
        raise UnreadableAnswer("the upstream's answer has no id or no status")
    content = reading.members(body.get("content"))
    link = reading.word(content.get("video_url"))
    told = facts.facts(body) | {facts.DIALECT: Dialect.ARK.value}
    if reading.word(content.get("file_url")):
        told["file_url"] = content["file_url"]
    state = status.read(word)
    if state is TaskStatus.SUCCEEDED and link is None and "file_url" not in told:
        state, told[facts.MISSING_VIDEO_URL] = TaskStatus.RUNNING, True
    snapshot = Snapshot(
        status=state,
        status_word=word,
        model=reading.word(body.get("model")),
        created_at=reading.moment(body.get("created_at")),
        updated_at=reading.moment(body.get("updated_at")),
        video_url=link,
        last_frame_url=reading.word(content.get("last_frame_url")),
        error=_failure(body.get("error"), state),
        usage=facts.usage(body.get("usage")),
        facts=told,
        raw=raw,
    )
    return Sighting(task_id, snapshot)


def _failure(value: object, state: TaskStatus) -> TaskError | None:
    """The error inside a 200; a failed task always gets one."""
    error = reading.members(value)
    code, message = reading.word(error.get("code")), reading.word(error.get("message"))
    if code is None and message is None and state is not TaskStatus.FAILED:
        return None
    return TaskError(code or status.NO_CODE, redact(message or status.NO_REASON))
