"""What new-api makes of a create: its TaskSubmitReq, and the Ark body that its Doubao adaptor builds from it.

Pure. Whatever the two structures do not name is lost without a word, as it is there (openai-wire.md §2.1): top-level
`content`, `resolution` and the like, `size`, an `input_reference`, and in `metadata` all that the payload has no field for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from proxy.simulator.jobs import Json
from proxy.simulator.openai.body import Form

_STRINGS = ("prompt", "model", "mode", "image", "size", "seconds", "input_reference")
_KNOWN_IN_FORMS = frozenset({"prompt", "model", "mode", "image", "images", "size", "duration", "input_reference"})
_INTEGER = re.compile(r"[+-]?\d+")
_MEDIA = ("image_url", "video_url", "audio_url")
# The payload's fields by type; `model` is set from the request alone, whatever metadata says.
_TEXTS = ("callback_url", "service_tier", "safety_identifier", "resolution", "ratio")
_NUMBERS = ("execution_expires_after", "priority", "duration", "frames", "seed")
_FLAGS = ("return_last_frame", "generate_audio", "draft", "camera_fixed", "watermark")


class SubmitError(ValueError):
    """A create that new-api refuses by itself; `code` is its word for that."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass
class Submit:
    """The fields of TaskSubmitReq that the adaptor looks at."""

    prompt: str = ""
    model: str = ""
    images: list[str] = field(default_factory=list)
    duration: int = 0
    seconds: str = ""
    metadata: dict[str, Json] = field(default_factory=dict)


def from_json(body: Mapping[str, Json]) -> Submit:
    """The request of a JSON body: a value of another type than its field's is refused, null counts as absent."""
    texts: dict[str, str] = {}
    for name in _STRINGS:
        value = body.get(name)
        if not isinstance(value, str | None):
            raise _mismatch(name, value, "string")
        texts[name] = value or ""
    return _checked(
        Submit(
            prompt=texts["prompt"],
            model=texts["model"],
            images=_images(body.get("images")) or ([texts["image"]] if texts["image"].strip() else []),
            duration=_duration(body.get("duration")),
            seconds=texts["seconds"],
            metadata=_metadata(body.get("metadata")),
        )
    )


def from_form(form: Form) -> Submit:
    """The request of a multipart body: what is not a known field becomes metadata, as a number where it reads as one.

    So `metadata` itself and `duration` mean nothing here, and files are not looked at.
    """
    image, seconds = form.first("image") or "", form.first("seconds") or ""
    return _checked(
        Submit(
            prompt=form.first("prompt") or "",
            model=form.first("model") or "",
            images=form.all("images") or ([image] if image.strip() else []),
            duration=int(seconds) if _INTEGER.fullmatch(seconds) else 0,
            metadata={
                name: _coerced(form.first(name) or "") for name, _text in form.texts if name not in _KNOWN_IN_FORMS
            },
        )
    )


def payload(submit: Submit, model: str) -> dict[str, Json]:
    """The body for Ark: images without roles, metadata over it, the text items dropped and the prompt put last."""
    content: list[Json] = [{"type": "image_url", "image_url": {"url": url}} for url in submit.images]
    given = {name: value for name, value in submit.metadata.items() if value is not None}
    if "content" in given:
        content = _content(given["content"])
    body: dict[str, Json] = {"model": model}
    for names, convert in ((_TEXTS, _text), (_NUMBERS, _number), (_FLAGS, _flag)):
        body |= {name: convert(name, given[name]) for name in names if name in given}
    if "tools" in given:
        body["tools"] = _tools(given["tools"])
    seconds = submit.duration if submit.duration > 0 else _atoi(submit.seconds)
    if seconds > 0:
        body["duration"] = seconds
    kept = [item for item in content if not (isinstance(item, dict) and item.get("type") == "text")]
    body["content"] = [*kept, {"type": "text", "text": submit.prompt}]
    return body


def _checked(submit: Submit) -> Submit:
    if not submit.prompt.strip():
        raise SubmitError("invalid_request", "prompt is required")
    return submit


def _images(value: Json) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mismatch("images", value, "[]string")
    for item in value:
        if not isinstance(item, str):
            raise _mismatch("images", item, "string")
    return [item for item in value if isinstance(item, str)]


def _duration(value: Json) -> int:
    """An integer or a numeric string; anything else counts as 0, silently."""
    if isinstance(value, str):
        return _atoi(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _metadata(value: Json) -> dict[str, Json]:
    """An object, or a JSON document of one in a string; anything else counts as none, silently."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def _coerced(text: str) -> Json:
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _content(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _unfit("content", value, "[]doubao.ContentItem")
    return [_item(item) for item in value]


def _item(item: Json) -> Json:
    """One item with the fields that the adaptor knows: a draft_task keeps its type and loses the rest."""
    if not isinstance(item, dict):
        raise _unfit("content", item, "doubao.ContentItem")
    kept: dict[str, Json] = {}
    for name in ("type", "text", "role"):
        if item.get(name) not in {None, ""}:
            kept[name] = _text(f"content.{name}", item[name])
    for name in _MEDIA:
        medium = item.get(name)
        if medium is None:
            continue
        if not isinstance(medium, dict):
            raise _unfit(f"content.{name}", medium, "doubao.MediaURL")
        kept[name] = {"url": _text(f"content.{name}.url", medium["url"])} if "url" in medium else {}
    return kept


def _tools(value: Json) -> Json:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _unfit("tools", value, "[]struct")
    return [{"type": item["type"]} if "type" in item else {} for item in value if isinstance(item, dict)]


def _text(name: str, value: Json) -> str:
    if not isinstance(value, str):
        raise _unfit(name, value, "string")
    return value


def _number(name: str, value: Json) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(name, value, "int")
    return value


def _flag(name: str, value: Json) -> bool:
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    if not isinstance(value, bool):
        raise _unfit(name, value, "bool")
    return value


def _atoi(text: str) -> int:
    return int(text) if _INTEGER.fullmatch(text) else 0


def _kind(value: Json) -> str:
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _mismatch(name: str, value: Json, wanted: str) -> SubmitError:
    text = f"json: cannot unmarshal {_kind(value)} into Go struct field TaskSubmitReq.{name} of type {wanted}"
    return SubmitError("invalid_request", text)


def _unfit(name: str, value: Json, wanted: str) -> SubmitError:
    text = f"json: cannot unmarshal {_kind(value)} into Go struct field requestPayload.{name} of type {wanted}"
    return SubmitError(
        "build_request_failed", f"convert request payload failed: unmarshal metadata failed: {text}", 500
    )
