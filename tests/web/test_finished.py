"""The log: one JSON line a call with the ledger's facts, one line a settled task, and never a body or a key."""

from typing import Any

import pytest

from tests.gateway.house import FAMILIES, TASKS, UPSTREAM_KEY, Caller, House, body
from tests.support.servers import until

CALL = {
    "time",
    "level",
    "event",
    "request_id",
    "caller",
    "key",
    "family",
    "operation",
    "dialect",
    "method",
    "upstream",
    "original_model",
    "request_model",
    "task",
    "status",
    "ms",
    "bytes_in",
    "client",
    "user_agent",
}


def line_of(house: House, caller: Caller, method: str, path: str, **request: Any) -> dict[str, Any]:
    """The log line of one call."""
    answer = caller.call(method, path, **request)
    return house.gateway.line(answer.headers["x-request-id"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_create_and_a_read(house: House, alice: Caller, family: str) -> None:
    """Who asked for what with which key, what was sent where, what came of it, and how long it took."""
    line = line_of(house, alice, "POST", TASKS[family], json=body("ark", family), headers={"user-agent": "me/1"})
    assert set(line) == CALL | {"upstream_ms", "upstream_request_id"}
    wanted = {
        "caller": "alice",
        "key": alice.key[:12],
        "family": "videos",
        "operation": "videos.create",
        "dialect": family,
        "method": "POST",
        "upstream": "ark",
        "original_model": "fast",
        "request_model": "doubao-seedance-2-0-fast-260128",
        "status": 200,
        "client": "127.0.0.1",
        "user_agent": "me/1",
    }
    assert {name: line[name] for name in wanted} == wanted
    assert 0 < line["upstream_ms"] <= line["ms"]
    assert line["bytes_in"] > 50
    read = line_of(house, alice, "GET", f"{TASKS[family]}/{line['task']}")
    assert set(read) == CALL
    assert (read["operation"], read["task"]) == ("videos.retrieve", line["task"])


def test_refusals(house: House, alice: Caller) -> None:
    """A refusal's line has its code, whoever refused."""
    house.sims["ark"].fault("POST .*", "answer", status=400, body='{"error":{"code":"Upstreams","message":"no"}}')
    assert line_of(house, alice, "POST", "/v1/videos", json=body("ark"))["error"] == "Upstreams"
    assert line_of(house, alice, "POST", "/v1/videos", json={})["error"] == "missing_required_parameter"
    line = line_of(house, alice, "GET", "/v1/videos/nobodys")
    assert (line["status"], line["error"], line["task"]) == (404, "video_not_found", "nobodys")
    line = line_of(house, alice, "GET", "/v1/videos", headers={"authorization": "Bearer x"})
    assert (line["status"], line["error"]) == (401, "invalid_api_key")
    assert "caller" not in line


def test_a_settled_task_has_one_line(house: House, alice: Caller) -> None:
    """The line of a task's end has the facts of its ledger row."""
    task_id = house.finished("ark")
    for _ in range(3):
        alice.get(task_id)
    (line,) = until(lambda: [one for one in house.gateway.lines("settled") if one["task"] == task_id], bool)
    (row,) = house.ledger(task_id)
    wanted = {
        "request_id": row.request_id,
        "caller": "alice",
        "key": row.key_prefix,
        "family": "videos",
        "operation": "videos.create",
        "dialect": "openai",
        "upstream": "ark",
        "original_model": "fast",
        "request_model": row.request_model,
        "response_model": row.response_model,
        "status": "succeeded",
        "output_tokens": row.output_tokens,
        "total_tokens": row.total_tokens,
        "has_video_input": False,
        "resolution": "720p",
        "seconds": 4.0,
        "measured": "measured",
    }
    assert {name: line[name] for name in wanted} == wanted
    assert "task_key" not in line


def test_no_body_and_no_key(house: House, alice: Caller) -> None:
    """Prompts, answers and keys are in no line, also where a call fails."""
    secret = "a prompt that nobody shall read"
    for family in FAMILIES:
        alice.create("ark", family, **({} if family == "ark" else {"prompt": secret}))
        alice.call("POST", TASKS[family], json=body("ark", family, duration=secret, seed="x"))
        alice.call("POST", TASKS[family], content=secret.encode())
    logged = house.gateway.log_bytes()
    for word in (secret, alice.key, alice.key[13:], UPSTREAM_KEY):
        assert word.encode() not in logged


def test_nobody_writes_lines_of_his_own(house: House, alice: Caller) -> None:
    """Whatever a caller puts into names and headers, a line is a line."""
    odd = 'a\u2028b\u0085c\x7f"\\'
    alice.call("GET", "/v1/videos/%0Ax%22%0D", headers={"user-agent": odd.encode()})
    alice.call("POST", "/v1/videos", json=body("ark", model=f"m\n{odd}"))
    assert house.gateway.lines()
