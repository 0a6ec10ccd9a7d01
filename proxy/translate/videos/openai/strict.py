"""OpenAI's own /v1/videos as upstream: prompt, seconds, size, one input_reference, nothing else (openai-wire.md §1.2, §5.4)."""

from collections.abc import Mapping

import orjson

from proxy.model import JSON, Dialect, TaskRecord
from proxy.translate import jsonbody
from proxy.translate.videos import ChangeRequest, Outgoing, Target, VideoRequest, fields, items, sizes
from proxy.translate.videos.losses import Loss, Losses
from proxy.translate.videos.openai import change, parts, translation
from proxy.translate.videos.openai.upstream import VIDEOS, OpenAIUpstream
from proxy.translate.wire import JSON_TYPE, Body, Part, WireRequest

_UPSTREAM = "this upstream"
# The lengths that OpenAI's models offer, and the sizes among Ark's (openai-wire.md §1.2).
SECONDS = (4, 8, 12, 16, 20)
SIZES = ("1280x720", "720x1280", "1920x1080", "1080x1920", "1792x1024", "1024x1792")

_RULES: Mapping[str, Loss] = {
    "frames": Loss.REFUSE,
    "seed": Loss.REFUSE_UNLESS_LOSSY,
    "return_last_frame": Loss.REFUSE_UNLESS_LOSSY,
    "draft": Loss.REFUSE_UNLESS_LOSSY,
    "tools": Loss.REFUSE_UNLESS_LOSSY,
    "generate_audio": Loss.DROP,
    "watermark": Loss.DROP,
    "camera_fixed": Loss.DROP,
    "service_tier": Loss.DROP,
    "priority": Loss.DROP,
    "safety_identifier": Loss.DROP,
    "output_format": Loss.DROP,
    "omni_reference_task_type": Loss.DROP,
}


class Strict(OpenAIUpstream):
    """The profile `strict`. Results come as bytes only, from the content route."""

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """A plain OpenAI body travels on with the model's name changed; whatever says more is translated."""
        losses = Losses(request, list(request.notices))
        wire = passed_on(request, target) or _translated(request, target, losses)
        return translation.outgoing(request, wire, losses)

    def encode_change(self, request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> Outgoing:
        """OpenAI's own routes for all three (openai-wire.md §1.1)."""
        return change.native(request)


def passed_on(request: VideoRequest, target: Target) -> WireRequest | None:
    """The caller's own body with another model, if it is one that every OpenAI server takes as it is."""
    body = request.body
    if request.dialect is not Dialect.OPENAI or body is None or not _plain(body):
        return None
    if not body.form:
        replace = {} if request.model == target.model else {"model": orjson.dumps(target.model)}
        data = jsonbody.splice(body.raw, replace, drop_nulls=True)
        return WireRequest(method="POST", path=VIDEOS, headers={"content-type": JSON_TYPE}, body=data)
    members = {**body.fields, "model": target.model}
    return WireRequest(method="POST", path=VIDEOS, parts=parts.form(members))


def _plain(body: Body) -> bool:
    given = {name for name, value in body.fields.items() if value is not None}
    if given & fields.HABITS or "prompt" not in given:
        return False
    metadata = fields.mapping(body.fields["metadata"], "metadata") if "metadata" in given else {}
    return not fields.HABITS & set(metadata)


def _translated(request: VideoRequest, target: Target, losses: Losses) -> WireRequest:
    members: dict[str, object] = {"prompt": translation.prompt(request, losses), "model": target.model}
    length = _seconds(request, losses)
    if length is not None:
        members["seconds"] = str(length)
    size = _size(request, target.model, losses)
    if size is not None:
        members["size"] = size
    losses.settle(_RULES, _UPSTREAM)
    members |= translation.strangers(request, losses, _UPSTREAM)
    found = translation.media(request, target.model, losses)
    if not found:
        return _json(members)
    link = _first_frame(found, losses)
    picture = translation.opened(link, losses.param_of(found[0]))
    if picture is None:
        return _json({**members, "input_reference": {"image_url": link}})
    file: tuple[Part, ...] = (parts.file("input_reference", picture.data, picture.mime),)
    return WireRequest(method="POST", path=VIDEOS, parts=(*parts.form(members), *file))


def _json(members: JSON) -> WireRequest:
    return WireRequest(method="POST", path=VIDEOS, headers={"content-type": JSON_TYPE}, body=orjson.dumps(members))


def _first_frame(found: tuple[JSON, ...], losses: Losses) -> str:
    """The link of the one image this upstream takes: its first frame."""
    for item in found:
        if item.get("type") != "image_url" or item.get("role") not in (None, "first_frame"):
            said = item.get("role") or item.get("type")
            losses.refuse_item(item, f"this upstream takes one image, the first frame, and no {str(said)[:40]}")
    if len(found) > 1:
        losses.refuse_item(found[1], "this upstream takes one image, the first frame")
    return items.url(found[0]) or ""


def _seconds(request: VideoRequest, losses: Losses) -> int | None:
    length = translation.seconds(request, losses)
    if length is None or length in SECONDS:
        return length
    nearest = min(SECONDS, key=lambda offered: abs(offered - length))
    offered = ", ".join(str(number) for number in SECONDS)
    losses.refuse_unless_lossy(
        "duration", f"{length} s is not offered here, but {offered}", f"{nearest} s was asked for"
    )
    return nearest


def _size(request: VideoRequest, model: str, losses: Losses) -> str | None:
    """A caller's own size is the upstream's to judge; one made from Ark's words must be one that OpenAI has."""
    size = translation.size(request, model, losses)
    if size is None or size in SIZES or size == request.size:
        return size
    fit = sizes.fit(sizes.parse(size) or (1280, 720))
    nearest = _OFFERED.get((fit.resolution, fit.ratio))
    if nearest is not None:
        return nearest
    name = "ratio" if fit.ratio not in {"16:9", "9:16"} else "resolution"
    substitute = _OFFERED["720p", "9:16" if sizes.RATIOS[fit.ratio] < 1 else "16:9"]
    why = f"{size} is none of the sizes offered here, {', '.join(SIZES[:4])}"
    losses.refuse_unless_lossy(name, why, f"{substitute} was asked for instead of {size}")
    return substitute


_OFFERED: Mapping[tuple[str, str], str] = {
    ("720p", "16:9"): "1280x720",
    ("720p", "9:16"): "720x1280",
    ("1080p", "16:9"): "1920x1080",
    ("1080p", "9:16"): "1080x1920",
}
