"""new-api and its many relatives as upstream: a prompt, and everything Ark in `metadata` (openai-wire.md §2.1, §5.4)."""

from dataclasses import replace

import orjson

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect, TaskRecord, TaskStatus
from proxy.translate import jsonbody
from proxy.translate.videos import (
    ChangeRequest,
    Outgoing,
    Sighting,
    Target,
    VideoRequest,
    changes,
    fields,
    items,
    memory,
    sizes,
)
from proxy.translate.videos.losses import Losses
from proxy.translate.videos.openai import translation
from proxy.translate.videos.openai.upstream import VIDEOS, OpenAIUpstream
from proxy.translate.wire import JSON_TYPE, Notice, WireRequest, WireResponse

# Top-level fields that it passes to Ark as they are. It ignores `size`, so a size is said in metadata as well.
_UNDERSTOOD = frozenset({"model", "prompt", "seconds", "duration", "mode", "metadata"})


class NewAPI(OpenAIUpstream):
    """The profile `newapi`: no list and no delete; results are links, with a content route beside them."""

    has_links = True
    has_list = False
    has_delete = False

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """A body that it understands travels on; any other becomes prompt and metadata, as JSON always."""
        losses = Losses(request, list(request.notices))
        framing: JSON = {}
        data = _passed_on(request, target)
        if data is None:
            framing = sizes.framed(request, target.model, losses)
            data = orjson.dumps(_written(request, target, framing, losses))
        wire = WireRequest(method="POST", path=VIDEOS, headers={"content-type": JSON_TYPE}, body=data)
        return Outgoing(request=wire, notices=tuple(losses.notices), remember=memory.remember(request, framing))

    def encode_change(self, request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> Outgoing:
        """new-api hands its metadata to Ark, so a reference video in it makes all three."""
        outgoing = self.encode_create(changes.as_create(request, source, link, target), target)
        return changes.remembered(outgoing, request)

    def decode_created(self, response: WireResponse) -> Sighting:
        """As elsewhere; `unknown` is what new-api calls a task that has not started."""
        return _not_started(super().decode_created(response))

    def decode_task(self, response: WireResponse) -> Sighting:
        """As elsewhere; `unknown` is what new-api calls a task that has not started (openai-wire.md §2.1)."""
        return _not_started(super().decode_task(response))

    def encode_list(self, query: object) -> WireRequest | None:
        """None: it has no list."""
        return None

    def encode_delete(self, task_id: str) -> WireRequest:
        """A 400: it has no delete."""
        raise Refusal(Problem.UNSUPPORTED_OPERATION, "this upstream can neither cancel nor delete a video.")


def _not_started(sighting: Sighting) -> Sighting:
    if sighting.snapshot.status_word != "unknown":
        return sighting
    return replace(sighting, snapshot=replace(sighting.snapshot, status=TaskStatus.QUEUED))


def _passed_on(request: VideoRequest, target: Target) -> bytes | None:
    """The caller's own bytes with another model, if every field in them is one that reaches Ark from there."""
    body = request.body
    if request.dialect is not Dialect.OPENAI or body is None or body.form:
        return None
    given = {name: value for name, value in body.fields.items() if value is not None}
    typed = all(isinstance(given.get(name, ""), str) for name in ("prompt", "seconds"))
    addressed = request.callback_url is not None or target.callback_url is not None
    if not typed or addressed or not str(given.get("prompt", "")).strip() or not set(given) <= _UNDERSTOOD:
        return None
    replace = {} if request.model == target.model else {"model": orjson.dumps(target.model)}
    return jsonbody.splice(body.raw, replace, drop_nulls=True)


def _written(request: VideoRequest, target: Target, framing: JSON, losses: Losses) -> dict[str, object]:
    options = {name: value for name, value in request.options.items() if name in fields.ARK_FIELDS}
    unknown = {name: value for name, value in request.options.items() if name not in fields.ARK_FIELDS}
    content = items.with_roles(request, target.model, losses)
    prompt = translation.prompt(request, losses)
    metadata: dict[str, object] = {**request.metadata, **framing, **options}
    body: dict[str, object] = {"model": target.model, "prompt": prompt}
    duration = options.get("duration")
    if isinstance(duration, int) and duration > 0:
        body["seconds"] = str(duration)
    if request.size is not None:
        body["size"] = request.size
    if request.dialect is Dialect.OPENAI:
        body |= {name: value for name, value in unknown.items() if name not in body}
    else:
        metadata |= unknown
    if any(item.get("type") != "text" for item in content):
        metadata["content"] = list(content)
        _order(content, losses)
    if target.callback_url is not None:
        metadata["callback_url"] = target.callback_url
    return {**body, "metadata": metadata} if metadata else body


def _order(content: tuple[JSON, ...], losses: Losses) -> None:
    """Several texts become one prompt behind the media there (openai-wire.md §2.1)."""
    if len(items.texts(content)) > 1:
        losses.notices.append(Notice(losses.param("content"), "its texts were joined into one prompt"))
