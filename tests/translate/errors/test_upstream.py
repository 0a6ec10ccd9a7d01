"""An upstream's refusals in every shape, and which of them are about our account."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import UpstreamRefusal
from proxy.translate.errors import account_problem, decode
from proxy.translate.wire import WireResponse


def answered(status: int, body: object, headers: Mapping[str, str] | None = None) -> UpstreamRefusal:
    """What an answer is decoded to; a body that is no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return decode(WireResponse(status=status, headers=headers or {}, body=raw))


class Said(NamedTuple):
    """What is expected of a refusal."""

    code: str
    message: str
    param: str | None = None
    request_id: str | None = None


ARK = {
    "code": "InvalidParameter",
    "message": "The parameter `service_tier` specified in the request are not valid: x. Request id: 021779abc",
    "param": "service_tier",
    "type": "BadRequest",
}
ARK_SAID = Said("InvalidParameter", ARK["message"], "service_tier", "021779abc")
NO_MESSAGE = "The upstream answered with status 502 and no error message."

SHAPES: Mapping[str, tuple[int, object, Said]] = {
    "Ark": (400, {"error": ARK}, ARK_SAID),
    "Ark without a param": (404, {"error": {**ARK, "param": ""}}, ARK_SAID._replace(param=None)),
    "BytePlus": (
        401,
        {"error": {"code": "AuthenticationError", "message": "the API key is invalid. request id: 02abc", "param": ""}},
        Said("AuthenticationError", "the API key is invalid. request id: 02abc", None, "02abc"),
    ),
    "OpenAI": (
        400,
        {"error": {"message": "no", "type": "invalid_request_error", "param": "size", "code": "invalid_type"}},
        Said("invalid_type", "no", "size"),
    ),
    "OpenAI without a code": (
        400,
        {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}},
        Said("", "no"),
    ),
    "a text for an error": (400, {"error": "no"}, Said("", "no")),
    "a text and a code": (400, {"error": "no", "code": "bad"}, Said("bad", "no")),
    "new-api": (
        400,
        {"code": "task_not_exist", "message": "no such task", "data": None},
        Said("task_not_exist", "no such task"),
    ),
    "new-api around Ark": (
        400,
        {"code": "fail_to_fetch_task", "message": orjson.dumps({"error": ARK}).decode(), "data": None},
        ARK_SAID,
    ),
    "new-api around Ark, escaped twice": (
        400,
        {"code": "fail_to_fetch_task", "message": orjson.dumps(orjson.dumps({"error": ARK}).decode()).decode()},
        ARK_SAID,
    ),
    "new-api around words and Ark": (
        400,
        {"code": "fail_to_fetch_task", "message": "upstream: " + orjson.dumps(ARK).decode()},
        ARK_SAID,
    ),
    "an envelope around Ark": (
        400,
        {"error": {"code": "bad", "message": orjson.dumps({"error": ARK}).decode()}},
        ARK_SAID,
    ),
    "words around other JSON": (
        400,
        {"error": {"code": "bad", "message": 'no field {"code": "x"}x'}},
        Said("bad", "no field …"),
    ),
    "FastAPI": (404, {"detail": "Video not found"}, Said("", "Video not found")),
    "FastAPI's list": (
        422,
        {
            "detail": [
                {"loc": ["body", "size"], "msg": "bad size", "type": "v"},
                {"loc": ["body", "a", 0], "msg": "bad a"},
                {"msg": "c"},
                4,
            ]
        },
        Said("", "size: bad size; a.0: bad a; c", "size"),
    ),
    "FastAPI around an object": (400, {"detail": {"error": ARK}}, ARK_SAID),
    "FastAPI, no list": (400, {"detail": 4}, Said("", "The upstream answered with status 400 and no error message.")),
    "vLLM": (
        404,
        {"error": {"message": "no", "type": "NotFoundError", "param": None, "code": 404}},
        Said("NotFoundError", "no"),
    ),
    "vLLM of before": (
        400,
        {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
        Said("BadRequestError", "no"),
    ),
    "a status for a code": (
        400,
        {"error": {"message": "no", "type": "invalid_request_error", "code": 400}},
        Said("", "no"),
    ),
    "a number for a code": (400, {"error": {"message": "no", "code": 50412}}, Said("50412", "no")),
    "a message alone": (400, {"message": "no"}, Said("", "no")),
    "msg": (400, {"code": 1001, "msg": "no"}, Said("1001", "no")),
    "nothing": (502, b"", Said("", NO_MESSAGE)),
    "HTML": (502, b"<html><body>10.0.0.1 is down</body></html>", Said("", NO_MESSAGE)),
    "text": (502, b"upstream connect error", Said("", NO_MESSAGE)),
    "bytes": (502, b"\xff\x00", Said("", NO_MESSAGE)),
    "null": (502, None, Said("", NO_MESSAGE)),
    "a list": (502, [{"error": "x"}], Said("", NO_MESSAGE)),
    "an empty object": (502, {}, Said("", NO_MESSAGE)),
    "an empty error": (502, {"error": {}}, Said("", NO_MESSAGE)),
    "null for an error": (502, {"error": None}, Said("", NO_MESSAGE)),
    "wrong types": (502, {"error": {"code": [1], "message": {"a": 1}, "param": ["x"]}}, Said("", NO_MESSAGE)),
    "a code with line breaks": (400, {"error": {"code": "a\r\nb: c", "message": "no"}}, Said("ab:c", "no")),
    "keys in the words": (
        400,
        {
            "error": {
                "code": "bad",
                "message": "sk-0123456789abcdef of account 2100123456 at 10.0.0.1:80",
                "param": "ep-20250101120000-abcde",
            }
        },
        Said("bad", "*** of account *** at ***", "***"),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    """Every shape that an upstream is known to answer with gives its code, its cleaned words, its param and its request id."""
    status, body, said = SHAPES[name]
    refusal = answered(status, body)
    assert Said(refusal.code, refusal.message, refusal.param, refusal.request_id) == said
    assert refusal.status == status


def test_request_id_of_the_header_counts_first() -> None:
    """The header is what the upstream logs; the message's tail is the second choice."""
    assert answered(400, {"error": ARK}, {"x-request-id": "from-header"}).request_id == "from-header"


def test_retry_headers() -> None:
    """How long to wait is passed on as sent, and so is an upstream's wish not to be asked again; nothing else is."""
    headers = {"retry-after": "7", "retry-after-ms": "7000", "x-ratelimit-limit-requests": "9", "server": "x"}
    refusal = answered(429, {"error": ARK}, headers)
    assert refusal.headers == {"retry-after": "7", "retry-after-ms": "7000"}
    assert refusal.retry is None
    assert answered(500, b"", {"x-should-retry": "false"}).retry is False
    assert answered(500, b"", {"x-should-retry": "true"}).retry is None


@pytest.mark.parametrize(("status", "shown"), [(200, 502), (302, 502), (399, 502), (400, 400), (599, 599), (600, 502)])
def test_only_errors_are_answered(status: int, shown: int) -> None:
    """A refusal is a 4xx or 5xx whatever the upstream called it: SDKs take the rest for success."""
    assert answered(status, b"").status == shown


def test_secrets() -> None:
    """Our keys there are removed from words, code and param, whatever they look like."""
    body = orjson.dumps({"error": {"code": "bad.hunter2", "message": "key hunter2 is wrong", "param": "hunter2"}})
    refusal = decode(WireResponse(status=400, body=body), ["hunter2"])
    assert "hunter2" not in f"{refusal.code} {refusal.message} {refusal.param}"


ACCOUNT = (
    (401, "AuthenticationError"),
    (401, "InvalidAccountStatus"),
    (401, "invalid_api_key"),
    (401, ""),
    (402, ""),
    (400, "InvalidSubscription"),
    (403, "AccountOverdueError"),
    (403, "AccessDenied"),
    (403, "OperationDenied.ServiceNotOpen"),
    (403, "OperationDenied.ServiceOverdue"),
    (403, "OperationDenied.PermissionDenied"),
    (403, "OperationDenied.ArkAccessRoleNotFound"),
    (403, "OperationDenied.TosAccessDenied"),
    (404, "ModelNotOpen"),
    (404, "InvalidEndpointOrModel.ModelIDAccessDisabled"),
)
NOT_ACCOUNT = (
    (400, "InvalidParameter"),
    (400, "InputTextSensitiveContentDetected"),
    (400, ""),
    (403, "OperationDenied.InvalidState"),
    (403, "OperationDenied.FileQuotaExceeded"),
    (403, ""),
    (404, "InvalidEndpointOrModel.NotFound"),
    (404, "NotFound.Task"),
    (429, "QuotaExceeded"),
    (429, "RateLimitExceeded.EndpointRPMExceeded"),
    (500, "InternalServiceError"),
)


@pytest.mark.parametrize(("status", "code"), ACCOUNT)
def test_about_our_account(status: int, code: str) -> None:
    """A refused key, an overdue account and a service or model that is not opened are ours to mend."""
    assert account_problem(UpstreamRefusal(status, code, "m"))


@pytest.mark.parametrize(("status", "code"), NOT_ACCOUNT)
def test_about_the_request(status: int, code: str) -> None:
    """Everything else is the caller's to know."""
    assert not account_problem(UpstreamRefusal(status, code, "m"))


WORDS = st.none() | st.integers() | st.text(max_size=10) | st.sampled_from(['{"error":', "}", "Request id: x"])
BODIES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "param", "detail", "loc", "msg", "type", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=400, deadline=None)
@given(
    st.integers(100, 999),
    st.binary() | BODIES,
    st.dictionaries(st.sampled_from(["x-request-id", "retry-after"]), st.text()),
)
def test_any_answer(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Whatever an upstream answers, there is a refusal with a message, and words that may stand in headers."""
    refusal = decode(WireResponse(status=status, headers=headers, body=body))
    assert refusal.message
    assert 400 <= refusal.status <= 599
    assert (refusal.code + (refusal.request_id or "")).isascii()
