"""What the strict Videos API makes of a request's fields: every type, enum and name is checked, nothing is coerced.

Codes that are not known to exist are null, as an OpenAI client meets them.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from proxy.simulator.jobs import Json
from proxy.simulator.openai import images
from proxy.simulator.openai.body import Form, UnreadableError, Upload, media_type, read_form, read_json
from proxy.simulator.openai.work import Refusal

Value = Json | Upload | Mapping[str, Json]

SECONDS = ("4", "8", "12", "16", "20")
SIZES = ("720x1280", "1280x720", "1024x1792", "1792x1024")
PRO_SIZES = ("1080x1920", "1920x1080")
MOST_URL = 20_971_520
_BRACKETS = re.compile(r"(\w+)\[(\w*)\](?:\[(\w+)\])?")


@dataclass(frozen=True)
class Fields:
    """The fields of one request: by name for the rules, and as received for the control route."""

    values: dict[str, Value]
    received: dict[str, Json]
    multipart: bool

    def known(self, *names: str) -> "Fields":
        """The same fields; refuses the first name that is not among `names`."""
        for name in self.values:
            if name not in names:
                raise refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        return self


def error(
    status: int, message: str, param: str | None = None, code: str | None = None, kind: str = "invalid_request_error"
) -> JSONResponse:
    """OpenAI's error envelope."""
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def refused(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A 400 in that envelope, to be raised."""
    return Refusal(error(400, message, param, code))


async def read(request: Request) -> Fields:
    """The request's fields from JSON or multipart; anything else is refused."""
    kind = media_type(request)
    try:
        if kind == "application/json":
            values = await read_json(request)
            return Fields({**values}, values, multipart=False)
        if kind == "multipart/form-data":
            form = await read_form(request)
            return Fields(_folded(form), form.received(), multipart=True)
    except UnreadableError as problem:
        raise refused(f"We could not parse the body of your request: {problem}") from problem
    raise refused(f"Unsupported content type: '{kind}'. Send 'multipart/form-data' or 'application/json'.")


def prompt(fields: Fields) -> str:
    """`prompt`: required, 1 to 32000 characters."""
    if "prompt" not in fields.values:
        raise refused("Missing required parameter: 'prompt'.", "prompt")
    text = _string(fields, "prompt")
    if not 1 <= len(text) <= 32_000:
        raise refused(f"Invalid 'prompt': expected 1 to 32000 characters, but got {len(text)}.", "prompt")
    return text


def model(fields: Fields) -> str:
    """`model`: any name, `sora-2` when absent."""
    return _string(fields, "model") if "model" in fields.values else "sora-2"


def seconds(fields: Fields) -> str:
    """`seconds`: one of five strings, "4" when absent."""
    return _one_of(fields, "seconds", SECONDS) if "seconds" in fields.values else "4"


def size(fields: Fields, model_name: str) -> str:
    """`size`: the four sizes, and two more of the pro model, "720x1280" when absent."""
    if "size" not in fields.values:
        return SIZES[0]
    small = model_name.startswith("sora-2") and not model_name.startswith("sora-2-pro")
    return _one_of(fields, "size", SIZES if small else SIZES + PRO_SIZES)


def input_reference(fields: Fields, wanted_size: str) -> None:
    """`input_reference`: a file, or an object with exactly one of `image_url` and `file_id`; the first frame."""
    if "input_reference" not in fields.values:
        return
    value = fields.values["input_reference"]
    if isinstance(value, Upload):
        _frame(value.data, value.content_type, wanted_size)
    elif isinstance(value, dict):
        _reference(value, wanted_size)
    else:
        wanted = "a file" if fields.multipart else "an object"
        raise _wrong_type("input_reference", wanted, value)


def characters(fields: Fields) -> None:
    """`characters`: at most two objects with an `id`."""
    value = fields.values.get("characters", [])
    if not isinstance(value, list):
        raise _wrong_type("characters", "an array", value)
    if len(value) > 2:
        raise refused(f"Invalid 'characters': expected at most 2 elements, but got {len(value)}.", "characters")
    for place, item in enumerate(value):
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or len(item) != 1:
            raise refused(f"Invalid 'characters[{place}]': expected an object with an 'id'.", "characters")


def video(fields: Fields) -> Upload | str:
    """`video` of an edit or an extension: a file, or the id of an earlier video."""
    if "video" not in fields.values:
        raise refused("Missing required parameter: 'video'.", "video")
    value = fields.values["video"]
    if isinstance(value, Upload):
        if value.data[4:8] != b"ftyp":
            raise refused("Invalid file 'video': expected an MP4 file.", "video")
        return value
    if not isinstance(value, dict):
        raise _wrong_type("video", "a file" if fields.multipart else "an object", value)
    video_id = value.get("id")
    if not isinstance(video_id, str) or len(value) != 1:
        raise refused("Invalid 'video': expected an object with an 'id'.", "video")
    return video_id


def clip(fields: Fields) -> Upload:
    """`video` of a character: a file and nothing else."""
    value = fields.values.get("video")
    if not isinstance(value, Upload) or not value.data:
        raise refused("Missing required parameter: 'video'.", "video")
    return value


def name(fields: Fields) -> str:
    """`name` of a character: 1 to 80 characters."""
    if "name" not in fields.values:
        raise refused("Missing required parameter: 'name'.", "name")
    text = _string(fields, "name")
    if not 1 <= len(text) <= 80:
        raise refused(f"Invalid 'name': expected 1 to 80 characters, but got {len(text)}.", "name")
    return text


def _folded(form: Form) -> dict[str, Value]:
    """The parts as values: `a[b]` makes an object and `a[][b]` a list of objects."""
    values: dict[str, Value] = {}
    for key, text in form.texts:
        match = _BRACKETS.fullmatch(key)
        if match is None:
            values[key] = text
        else:
            _put(values, match, text)
    for key, upload in form.files:
        # The Python SDK cannot leave the file out where an id is meant: it sends an empty one beside it.
        if not (isinstance(values.get(key), dict) and not upload.data):
            values[key] = upload
    return values


def _put(values: dict[str, Value], match: re.Match[str], text: str) -> None:
    root, key, inner = match.groups()
    if key:
        held = values.setdefault(root, {})
        if isinstance(held, dict):
            held[key] = text
        return
    items = values.setdefault(root, [])
    if isinstance(items, list):
        items.append({inner: text} if inner else text)


def _string(fields: Fields, field: str) -> str:
    value = fields.values[field]
    if not isinstance(value, str):
        raise _wrong_type(field, "a string", value)
    return value


def _one_of(fields: Fields, field: str, allowed: tuple[str, ...]) -> str:
    value = fields.values[field]
    listed = ", ".join(f"'{item}'" for item in allowed[:-1]) + f", or '{allowed[-1]}'"
    if not isinstance(value, str):
        raise _wrong_type(field, f"one of {listed}", value)
    if value not in allowed:
        supported = listed.replace(", or ", ", and ")
        raise refused(f"Invalid value: '{value}'. Supported values are: {supported}.", field, "invalid_value")
    return value


def _wrong_type(field: str, wanted: str, value: Value) -> Refusal:
    return refused(
        f"Invalid type for '{field}': expected {wanted}, but got {described(value)} instead.", field, "invalid_type"
    )


def described(value: Value) -> str:
    """What kind of value this is, in the words of a refusal."""
    if isinstance(value, Upload):
        return "a file"
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    return "null" if value is None else names.get(type(value), "an object")


def _reference(value: Mapping[str, Json], wanted_size: str) -> None:
    if set(value) not in ({"image_url"}, {"file_id"}):
        raise refused("Provide exactly one of 'image_url' and 'file_id'.", "input_reference")
    key, text = next(iter(value.items()))
    if not isinstance(text, str):
        raise _wrong_type(f"input_reference.{key}", "a string", text)
    if key == "file_id":
        return
    if len(text) > MOST_URL:
        raise refused(f"Invalid 'input_reference.image_url': longer than {MOST_URL} characters.", "input_reference")
    if text.startswith("data:"):
        head, _, payload = text.partition(",")
        _frame(_decoded(payload), head[5:].partition(";")[0], wanted_size)
    elif not text.startswith(("https://", "http://")):
        raise refused("Invalid 'input_reference.image_url': expected a URL or a data URL.", "input_reference")


def _decoded(payload: str) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as problem:
        raise refused("Invalid 'input_reference.image_url': the data is not base64.", "input_reference") from problem


def _frame(data: bytes, declared: str, wanted_size: str) -> None:
    """The first frame: its bytes decide, but a name for another type is refused too; it must have the video's size."""
    kinds = ("image/jpeg", "image/png", "image/webp")
    if images.mime(data) is None or declared not in {*kinds, "application/octet-stream", ""}:
        raise refused(
            f"Invalid file 'input_reference': unsupported type ('{declared}'). "
            "Supported are 'image/jpeg', 'image/png', and 'image/webp'.",
            "input_reference",
        )
    found = images.dimensions(data)
    if found is not None and f"{found[0]}x{found[1]}" != wanted_size:
        raise refused("Inpaint image must match the requested width and height", "input_reference")
