"""Errors as Ark callers get them."""

import orjson
import pytest

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.translate.errors.ark import encode

TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "BadRequest",
    409: "Conflict",
    410: "NotFound",
    413: "BadRequest",
    416: "BadRequest",
    421: "BadRequest",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "InternalServerError",
    504: "InternalServerError",
}


@pytest.mark.parametrize("problem", Problem)
def test_every_problem(problem: Problem) -> None:
    """Every problem has the envelope's four keys, its code and the type of its status; no param is an empty text."""
    error = orjson.loads(encode(Refusal(problem, "words"), "req-1"))["error"]
    assert list(error) == ["code", "message", "param", "type"]
    assert error["type"] == TYPES[problem.value.status]
    assert error["code"] == problem.value.ark
    assert error["param"] == ""


def test_param_and_message() -> None:
    """Our own words and the field's name go out as they are."""
    error = orjson.loads(encode(Refusal(Problem.INVALID_VALUE, "duration is wrong", param="duration"), "r"))["error"]
    assert (error["message"], error["param"]) == ("duration is wrong", "duration")


def test_upstream_words_are_kept_and_cleaned() -> None:
    """An upstream's code, param and words reach the caller, without what is not theirs."""
    refusal = UpstreamRefusal(429, "ServerOverloaded", "Your account 2100123456 waits. Request id: 0217", param="model")
    assert orjson.loads(encode(refusal, "r")) == {
        "error": {
            "code": "ServerOverloaded",
            "message": "Your account *** waits. Request id: 0217",
            "param": "model",
            "type": "TooManyRequests",
        }
    }


@pytest.mark.parametrize("status", range(400, 600))
def test_every_upstream_status(status: int) -> None:
    """Whatever an upstream's status, there is a type and a code."""
    error = orjson.loads(encode(UpstreamRefusal(status, "", "m"), "r"))["error"]
    assert error["type"] == TYPES.get(status, "InternalServerError" if status >= 500 else "BadRequest")
    assert error["code"] in {problem.value.ark for problem in Problem}
