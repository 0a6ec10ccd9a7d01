"""What the call families share: reading a call, its headers, its answer, and the model's name."""

from dataclasses import replace

import orjson
import pytest

from proxy.errors import Problem, Refusal, UnreadableAnswer, UpstreamRefusal
from proxy.translate import passing
from tests.support.calling import ARK, OPENAI, answer, received

HEADERS = {
    "authorization": "Bearer sk-ab-secret",
    "cookie": "a=b",
    "host": "localhost",
    "x-client-request-id": "r1",
    "ark-beta-web-search": "true",
    "x-is-encrypted": "false",
    "x-session-token": "t",
    "x-encrypt-info": "i",
    "x-project-name": "p",
    "x-arkbridge-lossy": "allow",
}


def test_headers_to_ark() -> None:
    """Ark gets what means something to it, and never what the caller shows us."""
    sent = passing.headers_to(ARK, received(headers=HEADERS))
    assert sent.keys() == {
        "x-client-request-id",
        "ark-beta-web-search",
        "x-is-encrypted",
        "x-session-token",
        "x-encrypt-info",
        "x-project-name",
    }


def test_headers_to_others() -> None:
    """Other upstreams get the request's id alone: Ark's session tokens are not their business."""
    assert passing.headers_to(OPENAI, received(headers=HEADERS)) == {"x-client-request-id": "r1"}


def test_encrypted_call_goes_to_ark_only() -> None:
    """A call that only Ark can decrypt is refused elsewhere, by the header's name."""
    with pytest.raises(Refusal) as refused:
        passing.headers_to(OPENAI, received(headers={"x-is-encrypted": "True"}))
    assert refused.value.param == "x-is-encrypted"


def test_call_is_read() -> None:
    """Model, stream and objects are read; nulls mean absent."""
    request = passing.read_call(received({"model": "m", "stream": True, "n": None, "context_id": "c"}), ARK)
    assert (request.model, request.stream, [one.id for one in request.objects]) == ("m", True, ["c"])
    assert "n" not in request.fields
    assert not passing.read_call(received({"model": "m", "stream": None}), ARK).stream


@pytest.mark.parametrize(
    ("body", "problem", "param"),
    [
        (b"", Problem.MISSING_PARAMETER, "model"),
        (b'{"model":null}', Problem.MISSING_PARAMETER, "model"),
        (b'{"model":""}', Problem.INVALID_VALUE, "model"),
        (b'{"model":["m"]}', Problem.INVALID_VALUE, "model"),
        (b'{"model":"m","stream":"perhaps"}', Problem.INVALID_VALUE, "stream"),
    ],
)
def test_call_that_cannot_be_read(body: bytes, problem: Problem, param: str) -> None:
    """What we must understand and cannot is a 400 that names it."""
    with pytest.raises(Refusal) as refused:
        passing.read_call(received(body), OPENAI)
    assert (refused.value.problem, refused.value.param) == (problem, param)


def test_form_is_refused() -> None:
    """A form on a JSON route is a 400 that says what to send."""
    with pytest.raises(Refusal, match="application/json"):
        passing.read_call(received(b"model=m", kind="application/x-www-form-urlencoded"), OPENAI)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"a":1', b"[" * 5000])
def test_answer_that_is_none(body: bytes) -> None:
    """An answer that is no JSON object is unreadable."""
    with pytest.raises(UnreadableAnswer):
        passing.read_answer(answer(body))


def test_error_in_a_success() -> None:
    """An error under status 200 is an error: with the upstream's code, never a success."""
    with pytest.raises(UpstreamRefusal) as refused:
        passing.read_answer(answer({"error": {"code": "Busy", "message": "later"}}))
    assert (refused.value.status, refused.value.code) == (502, "Busy")


def test_error_beside_content() -> None:
    """An answer that holds something beside its error is an answer."""
    assert passing.read_answer(answer({"data": [], "error": {"code": "x"}}))["data"] == []
    assert passing.read_answer(answer({"output": [], "error": {"code": "x"}}))["output"] == []


def test_names() -> None:
    """Callers see their own name; answers are not touched where caller's and upstream's names are equal, whatever they say."""
    raw = b'{ "choices": [{"model":"x"}], "model" : "dated-name" }'
    read = passing.answered(answer(raw), orjson.loads(raw), ARK)
    request = passing.read_call(received({"model": "alias"}), ARK)
    assert passing.named(read, request) == raw.replace(b'"dated-name"', b'"alias"')
    assert passing.named(read, replace(request, request_model="sent-name")) == raw.replace(b'"dated-name"', b'"alias"')
    assert passing.named(read, replace(request, request_model="alias")) == raw
    assert passing.named(read, replace(request, model="")) == raw
    assert passing.named(replace(read, model=None), request) == raw
