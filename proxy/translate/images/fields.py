"""Reads image requests: JSON as it is, a form's texts to the types that their fields have (openai-wire.md §3.3, App. B rule 7)."""

from collections.abc import Callable, Mapping
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.translate import coerce, passing
from proxy.translate.calls import Received
from proxy.translate.media import data_url, sniff
from proxy.translate.wire import Upload

_FILES: Final = ("image", "mask")

_TYPES: Final[Mapping[str, Callable[[object, str], object]]] = {
    "n": coerce.integer,
    "seed": coerce.integer,
    "partial_images": coerce.integer,
    "output_compression": coerce.integer,
    "guidance_scale": coerce.number,
    "stream": coerce.boolean,
    "watermark": coerce.boolean,
    "optimize_prompt": coerce.boolean,
}


def read(received: Received, *, files: bool) -> dict[str, object]:
    """The fields of a request, without nulls; where `files` are taken, `image` and `mask` may be some, and stay so."""
    if not received.body.form:
        return passing.json_fields(received)
    given = received.body.fields
    return {name: value if files and name in _FILES else _typed(name, value) for name, value in given.items()}


def _typed(name: str, value: object) -> object:
    """A field of a form in its type."""
    if _holds_file(value):
        raise Refusal(Problem.INVALID_VALUE, f"{name}: a file is not taken here.", param=name)
    reader = _TYPES.get(name)
    return reader(value, name) if reader else value


def _holds_file(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_file, value.values()))
    return isinstance(value, Upload) or (isinstance(value, list) and any(map(_holds_file, value)))


def links(fields: Mapping[str, object]) -> list[str]:
    """The pictures to be edited as links or data URLs: `image` of the form, or `images` of the JSON body."""
    name = "image" if "image" in fields else "images"
    if name not in fields:
        raise Refusal(Problem.MISSING_PARAMETER, "image is required.", param="image")
    value = fields[name]
    if not isinstance(value, list):
        return [_link(value, name)]
    return [_link(item, f"{name}[{index}]") for index, item in enumerate(value)]


def _link(value: object, param: str) -> str:
    """One picture: a file by what its bytes say, a link, or an object around a link."""
    if isinstance(value, Upload):
        mime = sniff(value.data) or ""
        if not mime.startswith("image/"):
            why = "the file is empty" if not value.data else "the file is no image of a known format"
            raise Refusal(Problem.INVALID_VALUE, f"{param}: {why}.", param=param)
        return data_url(value.data, mime)
    if isinstance(value, Mapping):
        if value.get("file_id") is not None:
            message = f"{param}: file_id is not known at this upstream; send the file itself or a URL."
            raise Refusal(Problem.INVALID_VALUE, message, param=param)
        value = value.get("image_url")
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Refusal(Problem.INVALID_VALUE, f"{param}: a file, a URL or a data URL is wanted.", param=param)
