"""Responses at Ark."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.simulator.events import parse

PATH = "/api/v3/responses"
M = "doubao-seed-2-1-turbo"


async def _post(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"model": M, "input": "a b", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_a_response(client: httpx.AsyncClient) -> None:
    """Its message, its usage, and what it repeats of the request; nulls count as absent."""
    made = await _post(client, instructions="be kind", temperature=0.5, top_p=None)
    tail = made.pop("id").removeprefix("resp_")
    assert made == {
        "created_at": 1_795_000_000,
        "model": M,
        "object": "response",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a b"}],
                "status": "completed",
                "id": f"msg_{tail}",
            }
        ],
        "service_tier": "default",
        "status": "completed",
        "caching": {"type": "disabled"},
        "store": True,
        "expire_at": 1_795_259_200,
        "usage": {
            "input_tokens": 4,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 6,
        },
        "instructions": "be kind",
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    ("fields", "unknown"),
    [
        ({"metadata": {}}, "metadata"),
        ({"truncation": None}, "truncation"),
        ({"background": True}, "background"),
        ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, "summary"),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, "verbosity"),
        ({"stream_options": {}}, "stream_options"),
    ],
)
async def test_unknown_fields_are_refused(client: httpx.AsyncClient, fields: dict[str, Any], unknown: str) -> None:
    """As a strict decoder does, also inside objects, and null or not."""
    answer = await client.post(PATH, json={"model": M, "input": "a", **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "InvalidParameter", "")
    assert error["message"].startswith(f'json: unknown field "{unknown}"')


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": None}, "MissingParameter", "model"),
        ({"input": None}, "MissingParameter", "input"),
        ({"input": []}, "InvalidParameter", "input"),
        ({"input": [{"role": "tool", "content": "a"}]}, "InvalidParameter", "input[0].role"),
        ({"input": [{"role": "user"}]}, "MissingParameter", "input[0].content"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
            "InvalidParameter",
            "input[0].content[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-none"}]}]},
            "NotFound.file_id",
            "input[0].content[0].file_id",
        ),
        ({"service_tier": "flex"}, "InvalidParameter", "service_tier"),
        ({"reasoning": {"effort": "xhigh"}}, "InvalidParameter", "reasoning.effort"),
        ({"tools": {}}, "InvalidParameter", "tools"),
        ({"tool_choice": "maybe"}, "InvalidParameter", "tool_choice"),
        ({"thinking": "enabled"}, "InvalidParameter", "thinking"),
        ({"previous_response_id": "resp_none"}, "NotFound.previous_response_id", "previous_response_id"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, fields: dict[str, Any], code: str, param: str) -> None:
    """Each refusal has its code and names its parameter."""
    answer = await client.post(PATH, json={"model": M, "input": "a"} | fields)
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert answer.status_code == (404 if code.startswith("NotFound") else 400)


async def test_the_stream(client: httpx.AsyncClient) -> None:
    """It begins with the response in progress and ends with the whole one, which has the usage; then `[DONE]`."""
    answer = await client.post(PATH, json={"model": M, "input": "a b c [[sim:chunks=2]]", "stream": True})
    *found, (name, done) = parse(answer.content)
    assert (name, done) == ("", "[DONE]")
    assert all(name == data["type"] for name, data in found)
    deltas = [data["delta"] for name, data in found if name == "response.output_text.delta"]
    assert deltas == ["a ", "b c"]
    first, last = found[0][1]["response"], found[-1][1]["response"]
    assert (found[0][0], first["status"], first["output"]) == ("response.created", "in_progress", [])
    assert "usage" not in first
    assert (found[-1][0], last["usage"]["total_tokens"]) == ("response.completed", 6)
    assert (await client.get(f"{PATH}/{last['id']}")).json() == last


async def test_thoughts_and_calls(client: httpx.AsyncClient) -> None:
    """Thoughts are an item of their own; a function of the request is called; other tools are let through."""
    tools = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}}]
    made = await _post(client, input="go [[sim:tool]]", tools=tools, thinking={"type": "enabled"})
    thoughts, call = made["output"]
    assert thoughts["summary"] == [{"type": "summary_text", "text": "thought-1 thought-2 thought-3 thought-4"}]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "f", '{"text":"go"}')
    assert made["usage"]["output_tokens_details"] == {"reasoning_tokens": 4}
    back = [call, {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}]
    again = await _post(client, input=back, tools=tools, tool_choice={"type": "function", "name": "f"})
    assert again["output"][0]["content"][0]["text"] == "done"


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [
        ({"max_output_tokens": 1}, "incomplete", {"incomplete_details": {"reason": "length"}}),
        ({"input": "a [[sim:fail=ServerOverloaded]]"}, "failed", {"error": {"code": "ServerOverloaded"}}),
    ],
)
async def test_other_ends(client: httpx.AsyncClient, fields: dict[str, Any], status: str, detail: Any) -> None:
    """An answer that was cut is incomplete, one that was told to fail is failed; both have their usage."""
    made = await _post(client, **fields)
    streamed = await client.post(PATH, json={"model": M, "input": "a b", **fields, "stream": True})
    assert parse(streamed.content)[-2][0] == f"response.{status}"
    assert (made["status"], made["usage"]["input_tokens"] > 0) == (status, True)
    for name, value in detail.items():
        assert value.items() <= made[name].items()


async def test_usage_may_be_lost(client: httpx.AsyncClient) -> None:
    """A directive takes the usage away, for those who must estimate it."""
    assert "usage" not in await _post(client, input="a [[sim:usage=none]]")


@pytest.mark.parametrize(("caching", "cached"), [(None, 0), ({"type": "enabled"}, 4)])
async def test_a_conversation_goes_on(client: httpx.AsyncClient, caching: Any, cached: int) -> None:
    """What was said before counts as input, from the cache where caching is enabled."""
    first = await _post(client)
    second = await _post(client, previous_response_id=first["id"], caching=caching)
    third = await _post(client, previous_response_id=second["id"])
    assert second["previous_response_id"] == first["id"]
    assert [one["usage"]["input_tokens"] for one in (first, second, third)] == [2, 6, 10]
    assert second["usage"]["input_tokens_details"] == {"cached_tokens": cached}


async def test_input_items(client: httpx.AsyncClient) -> None:
    """They are listed from the last one, page by page, each with an id."""
    items = [{"role": "user", "content": name} for name in "abc"]
    made = await _post(client, input=items)
    path = f"{PATH}/{made['id']}/input_items"
    first = (await client.get(path, params={"limit": 2})).json()
    rest = (await client.get(path, params={"limit": 2, "after": first["last_id"]})).json()
    texts = [item["content"][0]["text"] for item in first["data"] + rest["data"]]
    assert (texts, first["has_more"], rest["has_more"], first["object"]) == (["c", "b", "a"], True, False, "list")
    assert (await client.get(path, params={"order": "asc"})).json()["first_id"] == rest["last_id"]
    for query in ({"limit": "0"}, {"after": "msg_none"}):
        assert (await client.get(path, params=query)).status_code == 400


async def test_get_delete_and_expiry(client: httpx.AsyncClient) -> None:
    """A response is there until it is deleted or expires; one that is not stored never is."""
    kept, brief, unkept = (
        await _post(client),
        await _post(client, expire_at=1_795_000_060),
        await _post(client, store=False),
    )
    assert (await client.get(f"{PATH}/{kept['id']}")).json() == kept
    assert (await client.get(f"{PATH}/{unkept['id']}")).status_code == 404
    await client.post("/_sim/clock", json={"advance": 60})
    assert (await client.get(f"{PATH}/{brief['id']}")).status_code == 404
    deleted = await client.request("DELETE", f"{PATH}/{kept['id']}", json={})
    assert deleted.json() == {"id": kept["id"], "object": "response", "deleted": True}
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
        answer = await client.request(method, f"{PATH}/{kept['id']}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound.response_id")


async def test_an_error_inside_a_stream(client: httpx.AsyncClient) -> None:
    """It is an event of its own, numbered like the others."""
    answer = await client.post(PATH, json={"model": M, "input": "a [[sim:stream-error=2]]", "stream": True})
    name, data = parse(answer.content)[-1]
    assert (name, data["type"], data["code"], data["sequence_number"]) == ("error", "error", "InternalServiceError", 2)
