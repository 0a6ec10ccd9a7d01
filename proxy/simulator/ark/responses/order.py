"""What a request for a response must be at Ark (ark-wire.md §5.3): unknown fields are refused, as a strict decoder does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.simulator import replies
from proxy.simulator.ark import fields
from proxy.simulator.ark.chat.order import CheckFile, model_of
from proxy.simulator.ark.errors import ArkError, invalid, missing
from proxy.simulator.ark.fields import Body, without_nulls
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Object
from proxy.simulator.talk import EFFORTS, Ask, said

_KNOWN = frozenset(
    [
        "input",
        "model",
        "instructions",
        "max_output_tokens",
        "parallel_tool_calls",
        "previous_response_id",
        "thinking",
        "store",
        "caching",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "max_tool_calls",
        "context_management",
        "expire_at",
        "reasoning",
        "session",
        "service_tier",
        "include",
        "prompt_cache_key",
        "safety_identifier",
    ]
)
_INSIDE: Mapping[str, frozenset[str]] = {
    "reasoning": frozenset({"effort"}),
    "thinking": frozenset({"type"}),
    "caching": frozenset({"type", "prefix"}),
    "session": frozenset({"id"}),
    "text": frozenset({"format"}),
}
# What the answer repeats of the request, where it is given.
_ECHOED: Final = [
    "max_output_tokens",
    "previous_response_id",
    "thinking",
    "temperature",
    "tools",
    "top_p",
    "text",
    "instructions",
    "tool_choice",
    "parallel_tool_calls",
    "max_tool_calls",
    "context_management",
    "reasoning",
    "session",
    "prompt_cache_key",
    "safety_identifier",
]
_EFFORTS = ("none", "minimal", "low", "medium", "high", "max")
_TIERS: Final = {"auto": "default", "default": "default", "fast": "fast"}
_FORMATS = ("text", "json_object", "json_schema")
_PARTS = frozenset({"input_text", "input_image", "input_video", "input_audio", "input_file", "output_text"})


@dataclass(frozen=True)
class Order:
    """A request that will be answered. `input` is as it came; `echo` is what the answer repeats of the request."""

    model: str
    ask: Ask
    input: Json
    stream: bool
    store: bool
    caching: bool
    tier: str
    expire_at: int | None
    previous: str | None
    echo: Object


def read(raw: Object, check_file: CheckFile) -> Order:
    """The order of a body, nulls included: an unknown field is refused even where it is null."""
    _check_known(raw)
    body = without_nulls(raw)
    model = model_of(body)
    value = body.get("input")
    if value is None:
        raise missing("input")
    _check_input(value, check_file)
    tools, must_call = _tools(body)
    instructions = fields.text(body, "instructions")
    before = [said("system", instructions)] if instructions else []
    most = fields.integer(body, "max_output_tokens", 0, 2**31 - 1)
    fields.number(body, "temperature", 0, 2)
    fields.number(body, "top_p", 0, 1)
    ask = Ask(before + replies.said_in(value), tools, must_call, _thoughts(body), most, _as_json(body))
    store = fields.flag(body, "store")
    return Order(
        model=model,
        ask=ask,
        input=value,
        stream=bool(fields.flag(body, "stream")),
        store=store is None or store,
        caching=fields.word(fields.inside(body, "caching"), "caching.type", ("enabled", "disabled")) == "enabled",
        tier=_TIERS[fields.word(body, "service_tier", tuple(_TIERS)) or "default"],
        expire_at=fields.integer(body, "expire_at", 0, 2**53),
        previous=fields.text(body, "previous_response_id"),
        echo={name: body[name] for name in _ECHOED if name in body},
    )


def _check_known(body: Object) -> None:
    unknown = [name for name in body if name not in _KNOWN]
    for holder, names in _INSIDE.items():
        inner = body.get(holder)
        unknown += [name for name in inner if name not in names] if isinstance(inner, dict) else []
    if unknown:
        raise ArkError(400, "InvalidParameter", f'json: unknown field "{unknown[0]}"')


def _check_input(value: Json, check_file: CheckFile) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list) or not value:
        raise invalid("input", "a string or a non-empty array is expected")
    for place, item in enumerate(value):
        where = f"input[{place}]"
        if not isinstance(item, dict):
            raise invalid(where, "an object is expected")
        if item.get("type", "message") == "message":
            _check_message(item, where, check_file)


def _check_message(item: Body, where: str, check_file: CheckFile) -> None:
    if item.get("role") not in {"user", "system", "developer", "assistant"}:
        raise invalid(f"{where}.role", "it must be one of user, system, developer, assistant")
    content = item.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise missing(f"{where}.content")
    for place, part in enumerate(content):
        if not isinstance(part, dict) or part.get("type") not in _PARTS:
            raise invalid(f"{where}.content[{place}].type", f"it must be one of {', '.join(sorted(_PARTS))}")
        file_id = part.get("file_id")
        if isinstance(file_id, str):
            check_file(file_id, f"{where}.content[{place}].file_id")


def _tools(body: Body) -> tuple[tuple[str, ...], str | None]:
    """The names of the functions among the tools, and what `tool_choice` demands."""
    value = body.get("tools", [])
    if not isinstance(value, list) or not all(isinstance(tool, dict) and "type" in tool for tool in value):
        raise invalid("tools", "an array of objects with a type is expected")
    names = tuple(str(tool.get("name")) for tool in value if tool["type"] == "function")
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return names, str(choice["name"]) if choice.get("type") == "function" else None
    if choice not in {"none", "auto", "required"}:
        raise invalid("tool_choice", "none, auto, required or a tool is expected")
    return (() if choice == "none" else names), ("" if choice == "required" else None)


def _thoughts(body: Body) -> int:
    mode = fields.word(fields.inside(body, "thinking"), "thinking.type", ("enabled", "disabled", "auto"))
    effort = fields.word(fields.inside(body, "reasoning"), "reasoning.effort", _EFFORTS)
    if mode == "disabled" or (mode != "enabled" and effort in {None, "none", "minimal"}):
        return 0
    return EFFORTS[effort or "medium"]


def _as_json(body: Body) -> bool:
    form = fields.inside(fields.inside(body, "text"), "text.format")
    return fields.word(form, "text.format.type", _FORMATS) in _FORMATS[1:]
