"""vLLM-Omni as upstream: forms only, references as JSON texts, bytes only through the content route (openai-wire.md §2.2, §5.4)."""

from collections.abc import Mapping

from proxy.model import JSON, Dialect
from proxy.translate.videos import Outgoing, Target, VideoRequest, fields, items
from proxy.translate.videos.losses import Loss, Losses
from proxy.translate.videos.openai import parts, translation
from proxy.translate.videos.openai.upstream import VIDEOS, OpenAIUpstream
from proxy.translate.wire import Notice, Part, WireRequest

_UPSTREAM = "vLLM-Omni"
# Ark's fields that it knows by other names.
_RENAMED: Mapping[str, str] = {"frames": "num_frames", "seed": "seed", "generate_audio": "generate_sound"}
# Its names for references by item type.
_REFERENCES: Mapping[str, str] = {
    "image_url": "image_reference",
    "video_url": "video_reference",
    "audio_url": "audio_reference",
}
RULES: Mapping[str, Loss] = {
    name: Loss.DROP
    for name in fields.ARK_FIELDS
    if name not in {*_RENAMED, "duration", "resolution", "ratio", "execution_expires_after", "callback_url"}
}


class VLLMOmni(OpenAIUpstream):
    """The profile `vllm-omni`; its delete stops a running job."""

    cancels_running = True

    def encode_create(self, request: VideoRequest, target: Target) -> Outgoing:
        """A form, whatever the caller sent: JSON is not read there."""
        losses = Losses(request, list(request.notices))
        members: dict[str, object] = {"prompt": translation.prompt(request, losses), "model": target.model}
        length = translation.seconds(request, losses)
        if length is not None:
            members["seconds"] = str(length)
        size = translation.size(request, target.model, losses)
        if size is not None:
            members["size"] = size
        members |= {theirs: request.options[ours] for ours, theirs in _RENAMED.items() if ours in request.options}
        losses.settle(RULES, _UPSTREAM)
        members |= _own(request, losses)
        named, files = _references(translation.media(request, target.model, losses), losses)
        wire = WireRequest(method="POST", path=VIDEOS, parts=parts.flat_form({**members, **named}, *files))
        return translation.outgoing(request, wire, losses)


def _own(request: VideoRequest, losses: Losses) -> dict[str, object]:
    """Its own parameters from OpenAI callers, `extra_params` as one field, which is where it reads a model's own ones."""
    found = translation.strangers(request, losses, _UPSTREAM)
    nested = request.body.fields.get("extra_params") if request.body and request.dialect is Dialect.OPENAI else None
    if nested is None:
        return found
    inner = fields.mapping(nested, "extra_params")
    outer = {name: value for name, value in found.items() if not losses.param(name).startswith("extra_params.")}
    return {**outer, "extra_params": {name: value for name, value in inner.items() if name not in fields.ARK_FIELDS}}


def _references(found: tuple[JSON, ...], losses: Losses) -> tuple[dict[str, object], list[Part]]:
    """A single picture from a data URL is a file; links are references by type, in lists where there are several."""
    links: dict[str, list[dict[str, object]]] = {}
    for item in found:
        kind = str(item["type"])
        links.setdefault(kind, []).append({kind: items.url(item)})
        if item.get("role") in ("last_frame", "reference_image"):
            losses.notices.append(Notice(losses.param_of(item), f"sent without its role {item['role']}"))
    images = links.get("image_url", [])
    files: list[Part] = []
    if len(images) == 1:
        first = next(item for item in found if item["type"] == "image_url")
        picture = translation.opened(items.url(first) or "", losses.param_of(first))
        if picture is not None:
            files.append(parts.file("input_reference", picture.data, picture.mime))
            del links["image_url"]
    named: dict[str, object] = {_REFERENCES[kind]: held[0] if len(held) == 1 else held for kind, held in links.items()}
    return named, files
