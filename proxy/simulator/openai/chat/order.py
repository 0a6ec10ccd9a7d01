"""What a chat request must be at OpenAI and at the servers that follow it (openai-wire.md §3.1)."""

from dataclasses import dataclass

from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.ways import Ways
from proxy.simulator.shelf import Object
from proxy.simulator.talk import EFFORTS, Ask, Said, said

PARAMETERS = params.table(
    string=(
        "model prompt_cache_key? prompt_cache_retention? reasoning_effort? safety_identifier? service_tier? user verbosity?"
    ),
    integer="max_completion_tokens? max_tokens? n? seed? top_logprobs?",
    decimal="frequency_penalty? presence_penalty? temperature? top_p?",
    boolean="logprobs? parallel_tool_calls store? stream?",
    array="messages functions modalities? tools",
    object=(
        "audio? logit_bias? metadata? moderation? prediction? prompt_cache_options response_format stream_options? "
        "web_search_options"
    ),
    choice="function_call tool_choice",
    texts="stop?",
)
ROLES = ("developer", "system", "user", "assistant", "tool", "function")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_PARTS = ("text", "image_url", "input_audio", "refusal", "file")
# What vLLM and its like understand beside those.
_MORE_PARTS = ("video_url", "audio_url")
_MOST = 2**31 - 1


@dataclass(frozen=True)
class Order:
    """A request that will be answered: `n` times the same, in the service tier `tier`."""

    model: str
    ask: Ask
    n: int
    tier: str
    stream: bool
    include_usage: bool


def read(body: Object, ways: Ways) -> Order:
    """The order of a body whose types are checked and whose nulls are gone."""
    model = ways.model_of(body)
    stream = body.get("stream") is True
    if ways.strict and "stream_options" in body and not stream:
        raise ways.refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    options = body.get("stream_options")
    tier = params.one_of(body, "service_tier", TIERS, ways) or "auto"
    _check_numbers(body, ways)
    names, must_call = _tools(body, ways)
    most = params.whole(body, "max_completion_tokens", 1, _MOST, ways)
    ask = Ask(
        said=_messages(body, ways),
        tools=names,
        must_call=must_call,
        thoughts=EFFORTS[params.one_of(body, "reasoning_effort", tuple(EFFORTS), ways) or "none"],
        most=most or params.whole(body, "max_tokens", 1, _MOST, ways),
        as_json=_as_json(body, ways),
    )
    return Order(
        model=model,
        ask=ask,
        n=params.whole(body, "n", 1, 128, ways) or 1,
        tier="default" if tier == "auto" else tier,
        stream=stream,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _check_numbers(body: Object, ways: Ways) -> None:
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("top_logprobs", 0, 20)):
        params.within(body, name, low, high, ways)
    for name in ("frequency_penalty", "presence_penalty"):
        params.within(body, name, -2, 2, ways)


def _messages(body: Object, ways: Ways) -> list[Said]:
    value = body.get("messages")
    if value is None:
        raise ways.refused("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(value, list) or not value:
        raise ways.refused("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages")
    return [_message(item, f"messages[{place}]", ways) for place, item in enumerate(value)]


def _message(value: Json, where: str, ways: Ways) -> Said:
    if not isinstance(value, dict):
        raise ways.refused(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    role, content = value.get("role"), value.get("content")
    if role not in ROLES:
        listed = ", ".join(f"'{word}'" for word in ROLES)
        text = f"Invalid value: '{role}'. Supported values are: {listed}."
        raise ways.refused(text, f"{where}.role", "invalid_value")
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        raise ways.refused(f"Missing parameter 'tool_call_id': '{where}'.", f"{where}.tool_call_id")
    if content is None and role != "assistant":
        raise ways.refused(
            f"Invalid value for 'content': expected a string, got null in '{where}'.", f"{where}.content"
        )
    if isinstance(content, list):
        for place, part in enumerate(content):
            _check_part(part, f"{where}.content[{place}]", ways)
    elif content is not None and not isinstance(content, str):
        raise ways.refused(f"Invalid type for '{where}.content'.", f"{where}.content", "invalid_type")
    return said(str(role), content)


def _check_part(part: Json, where: str, ways: Ways) -> None:
    kinds = _PARTS if ways.strict else _PARTS + _MORE_PARTS
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in kinds:
        listed = ", ".join(f"'{word}'" for word in kinds)
        raise ways.refused(f"Invalid value: '{kind}'. Supported values are: {listed}.", where, "invalid_value")
    if part.get(str(kind)) is None:
        raise ways.refused(
            f"Missing required parameter: '{where}.{kind}'.", f"{where}.{kind}", "missing_required_parameter"
        )


def _tools(body: Object, ways: Ways) -> tuple[tuple[str, ...], str | None]:
    """The names of the functions, and what `tool_choice` demands: a name, "" for any of them, None for nothing."""
    value = body.get("tools", [])
    tools = value if isinstance(value, list) else []
    names = tuple(_function(tool, f"tools[{place}]", ways) for place, tool in enumerate(tools))
    choice = body.get("tool_choice", "auto")
    if ways.strict and choice != "auto" and not tools:
        raise ways.refused("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, dict):
        return names, _function(choice, "tool_choice", ways)
    if choice not in {"none", "auto", "required"}:
        raise ways.refused(f"Invalid value: '{choice}'.", "tool_choice", "invalid_value")
    return (() if choice == "none" else names), ("" if choice == "required" else None)


def _function(tool: Json, where: str, ways: Ways) -> str:
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        text = f"Missing required parameter: '{where}.function.name'."
        raise ways.refused(text, f"{where}.function.name", "missing_required_parameter")
    return name


def _as_json(body: Object, ways: Ways) -> bool:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict):
        return False
    return params.one_of(wanted, "type", ("text", "json_object", "json_schema"), ways) != "text"
