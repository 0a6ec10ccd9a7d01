"""Errors as OpenAI callers get them."""

import orjson
import pytest

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.translate.errors.openai import encode

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    409: "invalid_request_error",
    410: "invalid_request_error",
    413: "invalid_request_error",
    416: "invalid_request_error",
    421: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "api_error",
}


@pytest.mark.parametrize("problem", Problem)
def test_every_problem(problem: Problem) -> None:
    """Every problem has the envelope's four keys, its code and the type of its status; no param is null."""
    error = orjson.loads(encode(Refusal(problem, "words"), "req-1"))["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["type"] == TYPES[problem.value.status]
    assert error["code"] == problem.value.openai
    assert error["param"] is None


def test_param_and_message() -> None:
    """Our own words and the field's name go out as they are."""
    error = orjson.loads(encode(Refusal(Problem.INVALID_VALUE, "seconds is wrong", param="seconds"), "r"))["error"]
    assert (error["message"], error["param"]) == ("seconds is wrong", "seconds")


def test_not_ready_is_what_the_live_service_said() -> None:
    """The answer to content of an unfinished video is the one that clients know (openai-wire.md §5.8)."""
    message = "Video is not ready yet, use GET /v1/videos/{id} to check status."
    assert orjson.loads(encode(Refusal(Problem.VIDEO_NOT_READY, message), "r")) == {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "video_not_ready"}
    }


def test_upstream_words_are_kept_and_cleaned() -> None:
    """An upstream's code, param and words reach the caller, without what is not theirs."""
    refusal = UpstreamRefusal(400, "InvalidParameter", "bad for ep-20250101120000-abcde", param="content[1]")
    assert orjson.loads(encode(refusal, "r"))["error"] == {
        "message": "bad for ***",
        "type": "invalid_request_error",
        "param": "content[1]",
        "code": "InvalidParameter",
    }


@pytest.mark.parametrize("status", range(400, 600))
def test_every_upstream_status(status: int) -> None:
    """Whatever an upstream's status, there is a type and a code."""
    error = orjson.loads(encode(UpstreamRefusal(status, "", "m"), "r"))["error"]
    assert error["type"] == TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    assert error["code"] in {problem.value.openai for problem in Problem}
