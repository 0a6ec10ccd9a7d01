"""Contract.md §8, row by row, in both families: the status, the code, the envelope's type, and what an SDK may repeat."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import pytest

from proxy.upstream.client import Timeouts
from tests.gateway.house import FAMILIES, TASKS, Caller, House, body, error_of

Do = Callable[[House, Caller, str], httpx.Response]
BAD_KEY = {"authorization": "Bearer sk-ab-" + "0" * 43}
TYPES = {
    "openai": {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"},
    "ark": {
        401: "Unauthorized",
        403: "Forbidden",
        404: "NotFound",
        409: "Conflict",
        410: "NotFound",
        429: "TooManyRequests",
    },
}
OTHERS = {"openai": ("invalid_request_error", "api_error"), "ark": ("BadRequest", "InternalServerError")}


@dataclass(frozen=True)
class Row:
    """One row of the table: how it is brought about, and what must come."""

    do: Do
    status: int
    openai: str
    ark: str
    param: str | None = None
    retry: bool = True
    headers: dict[str, str] = field(default_factory=dict)


def create(upstream: str = "ark", fault: dict[str, Any] | None = None, **fields: object) -> Do:
    """A create with these fields, at an upstream with this fault."""

    def do(house: House, caller: Caller, family: str) -> httpx.Response:
        if fault:
            details = {name: value for name, value in fault.items() if name != "fault"}
            house.sims[upstream].fault("POST .*", fault["fault"], **details)
        return caller.call("POST", TASKS[family], json=body(upstream, family) | fields)

    return do


def call(method: str, path: str = "", **request: Any) -> Do:
    """A call below the family's list of tasks."""

    def do(house: House, caller: Caller, family: str) -> httpx.Response:
        return caller.call(method, TASKS[family] + path, **request)

    return do


def on_task(method: str, state: str, upstream: str = "ark") -> Do:
    """A call on a task in this state."""

    def do(house: House, caller: Caller, family: str) -> httpx.Response:
        task_id = caller.create(upstream, family)
        house.sims[upstream].force(task_id, state)
        return caller.call(method, f"{TASKS[family]}/{task_id}")

    return do


def too_large(house: House, caller: Caller, family: str) -> httpx.Response:
    """A body of a megabyte more than the limit."""
    return caller.call("POST", TASKS[family], content=bytes(65 * 1024 * 1024))


def reused(house: House, caller: Caller, family: str) -> httpx.Response:
    """One idempotency key for two bodies."""
    headers = {"idempotency-key": f"key-{family}"}
    assert caller.call("POST", TASKS[family], json=body("ark", family), headers=headers).status_code == 200
    return caller.call("POST", TASKS[family], json=body("ark", family, seed=7), headers=headers)


def timed_out(house: House, caller: Caller, family: str) -> httpx.Response:
    """An upstream that takes a create and says nothing."""
    client = house.gateway.services.client
    before = client._timeouts
    client._timeouts = Timeouts(read=0.3).extension()
    try:
        return create(fault={"fault": "hang"})(house, caller, family)
    finally:
        client._timeouts = before


def unwritable(house: House, caller: Caller, family: str) -> httpx.Response:
    """A store that refuses new tasks."""
    with house.broken("INSERT ON tasks"):
        return create()(house, caller, family)


def suspended(house: House, caller: Caller, family: str) -> httpx.Response:
    """A caller who is suspended."""
    other = house.caller(f"suspended-{family}")
    house.gateway.do(house.gateway.runtime.accounts.suspend(other.name))
    house.gateway.do(house.gateway.runtime._ring.refresh_if_changed())
    return other.call("GET", TASKS[family])


def own_words(status: int) -> dict[str, Any]:
    """An upstream's own error."""
    return {
        "fault": "answer",
        "status": status,
        "body": '{"error":{"code":"Own","message":"own words","param":"seed"}}',
    }


TEXT = [{"type": "text", "text": "a cat"}]
TABLE: dict[str, Row] = {
    "wrong key": Row(call("GET", headers=BAD_KEY), 401, "invalid_api_key", "AuthenticationError"),
    "suspended": Row(suspended, 403, "permission_denied", "OperationDenied.PermissionDenied"),
    "unknown model": Row(create(model="x"), 404, "model_not_found", "InvalidEndpointOrModel.NotFound", "model"),
    "unknown task": Row(call("GET", "/x"), 404, "video_not_found", "NotFound.Task", "id"),
    "unknown task, deleted": Row(call("DELETE", "/x"), 404, "video_not_found", "NotFound.Task", "id"),
    "no such method": Row(call("PATCH"), 405, "method_not_allowed", "InvalidAction"),
    "no such operation": Row(
        on_task("DELETE", "queued", "newapi"), 400, "unsupported_operation", "InvalidParameter.UnsupportedOperation"
    ),
    "no JSON": Row(call("POST", content=b"{"), 400, "invalid_value", "InvalidParameter"),
    "no model": Row(
        call("POST", json={"content": TEXT}), 400, "missing_required_parameter", "MissingParameter", "model"
    ),
    "wrong field": Row(create(seed="x"), 400, "invalid_value", "InvalidParameter", "seed"),
    "no counterpart": Row(
        create("strict", content=TEXT, draft=True),
        400,
        "unsupported_parameter",
        "InvalidParameter.UnsupportedParameter",
        "draft",
    ),
    "host refused": Row(call("GET", headers={"host": "evil.example"}), 421, "host_not_allowed", "HostNotAllowed"),
    "too large": Row(too_large, 413, "request_too_large", "RequestTooLarge"),
    "key reused": Row(reused, 409, "idempotency_key_reused", "IdempotencyKeyReused", "Idempotency-Key", retry=False),
    "running": Row(on_task("DELETE", "running"), 409, "task_running", "TaskRunningCannotCancel", retry=False),
    "our account": Row(
        create(
            fault={"fault": "answer", "status": 401, "body": '{"error":{"code":"AuthenticationError","message":"x"}}'}
        ),
        502,
        "upstream_account",
        "UpstreamAccount",
        retry=False,
        headers={"x-arkbridge-upstream-code": "AuthenticationError"},
    ),
    "upstream's 400": Row(create(fault=own_words(400)), 400, "Own", "Own", "seed"),
    "upstream's 429": Row(create(fault=own_words(429)), 429, "Own", "Own", "seed"),
    "upstream's 500": Row(create(fault=own_words(500)), 500, "Own", "Own", "seed", retry=False),
    "broken": Row(create(fault={"fault": "break"}), 502, "upstream_ambiguous", "UpstreamAmbiguous", retry=False),
    "timed out": Row(timed_out, 504, "upstream_ambiguous", "UpstreamAmbiguous", retry=False),
    "store": Row(unwritable, 503, "store_unavailable", "ServiceUnavailable"),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", TABLE)
def test_the_table(house: House, alice: Caller, name: str, family: str) -> None:
    """Each row has its status, code, type and param in each family, and says when an SDK must not repeat it."""
    row = TABLE[name]
    answer = row.do(house, alice, family)
    error = error_of(answer, family)
    assert (answer.status_code, error["code"]) == (row.status, row.openai if family == "openai" else row.ark)
    usual = OTHERS[family][row.status >= 500]
    assert error["type"] == TYPES[family].get(row.status, usual)
    if row.param is not None:
        assert error["param"] == row.param
    elif family == "openai":
        assert error["param"] is None
    else:
        assert error["param"] == ""
    assert answer.headers.get("x-should-retry") == (None if row.retry else "false")
    assert {key: answer.headers[key] for key in row.headers} == row.headers
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert error["message"].strip()


def test_two_fields_in_conflict(alice: Caller) -> None:
    """Two names for one thing with two values: refused by name, unless the caller allows a loss where that is allowed."""
    answer = alice.call("POST", "/v1/videos", json=body("ark", seconds="4", duration=8))
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (400, "conflicting_parameters")
    differing = body("ark", content=[{"type": "text", "text": "a dog"}])
    answer = alice.call("POST", "/v1/videos", json=differing)
    assert (answer.status_code, error_of(answer, "openai")["param"]) == (400, "prompt")
    answer = alice.call("POST", "/v1/videos", json=differing, headers={"x-arkbridge-lossy": "allow"})
    assert answer.status_code == 200
    assert answer.headers["x-arkbridge-warning"].startswith("prompt; ")


def test_a_warning_carries_any_name(house: House, alice: Caller) -> None:
    """A warning about a field of a strange name is a header all the same."""
    odd = "a\u0001b\r\nset-cookie: c=d\u732b"
    answer = alice.call("POST", "/v1/videos", json=body("strict") | {odd: 1})
    assert answer.status_code in (200, 400), answer.text
    assert "set-cookie" not in answer.headers
