"""SGLang-Diffusion as upstream: JSON with a length in whole seconds and one reference image (openai-wire.md §2.3, §5.4).

Its `input_reference` in JSON is a path on its own disk, so a caller's text never goes there: pictures go to `reference_url`.
"""

from collections.abc import Mapping

import orjson

from proxy.model import JSON, Dialect
from proxy.translate import jsonbody
from proxy.translate.videos import Outgoing, Target, VideoRequest, fields, items
from proxy.translate.videos.losses import Loss, Losses
from proxy.translate.videos.openai import translation
from proxy.translate.videos.openai.upstream import VIDEOS, OpenAIUpstream
from proxy.translate.wire import JSON_TYPE, WireRequest

_UPSTREAM = "SGLang"
# Ark's fields that it knows, by its own names.
_RENAMED: Mapping[str, str] = {"frames": "num_frames", "seed": "seed"}
# Fields that name files on its disk: not for callers.
_PATHS = frozenset({"video_path", "image_path"})
_RULES: Mapping[str, Loss] = {
    name: Loss.DROP
    for name in fields.ARK_FIELDS
    if name not in {*_RENAMED, "duration", "resolution", "ratio", "execution_expires_after", "callback_url"}
}
_TRANSLATED = (fields.HABITS - {"seed"}) | _PATHS | {"input_reference", "metadata"}


class SGLang(OpenAIUpstream):
    """The profile `sglang`: links where it stores in a cloud, else the content route; a delete forgets a job and does not stop it."""

    has_links = True

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """A plain JSON body travels on; any other is written anew."""
        losses = Losses(request, list(request.notices))
        data = _passed_on(request, target) or orjson.dumps(_written(request, target, losses))
        wire = WireRequest(method="POST", path=VIDEOS, headers={"content-type": JSON_TYPE}, body=data)
        return translation.outgoing(request, wire, losses)


def _passed_on(request: VideoRequest, target: Target) -> bytes | None:
    body = request.body
    if request.dialect is not Dialect.OPENAI or body is None or body.form:
        return None
    given = {name: value for name, value in body.fields.items() if value is not None}
    length = request.options.get("duration")
    if set(given) & _TRANSLATED or not given.get("prompt") or length == -1:
        return None
    replace: dict[str, bytes | None] = {}
    if request.model != target.model:
        replace["model"] = orjson.dumps(target.model)
    if isinstance(given.get("seconds"), str) and isinstance(length, int):
        replace["seconds"] = str(length).encode()
    return jsonbody.splice(body.raw, replace, drop_nulls=True)


def _written(request: VideoRequest, target: Target, losses: Losses) -> dict[str, object]:
    members: dict[str, object] = {"prompt": translation.prompt(request, losses), "model": target.model}
    length = translation.seconds(request, losses)
    if length is not None:
        members["seconds"] = length
    size = translation.size(request, target.model, losses)
    if size is not None:
        members["size"] = size
    members |= {theirs: request.options[ours] for ours, theirs in _RENAMED.items() if ours in request.options}
    losses.settle(_RULES, _UPSTREAM)
    for name, value in translation.strangers(request, losses, _UPSTREAM).items():
        if name in _PATHS:
            losses.refuse(name, "a path on the upstream's disk is not for callers; send a URL")
        members[name] = value
    return members | _references(translation.media(request, target.model, losses), losses)


def _references(found: tuple[JSON, ...], losses: Losses) -> dict[str, object]:
    """One picture, the first frame, and one video."""
    named: dict[str, object] = {}
    for item in found:
        kind, role = item.get("type"), item.get("role")
        if kind == "image_url" and role in (None, "first_frame"):
            name = "reference_url"
        elif kind == "video_url":
            name = "video_url"
        else:
            losses.refuse_item(item, f"this upstream takes a first frame and a video, and no {str(role or kind)[:40]}")
        if name in named:
            losses.refuse_item(item, "this upstream takes one image, the first frame, and one video")
        link = items.url(item) or ""
        if not link.lower().startswith(("https://", "http://", "data:")):
            losses.refuse_item(item, "this upstream takes https:// and data: links only")
        named[name] = link
    return named
