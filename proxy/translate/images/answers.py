"""Whole image answers: what they consumed, and what one family's callers miss in the other's. Fields that only one has are kept."""

from collections.abc import Mapping

import orjson

from proxy.model import JSON, Usage
from proxy.translate import jsonbody
from proxy.translate.usage import usage_of, whole


def usage(body: JSON) -> Usage | None:
    """Tokens, and the images that were made: items with an error are none."""
    data = body.get("data")
    made = sum(isinstance(item, dict) and not item.get("error") for item in data) if isinstance(data, list) else None
    return usage_of(body.get("usage"), made)


def for_openai(raw: bytes, body: JSON, model: str) -> bytes:
    """Ark's answer with what OpenAI's callers look for."""
    edits: dict[str, bytes | None] = moments(body, "created")
    if isinstance(counted := body.get("usage"), Mapping):
        edits["usage"] = orjson.dumps(openai_usage(counted))
    if model and body.get("model") not in (None, model):
        edits["model"] = orjson.dumps(model)
    return jsonbody.splice(raw, edits)


def for_ark(raw: bytes, body: JSON, model: str) -> bytes:
    """An OpenAI-shaped answer with what Ark's callers look for; their SDK knows `created_at`, the vendor's pages `created`."""
    edits: dict[str, bytes | None] = moments(body, "created", "created_at")
    edits["model"] = orjson.dumps(model)
    data, counted, size = body.get("data"), body.get("usage"), body.get("size")
    made = usage(body)
    if made is not None:
        said = dict(counted) if isinstance(counted, Mapping) else {}
        edits["usage"] = orjson.dumps(ark_usage(said, made.images))
    if isinstance(size, str) and isinstance(data, list):
        edits["data"] = orjson.dumps([{"size": size} | item if isinstance(item, dict) else item for item in data])
    return jsonbody.splice(raw, edits)


def openai_usage(counted: Mapping[str, object]) -> dict[str, object]:
    """Ark counts no input tokens: they are what the total holds beyond the output."""
    said = dict(counted)
    total, made = whole(said.get("total_tokens")), whole(said.get("output_tokens"))
    said.setdefault("input_tokens", max(0, total - made) if total is not None and made is not None else 0)
    return said


def ark_usage(counted: Mapping[str, object], images: int | None) -> dict[str, object]:
    """OpenAI's usage with the count of images."""
    return {"generated_images": images, **counted} if images is not None else dict(counted)


def moments(body: JSON, *names: str) -> dict[str, bytes | None]:
    """The names of the moment of making that a body lacks, from the one it has."""
    moment = body.get("created") if body.get("created") is not None else body.get("created_at")
    if moment is None:
        return {}
    return {name: orjson.dumps(moment) for name in names if body.get(name) is None}
