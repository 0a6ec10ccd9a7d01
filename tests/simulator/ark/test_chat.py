"""Chat at Ark, bots, contexts and batches."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.simulator.events import chunks, parse, text, usages

CHAT = "/api/v3/chat/completions"
M = "doubao-seed-2-1-turbo"
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
UNSUPPORTED = "InvalidParameter.UnsupportedParameter"


def _said(content: Any, **fields: Any) -> dict[str, Any]:
    return {"model": M, "messages": [{"role": "user", "content": content}], **fields}


async def _post(client: httpx.AsyncClient, body: dict[str, Any], path: str = CHAT) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_an_answer_in_one_piece(client: httpx.AsyncClient) -> None:
    """The shape is Ark's: choices, created, id, model, service_tier, object, usage with its details."""
    made = await _post(client, _said("two words [[sim:chunks=3]]"))
    assert made.pop("id").startswith("02")
    assert made == {
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
                "message": {"content": "two words", "role": "assistant"},
            }
        ],
        "created": 1_795_000_000,
        "model": M,
        "service_tier": "default",
        "object": "chat.completion",
        "usage": {
            "completion_tokens": 2,
            "prompt_tokens": 2,
            "total_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


async def test_nulls_count_as_absent(client: httpx.AsyncClient) -> None:
    """The SDKs send a null for every field that is not set."""
    nulls = dict.fromkeys(("n", "tools", "max_tokens", "max_completion_tokens", "stream", "thinking", "store"))
    assert (await _post(client, _said("hi", **nulls)))["choices"][0]["message"]["content"] == "hi"


async def test_an_endpoint_answers_with_its_model(client: httpx.AsyncClient) -> None:
    """The model of the answer is not the one of the request."""
    assert (await _post(client, _said("hi") | {"model": "ep-20260101-abc"}))["model"] == "seed-2-0-lite-260428"


async def test_media_are_counted_apart(client: httpx.AsyncClient) -> None:
    """With an image the prompt's details tell text from image tokens."""
    parts = [{"type": "text", "text": "a b"}, {"type": "image_url", "image_url": {"url": "https://a/i.png"}}]
    made = await _post(client, _said(parts))
    assert made["choices"][0]["message"]["content"] == "a b\n<image_url https://a/i.png>"
    details = made["usage"]["prompt_tokens_details"]
    assert details == {"cached_tokens": 0, "text_tokens": 2, "image_tokens": 64}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, [None] * 3),
        ({"include_usage": True}, [None] * 3 + [4]),
        ({"chunk_include_usage": True}, [3, 4, 4]),
        ({"include_usage": True, "chunk_include_usage": True}, [3, 4, 4, 4]),
    ],
)
async def test_usage_in_a_stream(
    client: httpx.AsyncClient, options: dict[str, bool] | None, expected: list[int | None]
) -> None:
    """Chunks carry `usage: null` until the usage chunk, which is there only if it was asked for."""
    found = chunks(await client.post(CHAT, json=_said("a b", stream=True, stream_options=options)))
    assert all("usage" in chunk for chunk in found)
    assert [usage and usage["total_tokens"] for usage in usages(found)] == expected
    assert [chunk["choices"] == [] for chunk in found] == [False] * 3 + [True] * (len(found) - 3)
    assert text(found) == "a b"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("last", [None, 4, None]),
        ("finish", [None, None, 4]),
        ("early", [None, None, 4, None]),
        ("each", [3, 4, 4]),
        ("none", [None] * 3),
        ("empty", [None] * 3 + [4]),
    ],
)
async def test_usage_in_odd_places(client: httpx.AsyncClient, place: str, expected: list[int | None]) -> None:
    """A directive puts it where other servers were seen to, whatever was asked for."""
    found = chunks(await client.post(CHAT, json=_said(f"a b [[sim:usage={place}]]", stream=True)))
    assert [usage and usage["total_tokens"] for usage in usages(found)] == expected


async def test_the_chunks_of_a_stream(client: httpx.AsyncClient) -> None:
    """Every chunk has the same id, and the last one with a choice has the finish reason."""
    answer = await client.post(CHAT, json=_said("a b c [[sim:chunks=2]]", stream=True, service_tier="flex"))
    assert answer.headers["content-type"] == "text/event-stream"
    first, second, finish = found = chunks(answer)
    assert len({chunk["id"] for chunk in found}) == 1
    assert {(chunk["object"], chunk["service_tier"], chunk["model"]) for chunk in found} == {
        ("chat.completion.chunk", "flex", M)
    }
    assert first["choices"] == [{"delta": {"content": "a ", "role": "assistant"}, "index": 0}]
    assert second["choices"][0]["delta"]["content"] == "b c"
    assert finish["choices"][0] == {"delta": {"content": "", "role": "assistant"}, "index": 0, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("fields", "thoughts"),
    [
        ({}, 0),
        ({"thinking": {"type": "enabled"}}, 4),
        ({"thinking": {"type": "auto"}}, 0),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, 2),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}, 0),
        ({"reasoning_effort": "minimal"}, 0),
        ({"reasoning_effort": "max"}, 32),
    ],
)
async def test_thinking(client: httpx.AsyncClient, fields: dict[str, Any], thoughts: int) -> None:
    """Thoughts are `reasoning_content`, whole or in deltas, and count as reasoning tokens."""
    made = await _post(client, _said("a", **fields))
    found = chunks(await client.post(CHAT, json=_said("a", stream=True, **fields)))
    streamed = "".join(chunk["choices"][0]["delta"].get("reasoning_content", "") for chunk in found)
    assert made["choices"][0]["message"].get("reasoning_content", "") == streamed
    assert len(streamed.split()) == thoughts
    usage = made["usage"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": thoughts}
    assert usage["completion_tokens"] == thoughts + 1


@pytest.mark.parametrize(("tier", "answered"), [("auto", "default"), ("default", "default"), ("fast", "fast")])
async def test_the_service_tier_is_named(client: httpx.AsyncClient, tier: str, answered: str) -> None:
    """`auto` is answered by the tier that it became."""
    assert (await _post(client, _said("a", service_tier=tier)))["service_tier"] == answered


async def test_tools_are_called(client: httpx.AsyncClient) -> None:
    """A call has an id, a name and arguments; in a stream the arguments come in pieces."""
    body = _said("go on [[sim:tool=f,g]]", tools=TOOLS)
    choice = (await _post(client, body))["choices"][0]
    calls = choice["message"]["tool_calls"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "")
    assert [call["function"] for call in calls] == [
        {"arguments": '{"text":"go on"}', "name": name} for name in ("f", "g")
    ]
    found = chunks(await client.post(CHAT, json=body | {"stream": True}))
    streamed = [delta for chunk in found for delta in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert [(part["index"], part["function"]["name"]) for part in streamed if "id" in part] == [(0, "f"), (1, "g")]
    second = "".join(part["function"]["arguments"] for part in streamed if part["index"] == 1)
    assert second == '{"text":"go on"}'
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("choice", "called"), [("required", ["f"]), ("none", None), (TOOLS[1], ["g"])])
async def test_tool_choice(client: httpx.AsyncClient, choice: Any, called: list[str] | None) -> None:
    """`required` and a named function call without a word of the prompt, `none` never does."""
    made = await _post(client, _said("go", tools=TOOLS, tool_choice=choice))
    calls = made["choices"][0]["message"].get("tool_calls")
    assert (calls and [call["function"]["name"] for call in calls]) == called


async def test_lengths_formats_and_moderation(client: httpx.AsyncClient) -> None:
    """A bound makes `length`, a JSON format an object, a filtered answer names its moderation."""
    short = (await _post(client, _said("a b c", max_tokens=2)))["choices"][0]
    assert (short["message"]["content"], short["finish_reason"]) == ("a b", "length")
    formed = (await _post(client, _said("a", response_format={"type": "json_object"})))["choices"][0]
    assert formed["message"]["content"] == '{"text":"a"}'
    filtered = (await _post(client, _said("a [[sim:finish=content_filter]]")))["choices"][0]
    assert (filtered["finish_reason"], filtered["moderation_hit_type"]) == ("content_filter", "severe_violation")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": None}, "MissingParameter", "model"),
        ({"messages": None}, "MissingParameter", "messages"),
        ({"messages": []}, "InvalidParameter", "messages"),
        ({"messages": [{"content": "a"}]}, "InvalidArgumentError", "messages[0].role"),
        ({"messages": [{"role": "developer", "content": "a"}]}, "InvalidParameter", "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "InvalidArgumentError.UnknownRole", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "MissingParameter", "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "MissingParameter", "messages[0].tool_call_id"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "InvalidParameter", "max_completion_tokens"),
        ({"n": 2}, "InvalidParameter", "n"),
        ({"store": True}, UNSUPPORTED, "store"),
        ({"metadata": {}}, UNSUPPORTED, "metadata"),
        ({"modalities": ["text"]}, UNSUPPORTED, "modalities"),
        ({"prompt_cache_key": "k"}, UNSUPPORTED, "prompt_cache_key"),
        ({"safety_identifier": "s"}, UNSUPPORTED, "safety_identifier"),
        ({"verbosity": "low"}, UNSUPPORTED, "verbosity"),
        ({"web_search_options": {}}, UNSUPPORTED, "web_search_options"),
        ({"reasoning_effort": "xhigh"}, "InvalidParameter", "reasoning_effort"),
        ({"thinking": {"type": "on"}}, "InvalidParameter", "thinking.type"),
        ({"service_tier": "priority"}, "InvalidParameter", "service_tier"),
        ({"temperature": 2.5}, "InvalidParameter", "temperature"),
        ({"stream": "true"}, "InvalidParameter", "stream"),
        ({"stream_options": []}, "InvalidParameter", "stream_options"),
        ({"tools": [{"type": "function"}]}, "InvalidParameter", "tools[0]"),
        ({"tool_choice": "maybe"}, "InvalidParameter", "tool_choice"),
        ({"response_format": {"type": "xml"}}, "InvalidParameter", "response_format.type"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, fields: dict[str, Any], code: str, param: str) -> None:
    """Each refusal is a 400 with its code and names its parameter."""
    answer = await client.post(CHAT, json=_said("a") | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"], error["type"]) == (400, code, param, "BadRequest")
    assert (await client.get("/_sim/counts")).json().get("chat", 0) == 0


@pytest.mark.parametrize(
    ("part", "code", "where"),
    [
        ({"type": "image_url", "image_url": {"url": ""}}, "InvalidImageURL.EmptyURL", ".image_url.url"),
        ({"type": "image_url", "image_url": {"url": "ftp://a"}}, "InvalidImageURL.InvalidFormat", ".image_url.url"),
        (
            {"type": "image_url", "image_url": {"url": "https://a", "detail": "huge"}},
            "InvalidArgumentError.InvalidImageDetail",
            ".image_url.detail",
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "https://a", "image_pixel_limit": {"min_pixels": 9, "max_pixels": 3}},
            },
            "InvalidArgumentError.InvalidPixelLimit",
            ".image_url.image_pixel_limit",
        ),
        ({"type": "image_url"}, "MissingParameter", ".image_url"),
        ({"type": "text"}, "MissingParameter", ".text"),
        ({"type": "sound"}, "InvalidParameter", ".type"),
        ({"type": "image_url", "image_url": {"file_id": "file-none"}}, "NotFound.file_id", ".image_url.file_id"),
    ],
)
async def test_parts_that_are_refused(client: httpx.AsyncClient, part: dict[str, Any], code: str, where: str) -> None:
    """The place of the part is in the parameter."""
    error = (await client.post(CHAT, json=_said([part]))).json()["error"]
    assert (error["code"], error["param"]) == (code, f"messages[0].content[0]{where}")


async def test_an_unknown_model(client: httpx.AsyncClient) -> None:
    """It is a 404; unknown fields of the body are let through."""
    answer = await client.post(CHAT, json=_said("a") | {"model": "no-such-model"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidEndpointOrModel.NotFound")
    await _post(client, _said("a", future_field={"x": 1}))


async def test_an_error_inside_a_stream(client: httpx.AsyncClient) -> None:
    """Its data has the key `error`, with Ark's four keys."""
    answer = await client.post(CHAT, json=_said("a b [[sim:stream-error=1]]", stream=True))
    first, (name, last) = parse(answer.content)
    assert text([first[1]]) == "a "
    assert (name, last["error"]["code"], set(last)) == ("", "InternalServiceError", {"error"})


async def test_bots(client: httpx.AsyncClient) -> None:
    """They add references and their own usage, which a stream has in its first and its last chunk."""
    body = _said("a b", metadata={"x": 1}) | {"model": "bot-1"}
    made = await _post(client, body, "/api/v3/bots/chat/completions")
    assert made["references"][0]["url"]
    used = {"name": "bot-1", "prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    assert made["bot_usage"] == {"model_usage": [used], "action_usage": [{"name": "search", "search_count": 1}]}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    found = chunks(await client.post("/api/v3/bots/chat/completions", json=body))
    assert ["references" in chunk for chunk in found] == [True, False, False, False]
    assert ["bot_usage" in chunk for chunk in found] == [False, False, False, True]


async def test_batches_are_chat(client: httpx.AsyncClient) -> None:
    """batch/chat/completions answers as chat does."""
    made = await _post(client, _said("a"), "/api/v3/batch/chat/completions")
    assert made["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(("mode", "prompts"), [("session", [5, 11]), ("common_prefix", [5, 5])])
async def test_contexts(client: httpx.AsyncClient, mode: str, prompts: list[int]) -> None:
    """A context's tokens are cached ones of the prompt; a session grows, a common prefix does not."""
    prefix = [{"role": "system", "content": "be kind"}]
    made = await _post(client, {"model": M, "mode": mode, "messages": prefix, "ttl": 3600}, "/api/v3/context/create")
    assert {name: made[name] for name in ("model", "mode", "ttl")} == {"model": M, "mode": mode, "ttl": 3600}
    assert made["usage"]["prompt_tokens"] == 2
    body = _said("a b c", context_id=made["id"])
    usage = [(await _post(client, body, "/api/v3/context/chat/completions"))["usage"] for _ in prompts]
    assert [one["prompt_tokens"] for one in usage] == prompts
    assert [one["prompt_tokens_details"]["cached_tokens"] for one in usage] == [count - 3 for count in prompts]


async def test_a_context_ends(client: httpx.AsyncClient) -> None:
    """An unknown context and one beyond its time to live are the same 404."""
    made = await _post(client, _said("a", ttl=60), "/api/v3/context/create")
    await client.post("/_sim/clock", json={"advance": 61})
    for context_id in (made["id"], "ctx-none"):
        answer = await client.post("/api/v3/context/chat/completions", json=_said("a", context_id=context_id))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (404, "NotFound.context_id", "context_id")
    missing = await client.post("/api/v3/context/chat/completions", json=_said("a"))
    assert missing.json()["error"]["code"] == "MissingParameter"
