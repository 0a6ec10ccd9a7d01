"""Responses at OpenAI."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.simulator.events import parse

PATH = "/v1/responses"


async def _post(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"model": "m", "input": "a b", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_a_response(strict: httpx.AsyncClient) -> None:
    """Its message, its usage, and every setting with the value that it had."""
    made = await _post(strict, instructions="be kind", max_output_tokens=9, reasoning={"effort": "low"})
    tail = made.pop("id").removeprefix("resp_")
    assert made == {
        "object": "response",
        "created_at": 1_795_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a b", "annotations": [], "logprobs": []}],
                "status": "completed",
                "id": f"msg_{tail}",
            }
        ],
        "service_tier": "default",
        "usage": {
            "input_tokens": 4,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 8,
        },
        "background": False,
        "instructions": "be kind",
        "max_output_tokens": 9,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "low"},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


async def test_the_stream(strict: httpx.AsyncClient) -> None:
    """It begins in progress, without usage, and ends with the whole response; there is no `[DONE]`."""
    answer = await strict.post(PATH, json={"model": "m", "input": "a b c [[sim:chunks=2]]", "stream": True})
    found = parse(answer.content)
    assert [name for name, _ in found] == [data["type"] for _, data in found]
    assert [data["delta"] for name, data in found if name == "response.output_text.delta"] == ["a ", "b c"]
    first, last = found[0][1]["response"], found[-1][1]["response"]
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    assert (found[-1][0], last["usage"]["total_tokens"]) == ("response.completed", 6)
    assert (await strict.get(f"{PATH}/{last['id']}")).json() == last


async def test_a_function_is_called_and_answered(strict: httpx.AsyncClient) -> None:
    """The call is an item; its output is answered in words, within the same conversation."""
    tools = [{"type": "function", "name": "f", "parameters": {}, "strict": False}]
    made = await _post(strict, input="go [[sim:tool]]", tools=tools)
    (call,) = made["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "f", '{"text":"go"}')
    back = [{"type": "function_call_output", "call_id": call["call_id"], "output": "done"}]
    again = await _post(strict, input=back, previous_response_id=made["id"], tools=tools, tool_choice="required")
    assert again["output"][0]["content"][0]["text"] == "done"
    assert again["usage"]["input_tokens"] == made["usage"]["total_tokens"] + 1


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [
        ({"max_output_tokens": 1}, "incomplete", ("incomplete_details", {"reason": "max_output_tokens"})),
        (
            {"input": "a [[sim:fail=server_error]]"},
            "failed",
            ("error", {"code": "server_error", "message": "The request failed."}),
        ),
    ],
)
async def test_other_ends(strict: httpx.AsyncClient, fields: Any, status: str, detail: tuple[str, Any]) -> None:
    """The last event of a stream has the name of the status, and the usage."""
    made = await _post(strict, **fields)
    found = parse((await strict.post(PATH, json={"model": "m", "input": "a b", **fields, "stream": True})).content)
    name, data = found[-1]
    assert (made["status"], made[detail[0]]) == (status, detail[1])
    assert (name, data["response"]["usage"]) == (f"response.{status}", made["usage"])


async def test_items_get_and_delete(strict: httpx.AsyncClient) -> None:
    """Items from the last one, by pages; a deleted response and one that was not stored are 404."""
    items = [{"role": "user", "content": [{"type": "input_text", "text": name}]} for name in "abc"]
    made, unkept = await _post(strict, input=items), await _post(strict, store=False)
    path = f"{PATH}/{made['id']}"
    page = (await strict.get(f"{path}/input_items", params={"limit": 2})).json()
    rest = (await strict.get(f"{path}/input_items", params={"after": page["last_id"]})).json()
    assert [item["content"][0]["text"] for item in page["data"] + rest["data"]] == ["c", "b", "a"]
    assert (page["has_more"], rest["has_more"], rest["first_id"]) == (True, False, rest["data"][0]["id"])
    for query in ({"limit": "0"}, {"after": "msg_none"}):
        assert (await strict.get(f"{path}/input_items", params=query)).status_code == 400
    assert (await strict.delete(path)).json() == {"id": made["id"], "object": "response", "deleted": True}
    for method, gone in (("GET", path), ("DELETE", path), ("GET", f"{PATH}/{unkept['id']}")):
        answer = await strict.request(method, gone)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": None}, "invalid_type", "input"),
        ({"input": [{"role": "tool", "content": "a"}]}, "invalid_value", "input[0].role"),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "input[0].content"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_video"}]}]},
            "invalid_value",
            "input[0].content[0]",
        ),
        ({"thinking": {"type": "enabled"}}, "unknown_parameter", "thinking"),
        ({"caching": {"type": "enabled"}}, "unknown_parameter", "caching"),
        ({"expire_at": 1}, "unknown_parameter", "expire_at"),
        ({"tools": None}, "invalid_type", "tools"),
        ({"previous_response_id": "resp_none"}, "previous_response_not_found", "previous_response_id"),
        ({"temperature": 9}, None, "temperature"),
    ],
)
async def test_what_is_refused(strict: httpx.AsyncClient, fields: Any, code: str | None, param: str) -> None:
    """Ark's own parameters are unknown here."""
    answer = await strict.post(PATH, json={"model": "m", "input": "a"} | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


async def test_an_error_inside_a_stream(strict: httpx.AsyncClient) -> None:
    """It is an event of its own, numbered like the others; and usage may be lost."""
    body = {"model": "m", "input": "a [[sim:stream-error=2]]", "stream": True}
    name, data = parse((await strict.post(PATH, json=body)).content)[-1]
    assert (name, data["type"], data["sequence_number"]) == ("error", "error", 2)
    assert (await _post(strict, input="a [[sim:usage=none]]"))["usage"] is None
