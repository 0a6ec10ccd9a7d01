"""Streamed responses: the same bytes at every split point, the usage from the last event, the caller's name inside."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.translate.calls import CallRequest, Received
from proxy.translate.responses.stream import ResponseStream
from proxy.translate.wire import Body
from tests.support.calling import ARK, OPENAI, cut, event, fed

USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 12,
}


def step(kind: str, **more: object) -> bytes:
    """One event, with its name before it."""
    return event({"type": kind, "sequence_number": 1, **more}, kind)


def response(status: str, **more: object) -> dict[str, object]:
    """The object that some events carry."""
    return {"id": "resp_1", "object": "response", "status": status, "error": None, "output": [], "model": "up-1"} | more


def stream(last: str = "completed", **more: object) -> list[bytes]:
    """A whole stream; text that looks like an envelope is only text."""
    return [
        step("response.created", response=response("in_progress", usage=None)),
        step("response.in_progress", response=response("in_progress")),
        step("response.output_item.added", item={"type": "message", "id": "msg_1"}),
        step("response.output_text.delta", delta='"response":{"model":"up-1"}'),
        step("response.output_text.delta", delta="response"),
        step("response.function_call_arguments.delta", delta=' error"'),
        step("response.output_text.done", text="x"),
        step(f"response.{last}", response=response(last, usage=USAGE, **more)),
    ]


def request(model: str = "up-1", sent: str = "") -> CallRequest:
    """A streamed request."""
    return CallRequest(
        model=model, dialect=OPENAI, received=Received(body=Body(fields={}, raw=b"")), request_model=sent
    )


@pytest.mark.parametrize("name", ["up-1", "alias"])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_every_split_point(name: str, end: bytes) -> None:
    """Cut anywhere, only the model's name inside the responses is the caller's."""
    data = b"".join(stream()).replace(b"\n\n", end)
    wanted = data.replace(b'"model":"up-1"', b'"model":"%s"' % name.encode())
    for at in range(0, len(data), 5):
        translator = ResponseStream(request(name, "ep-1"), OPENAI)
        assert fed(translator, [data[:at], data[at:]]) == wanted
        assert translator.usage is not None
        assert (translator.usage.total_tokens, translator.usage.cached_tokens, translator.usage.reasoning_tokens) == (
            12,
            2,
            1,
        )
        assert (translator.id, translator.model, translator.ended, translator.events) == ("resp_1", "up-1", True, 3)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 3000), max_size=9))
def test_random_chunks(places: list[int]) -> None:
    """Equal names: the same bytes, however they come."""
    data = b"".join(stream())
    assert fed(ResponseStream(request(), OPENAI), cut(data, places)) == data


@given(
    st.binary(max_size=100)
    | st.sampled_from([b"data: {}\n\n", b'data: {"response":[]}\n\n', b'data: {"response":{}}\n\n'])
)
def test_any_bytes(data: bytes) -> None:
    """Bytes that are no response pass as they are."""
    assert fed(ResponseStream(request("alias"), ARK), [data]) == data


@pytest.mark.parametrize("last", ["completed", "incomplete", "failed"])
def test_ends(last: str) -> None:
    """Each of the three ends tells the usage; a failed one its code."""
    more: dict[str, object] = {"error": {"code": "server_error", "message": "m"}} if last == "failed" else {}
    translator = ResponseStream(request(), OPENAI)
    fed(translator, stream(last, **more))
    assert translator.usage is not None
    assert (translator.ended, translator.error_code) == (True, "server_error" if last == "failed" else None)


def test_failure_without_a_reason() -> None:
    """A failed response has a code for the ledger even where it says none."""
    translator = ResponseStream(request(), OPENAI)
    fed(translator, stream("failed"))
    assert translator.error_code == "response_failed"


@pytest.mark.parametrize("caller", [ARK, OPENAI])
def test_errors(caller: Dialect) -> None:
    """An error event passes, flat or nested, and its code is known."""
    for error in (
        step("error", code="Busy", message="m", param=None),
        event({"error": {"code": "Busy", "message": "m"}}),
    ):
        translator = ResponseStream(request(), caller)
        assert fed(translator, [error]) == error
        assert (translator.error_code, translator.ended) == ("Busy", False)
