"""What a chat request must be (ark-wire.md §5.3, openai-wire.md §3.1): refuses with ArkError, names the parameter.

Ranges are those that the SDKs describe. Parameters that OpenAI has and Ark has not are refused by name; a parameter that
neither has is let through, because nobody knows better (ark-wire.md §9 item 6).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.simulator.ark import fields
from proxy.simulator.ark.errors import ArkError, invalid, missing, unsupported
from proxy.simulator.ark.fields import Body
from proxy.simulator.jobs import Json
from proxy.simulator.talk import EFFORTS, Ask, Said, said

# `file_id`, where it stands: refuses an id that is no file of this account.
CheckFile = Callable[[str, str], None]
Object = Mapping[str, Json]

ROLES = ("system", "user", "assistant", "tool")
# A model id that begins so does not exist here; every other one does.
NO_MODEL = "no-such-"
_NOT_ARK = (
    "store",
    "metadata",
    "prediction",
    "modalities",
    "audio",
    "web_search_options",
    "prompt_cache_key",
    "safety_identifier",
    "verbosity",
)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "max")
_TIERS: Final = {"auto": "default", "default": "default", "fast": "fast", "flex": "flex"}
_THINKING_ALONE = "medium"
_NUMBERS = (
    ("temperature", 0.0, 2.0),
    ("top_p", 0.0, 1.0),
    ("frequency_penalty", -2.0, 2.0),
    ("presence_penalty", -2.0, 2.0),
    ("repetition_penalty", 0.0, 2.0),
)
_MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True)
class Order:
    """A request that will be answered; `tier` is the service tier that the answer names."""

    model: str
    ask: Ask
    tier: str
    stream: bool
    include_usage: bool
    chunk_usage: bool


def model_of(body: Body) -> str:
    """The model as sent; refuses one that there is not."""
    model = fields.text(body, "model")
    if not model:
        raise missing("model")
    if model.startswith(NO_MODEL):
        message = f"The model or endpoint {model} does not exist or you do not have access to it."
        raise ArkError(404, "InvalidEndpointOrModel.NotFound", message, "model")
    return model


def read(body: dict[str, Json], check_file: CheckFile, *, bot: bool = False) -> Order:
    """The order of a body without nulls; a `bot` may have metadata."""
    model = model_of(body)
    for name in _NOT_ARK:
        if name in body and not (bot and name == "metadata"):
            raise unsupported(name, model)
    _check_numbers(body)
    stream = bool(fields.flag(body, "stream"))
    options = fields.inside(body, "stream_options")
    tools, must_call = tools_of(body)
    ask = Ask(
        said=messages(body, check_file),
        tools=tools,
        must_call=must_call,
        thoughts=_thoughts(body),
        most=_most(body),
        as_json=_as_json(body),
    )
    tier = _TIERS[fields.word(body, "service_tier", tuple(_TIERS)) or "default"]
    include, each = (
        fields.flag(options, f"stream_options.{name}") for name in ("include_usage", "chunk_include_usage")
    )
    return Order(model, ask, tier, stream, bool(include), bool(each))


def messages(body: dict[str, Json], check_file: CheckFile) -> list[Said]:
    """The messages, checked one by one."""
    value = body.get("messages")
    if value is None:
        raise missing("messages")
    if not isinstance(value, list) or not value:
        raise invalid("messages", "a non-empty array is expected")
    return [_message(item, f"messages[{place}]", check_file) for place, item in enumerate(value)]


def tools_of(body: dict[str, Json]) -> tuple[tuple[str, ...], str | None]:
    """The names of the functions, and what `tool_choice` demands: a name, "" for any of them, None for nothing."""
    value = body.get("tools", [])
    if not isinstance(value, list):
        raise invalid("tools", "an array is expected")
    names = tuple(_function(tool, f"tools[{place}]") for place, tool in enumerate(value))
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return names, _function(choice, "tool_choice")
    if choice not in {"none", "auto", "required"}:
        raise invalid("tool_choice", "none, auto, required or a function is expected")
    return (() if choice == "none" else names), ("" if choice == "required" else None)


def _message(value: Json, where: str, check_file: CheckFile) -> Said:
    if not isinstance(value, dict):
        raise invalid(where, "an object is expected")
    role, content = _role(value, where), value.get("content")
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        raise missing(f"{where}.tool_call_id")
    if content is None and not (role == "assistant" and value.get("tool_calls")):
        raise missing(f"{where}.content")
    if isinstance(content, list):
        for place, part in enumerate(content):
            check_part(part, f"{where}.content[{place}]", check_file)
    elif content is not None and not isinstance(content, str):
        raise invalid(f"{where}.content", "a string or an array is expected")
    return said(role, content)


def _role(message: Object, where: str) -> str:
    role = message.get("role")
    if role is None:
        raise ArkError(400, "InvalidArgumentError", f"The role of `{where}` is missing.", f"{where}.role")
    if role == "developer":
        raise invalid(f"{where}.role", f"it must be one of {', '.join(ROLES)}")
    if role not in ROLES:
        raise ArkError(400, "InvalidArgumentError.UnknownRole", f"The role `{role}` is unknown.", f"{where}.role")
    return str(role)


def check_part(part: Json, where: str, check_file: CheckFile) -> None:
    """One part of a message: a text, an image, a video, sound or a file."""
    if not isinstance(part, dict):
        raise invalid(where, "an object is expected")
    kind = part.get("type")
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise missing(f"{where}.text")
    elif kind in {"image_url", "video_url", "input_audio", "file"}:
        inner = part.get(str(kind))
        if not isinstance(inner, dict):
            raise missing(f"{where}.{kind}")
        _check_medium(inner, f"{where}.{kind}", check_file, image=kind == "image_url")
    else:
        raise invalid(f"{where}.type", "text, image_url, video_url, input_audio or file is expected")


def _check_medium(inner: Object, where: str, check_file: CheckFile, *, image: bool) -> None:
    file_id, url = inner.get("file_id"), inner.get("url")
    if isinstance(file_id, str):
        check_file(file_id, f"{where}.file_id")
    elif image:
        _check_image_url(url, where)
    detail, limit = inner.get("detail", "auto"), inner.get("image_pixel_limit") or {}
    if image and detail not in {"auto", "low", "high", "xhigh"}:
        raise ArkError(
            400, "InvalidArgumentError.InvalidImageDetail", f"The detail `{detail}` is invalid.", f"{where}.detail"
        )
    low, high = (limit.get("min_pixels") or 0, limit.get("max_pixels")) if isinstance(limit, dict) else ("", "")
    if not isinstance(low, int) or not (high is None or (isinstance(high, int) and high >= low)):
        message = "min_pixels and max_pixels must be integers, the first one not the larger."
        raise ArkError(400, "InvalidArgumentError.InvalidPixelLimit", message, f"{where}.image_pixel_limit")


def _check_image_url(url: Json, where: str) -> None:
    if not isinstance(url, str) or not url:
        raise ArkError(400, "InvalidImageURL.EmptyURL", "The URL of the image is empty.", f"{where}.url")
    if not url.startswith(("http://", "https://", "data:image/")):
        raise ArkError(
            400, "InvalidImageURL.InvalidFormat", "The URL of the image has no valid format.", f"{where}.url"
        )


def _check_numbers(body: Body) -> None:
    for name, low, high in _NUMBERS:
        fields.number(body, name, low, high)
    fields.integer(body, "top_logprobs", 0, 20)
    if fields.integer(body, "n", 1, 128) not in {None, 1}:
        raise invalid("n", "only 1 is supported")


def _most(body: Body) -> int | None:
    either = fields.integer(body, "max_tokens", 0, _MOST_TOKENS)
    other = fields.integer(body, "max_completion_tokens", 0, _MOST_TOKENS)
    if either is not None and other is not None:
        raise invalid("max_completion_tokens", "it cannot be set together with max_tokens")
    return other if either is None else either


def _thoughts(body: dict[str, Json]) -> int:
    """How much is thought: what the effort says, if thinking is enabled or, left open, an effort above minimal is given."""
    mode = fields.word(fields.inside(body, "thinking"), "thinking.type", ("enabled", "disabled", "auto"))
    effort = fields.word(body, "reasoning_effort", _EFFORTS)
    if mode == "disabled" or (mode != "enabled" and effort in {None, "none", "minimal"}):
        return 0
    return EFFORTS[effort or _THINKING_ALONE]


def _as_json(body: dict[str, Json]) -> bool:
    wanted = fields.inside(body, "response_format")
    form = fields.word(wanted, "response_format.type", ("text", "json_object", "json_schema"))
    return form in {"json_object", "json_schema"}


def _function(tool: Json, where: str) -> str:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or tool.get("type") != "function" or not isinstance(function, dict):
        raise invalid(where, "an object of type function is expected")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise missing(f"{where}.function.name")
    return name
