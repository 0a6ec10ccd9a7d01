"""What a request for a response must be at OpenAI (openai-wire.md §3.2)."""

from dataclasses import dataclass

from proxy.simulator import replies
from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.chat.order import TIERS
from proxy.simulator.openai.ways import Ways
from proxy.simulator.shelf import Object
from proxy.simulator.talk import EFFORTS, Ask, said

PARAMETERS = params.table(
    string=(
        "model instructions? previous_response_id? prompt_cache_key? prompt_cache_retention? safety_identifier? "
        "service_tier? truncation? user"
    ),
    integer="max_output_tokens? max_tool_calls? top_logprobs?",
    decimal="temperature? top_p?",
    boolean="background? parallel_tool_calls? store? stream?",
    array="context_management? include? tools",
    object=(
        "access_programs background_options image metadata? moderation? prompt? prompt_cache_options reasoning? "
        "stream_options? text"
    ),
    choice="conversation? tool_choice",
    texts="input",
)
# What the answer repeats of the request, and what it says where the request is silent.
DEFAULTS: tuple[tuple[str, Json], ...] = (
    ("background", False),
    ("instructions", None),
    ("max_output_tokens", None),
    ("max_tool_calls", None),
    ("metadata", {}),
    ("parallel_tool_calls", True),
    ("previous_response_id", None),
    ("reasoning", {"effort": None, "summary": None}),
    ("store", True),
    ("temperature", 1.0),
    ("text", {"format": {"type": "text"}}),
    ("tool_choice", "auto"),
    ("tools", []),
    ("top_p", 1.0),
    ("truncation", "disabled"),
    ("user", None),
)
_ROLES = ("user", "system", "developer", "assistant")
_PARTS = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal")
_FORMATS = ("text", "json_object", "json_schema")


@dataclass(frozen=True)
class Order:
    """A request that will be answered. `input` is as it came; `echo` is what the answer says of the request."""

    model: str
    ask: Ask
    input: Json
    stream: bool
    store: bool
    tier: str
    previous: str | None
    echo: Object


def read(body: Object, ways: Ways) -> Order:
    """The order of a body whose types are checked and whose nulls are gone."""
    model, value = ways.model_of(body), body.get("input")
    if value is None:
        raise ways.refused("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    _check_input(value, ways)
    params.within(body, "temperature", 0, 2, ways)
    params.within(body, "top_p", 0, 1, ways)
    tier = params.one_of(body, "service_tier", TIERS, ways) or "auto"
    instructions, previous = body.get("instructions"), body.get("previous_response_id")
    names, must_call = _tools(body)
    before = [said("system", instructions)] if instructions else []
    ask = Ask(
        said=before + replies.said_in(value),
        tools=names,
        must_call=must_call,
        thoughts=EFFORTS[params.one_of(_object(body, "reasoning"), "effort", tuple(EFFORTS), ways) or "none"],
        most=params.whole(body, "max_output_tokens", 1, 2**31 - 1, ways),
        as_json=params.one_of(_object(_object(body, "text"), "format"), "type", _FORMATS, ways) in _FORMATS[1:],
    )
    return Order(
        model=model,
        ask=ask,
        input=value,
        stream=body.get("stream") is True,
        store=body.get("store") is not False,
        tier="default" if tier == "auto" else tier,
        previous=previous if isinstance(previous, str) else None,
        echo={name: body.get(name, usual) for name, usual in DEFAULTS},
    )


def _check_input(value: Json, ways: Ways) -> None:
    for place, item in enumerate(value if isinstance(value, list) else []):
        where = f"input[{place}]"
        if not isinstance(item, dict):
            raise ways.refused(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
        if item.get("type", "message") == "message":
            params.one_of({f"{where}.role": item.get("role", "")}, f"{where}.role", _ROLES, ways)
            _check_parts(item.get("content"), f"{where}.content", ways)


def _check_parts(content: Json, where: str, ways: Ways) -> None:
    if not isinstance(content, str | list):
        raise ways.refused(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
    for place, part in enumerate(content if isinstance(content, list) else []):
        name = f"{where}[{place}]"
        kind = part.get("type", "") if isinstance(part, dict) else ""
        params.one_of({name: kind}, name, _PARTS, ways)


def _tools(body: Object) -> tuple[tuple[str, ...], str | None]:
    """The names of the functions among the tools, and what `tool_choice` demands."""
    value, choice = body.get("tools"), body.get("tool_choice", "auto")
    tools = [tool for tool in value if isinstance(tool, dict)] if isinstance(value, list) else []
    names = tuple(str(tool.get("name")) for tool in tools if tool.get("type") == "function")
    if isinstance(choice, dict):
        return names, str(choice.get("name")) if choice.get("type") == "function" else None
    return (() if choice == "none" else names), ("" if choice == "required" else None)


def _object(body: Object, name: str) -> Object:
    value = body.get(name)
    return value if isinstance(value, dict) else {}
