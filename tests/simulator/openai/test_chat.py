"""Chat at OpenAI."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.simulator.events import chunks, parse, text, usages

CHAT = "/v1/chat/completions"
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]


def _said(content: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}], **fields}


async def _post(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_an_answer_in_one_piece(strict: httpx.AsyncClient) -> None:
    """The shape is OpenAI's, with every detail of the usage."""
    made = await _post(strict, _said("two words"))
    assert made.pop("id").startswith("chatcmpl-")
    assert made == {
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "gpt-4o-mini",
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "two words", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 2,
            "total_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [(None, 4), ({"include_usage": False}, 4), ({"include_usage": True}, 5)],
)
async def test_usage_in_a_stream(strict: httpx.AsyncClient, options: Any, expected: int) -> None:
    """The usage chunk has no choices; no chunk says `usage` unless it was asked for."""
    found = chunks(await strict.post(CHAT, json=_said("a b", stream=True, stream_options=options)))
    asked = expected == 5
    assert len(found) == expected
    assert [chunk["choices"] == [] for chunk in found] == [False] * 4 + [True] * asked
    assert ["usage" in chunk for chunk in found] == [asked] * expected
    assert [usage and usage["total_tokens"] for usage in usages(found)] == [None] * 4 + [4] * asked
    assert text(found) == "a b"
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert found[3]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}


async def test_usage_in_odd_places(strict: httpx.AsyncClient) -> None:
    """A directive puts it elsewhere."""
    found = chunks(await strict.post(CHAT, json=_said("a b [[sim:usage=last]]", stream=True)))
    assert [usage and usage["total_tokens"] for usage in usages(found)] == [None, None, 4, None]
    assert "usage" not in await _post(strict, _said("a [[sim:usage=none]]"))


@pytest.mark.parametrize(("effort", "thoughts"), [("none", 0), ("minimal", 1), ("high", 8), ("xhigh", 16), ("max", 32)])
async def test_efforts_cost_tokens(strict: httpx.AsyncClient, effort: str, thoughts: int) -> None:
    """They are counted and not shown, in a stream neither."""
    body = _said("a", reasoning_effort=effort)
    made = await _post(strict, body)
    assert made["usage"]["completion_tokens"] == thoughts + 1
    assert made["usage"]["completion_tokens_details"]["reasoning_tokens"] == thoughts
    streamed = chunks(await strict.post(CHAT, json=body | {"stream": True, "stream_options": {"include_usage": True}}))
    assert (text(streamed), streamed[-1]["usage"]) == ("a", made["usage"])


async def test_several_choices(strict: httpx.AsyncClient) -> None:
    """All say the same, each with its index, and all are counted."""
    made = await _post(strict, _said("a b", n=2))
    assert [(choice["index"], choice["message"]["content"]) for choice in made["choices"]] == [(0, "a b"), (1, "a b")]
    assert made["usage"]["completion_tokens"] == 4
    options = {"stream": True, "stream_options": {"include_usage": True}}
    found = chunks(await strict.post(CHAT, json=_said("a b", n=2) | options))
    assert [chunk["choices"][0]["index"] for chunk in found[:-1]] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found[-1]["usage"] == made["usage"]


async def test_tools_are_called(strict: httpx.AsyncClient) -> None:
    """Whole: content is null; streamed: names first, then the arguments in pieces."""
    body = _said("go on [[sim:tool]] [[sim:chunks=2]]", tools=TOOLS)
    choice = (await _post(strict, body))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": '{"text":"go on"}'}
    found = chunks(await strict.post(CHAT, json=body | {"stream": True}))
    parts = [part for chunk in found for part in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert (parts[0]["function"], parts[0]["type"]) == ({"name": "f", "arguments": ""}, "function")
    assert "".join(part["function"]["arguments"] for part in parts) == '{"text":"go on"}'
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
    named = await _post(strict, _said("go", tools=TOOLS, tool_choice=TOOLS[1]))
    assert named["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "g"


async def test_roles_lengths_and_formats(strict: httpx.AsyncClient) -> None:
    """`developer` is a role here; both bounds are known; a JSON format makes an object."""
    body = _said("a b c", max_completion_tokens=2, service_tier="auto", user="u", store=True, metadata={"k": "v"})
    body["messages"].insert(0, {"role": "developer", "content": "be kind"})
    made = await _post(strict, body)
    assert (made["choices"][0]["finish_reason"], made["usage"]["prompt_tokens"]) == ("length", 5)
    assert (await _post(strict, _said("a b", max_tokens=1)))["choices"][0]["message"]["content"] == "a"
    formed = await _post(strict, _said("a", response_format={"type": "json_schema", "json_schema": {"name": "x"}}))
    assert formed["choices"][0]["message"]["content"] == '{"text":"a"}'


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": ""}, None, "model"),
        ({"messages": []}, None, "messages"),
        ({"messages": [{"role": "bot", "content": "a"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, None, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "invalid_type", "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "a"}]}, None, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "u"}}]}]},
            "invalid_value",
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "missing_required_parameter",
            "messages[0].content[0].image_url",
        ),
        ({"thinking": {"type": "enabled"}}, "unknown_parameter", "thinking"),
        ({"repetition_penalty": 1}, "unknown_parameter", "repetition_penalty"),
        ({"tools": None}, "invalid_type", "tools"),
        ({"user": None}, "invalid_type", "user"),
        ({"stream_options": {"include_usage": True}}, None, "stream_options"),
        ({"temperature": 3}, None, "temperature"),
        ({"n": 0}, None, "n"),
        ({"service_tier": "turbo"}, "invalid_value", "service_tier"),
        ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
        ({"tool_choice": "required"}, None, "tool_choice"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].function.name"),
    ],
)
async def test_what_is_refused(strict: httpx.AsyncClient, fields: Any, code: str | None, param: str) -> None:
    """Each refusal is a 400 in OpenAI's envelope and names its parameter."""
    answer = await strict.post(CHAT, json=_said("a") | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert error["type"] == "invalid_request_error"


async def test_an_unknown_model(strict: httpx.AsyncClient) -> None:
    """It is a 404 with its code."""
    answer = await strict.post(CHAT, json=_said("a") | {"model": "no-such-model"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_an_error_inside_a_stream(strict: httpx.AsyncClient) -> None:
    """Its data has the key `error`, in OpenAI's envelope."""
    *_, (name, data) = parse((await strict.post(CHAT, json=_said("a [[sim:stream-error=1]]", stream=True))).content)
    assert (name, data["error"]["type"]) == ("", "server_error")
