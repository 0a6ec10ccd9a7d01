"""Refusals as answers."""

import orjson
import pytest

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.model import Dialect
from proxy.translate.errors import decode, render
from proxy.translate.errors.render import ENCODERS
from proxy.translate.wire import WireResponse


def test_every_dialect_has_an_encoder() -> None:
    """The table of encoders is total."""
    assert set(ENCODERS) == set(Dialect)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("problem", Problem)
def test_every_problem(problem: Problem, dialect: Dialect) -> None:
    """Every problem has its status in both families, a JSON body, and a word on repeats only where they must not be."""
    status, headers, body = render(Refusal(problem, "words"), dialect, "r")
    assert status == problem.value.status
    assert headers["content-type"] == "application/json"
    assert headers.get("x-should-retry") == ("false" if problem.value.retry is False else None)
    assert orjson.loads(body)["error"]["code"]


def test_headers_of_a_refusal() -> None:
    """What the refusal brings along is sent, its names in lower case."""
    refusal = Refusal(Problem.RATE_LIMIT, "slower", headers={"Retry-After": "3"})
    assert render(refusal, Dialect.ARK, "r")[1] == {"content-type": "application/json", "retry-after": "3"}


def test_headers_of_an_upstream() -> None:
    """The upstream's request id and code stand in headers, so that nobody has to read them out of a text."""
    refusal = UpstreamRefusal(500, "InternalServiceError", "m", request_id="0217", headers={"retry-after": "1"})
    refusal.may_retry = False
    status, headers, _ = render(refusal, Dialect.OPENAI, "r")
    assert status == 500
    assert headers == {
        "content-type": "application/json",
        "retry-after": "1",
        "x-should-retry": "false",
        "x-arkbridge-upstream-request-id": "0217",
        "x-arkbridge-upstream-code": "InternalServiceError",
    }


def test_headers_of_a_silent_upstream() -> None:
    """Without a code and an id there are no headers for them, and a permission to repeat is never sent."""
    refusal = UpstreamRefusal(503, "", "m")
    refusal.may_retry = True
    assert render(refusal, Dialect.OPENAI, "r")[1] == {"content-type": "application/json"}


@pytest.mark.parametrize("first", Dialect)
@pytest.mark.parametrize("second", Dialect)
def test_errors_survive_a_chain(first: Dialect, second: Dialect) -> None:
    """What one gateway renders, another in front of it reads and renders alike: status, code, message and param."""
    said = UpstreamRefusal(400, "InvalidParameter.TaskTypeConstraint", "ratio must be adaptive", param="ratio")
    for dialect in (first, second):
        status, headers, body = render(said, dialect, "r")
        said = decode(WireResponse(status=status, headers=headers, body=body))
        assert (said.status, said.code, said.message, said.param) == (
            400,
            "InvalidParameter.TaskTypeConstraint",
            "ratio must be adaptive",
            "ratio",
        )
