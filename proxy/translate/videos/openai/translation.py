"""Ark's words in the words of servers with one prompt and one size: what `strict`, `vllm_omni` and `sglang` share (openai-wire.md §5.4)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect
from proxy.translate.videos import Outgoing, VideoRequest, fields, items, memory, seedance, sizes
from proxy.translate.videos.losses import Losses
from proxy.translate.wire import WireRequest


@dataclass(frozen=True, slots=True)
class Picture:
    """A data URL, opened."""

    data: bytes
    mime: str


def prompt(request: VideoRequest, losses: Losses) -> str:
    """The texts, one a line; a server with a prompt needs one."""
    text = items.prompt(request.content)
    if not text.strip():
        field = "prompt" if request.dialect is Dialect.OPENAI else "content"
        losses.refuse(field, "this upstream needs a prompt, and there is no text")
    return text


def seconds(request: VideoRequest, losses: Losses) -> int | None:
    """The length asked for; -1 leaves it to the upstream, which is what saying nothing means there."""
    duration = request.options.get("duration")
    if not isinstance(duration, int):
        return None
    if duration == -1:
        losses.warn("duration", "not sent, the upstream chooses the length")
        return None
    return duration


def size(request: VideoRequest, model: str, losses: Losses) -> str | None:
    """`WxH` for the resolution and ratio asked for, or the caller's own size; None, with a warning, where the ratio is left open."""
    asked = {name: request.options[name] for name in ("resolution", "ratio") if request.options.get(name)}
    whole = framing(request) | asked
    if all(whole[name] == said for name, said in _meant(request).items()):
        return request.size if request.size or not asked else _table(whole, model, losses)
    losses.warn("size", f"{' '.join(str(value) for value in asked.values())} was taken instead of {request.size}")
    return _table(whole, model, losses)


def _table(asked: Mapping[str, object], model: str, losses: Losses) -> str | None:
    ratio = asked.get("ratio", "adaptive")
    if ratio == "adaptive":
        for name in asked:
            losses.warn(name, "not sent, without a fixed ratio there is no size")
        return None
    resolution = asked.get("resolution", seedance.family(model).default_resolution)
    found = sizes.size_of(model, resolution, ratio)
    if found is None:
        name = "resolution" if ratio in sizes.RATIOS else "ratio"
        losses.refuse(name, f"{resolution} {ratio} has no size in pixels, and this upstream knows sizes only")
    return found


def _meant(request: VideoRequest) -> dict[str, str]:
    """Resolution and ratio that the caller's size stands for."""
    pixels = sizes.parse(request.size or "")
    if pixels is None:
        return {}
    fit = sizes.fit(pixels)
    return {"resolution": fit.resolution, "ratio": fit.ratio}


def framing(request: VideoRequest) -> dict[str, object]:
    """The same as far as the caller named none: to be remembered, and to complete what was named."""
    return {name: value for name, value in _meant(request).items() if name not in request.options}


def media(request: VideoRequest, model: str, losses: Losses) -> tuple[JSON, ...]:
    """The content items that are not text, each with a link that works outside Ark."""
    found = tuple(item for item in items.with_roles(request, model, losses) if item.get("type") != "text")
    for item in found:
        link = items.url(item)
        if item.get("type") not in items.MEDIA_TYPES or link is None:
            losses.refuse_item(
                item, f"this upstream has no counterpart of an item of type {str(item.get('type'))[:40]!r}"
            )
        if link.startswith("asset://"):
            losses.refuse_item(item, "asset:// links exist at Ark only")
    return found


def strangers(request: VideoRequest, losses: Losses, upstream: str) -> dict[str, object]:
    """Options that are not Ark's: an OpenAI caller's unknown fields are for the upstream to judge, an Ark caller's are reported."""
    if request.dialect is Dialect.OPENAI:
        return {name: value for name, value in request.options.items() if name not in fields.ARK_FIELDS}
    losses.strangers(fields.ARK_FIELDS, upstream)
    return {}


def opened(url: str, param: str) -> Picture | None:
    """The bytes of a data URL; None for any other link. One that cannot be read is a 400."""
    if not url.startswith("data:"):
        return None
    head, comma, text = url[5:].partition(",")
    mime, *flags = head.split(";")
    try:
        data = base64.b64decode(text, validate=True) if "base64" in flags else unquote_to_bytes(text)
    except (binascii.Error, ValueError):
        data = b""
    if not comma or not data:
        message = f"{param}: the data URL cannot be read; send data:image/png;base64,…"
        raise Refusal(Problem.INVALID_VALUE, message, param=param)
    return Picture(data, mime or "application/octet-stream")


def outgoing(request: VideoRequest, wire: WireRequest, losses: Losses) -> Outgoing:
    """What is sent, what was lost, and what is remembered."""
    return Outgoing(request=wire, notices=tuple(losses.notices), remember=memory.remember(request, framing(request)))
