"""Requests for responses as they are sent and read."""

from dataclasses import replace

import pytest

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect
from proxy.translate.responses import ark, openai
from proxy.translate.responses.inbound import CreateInbound
from proxy.translate.responses.outbound import CreateOutbound, StoredOutbound
from proxy.translate.responses.stream import ResponseStream
from tests.support.calling import ARK, OPENAI, answer, back, received, sent

BODY = b'{ "model": "alias","input":"hi", "stream" : true, "unknown":[1.50] }'
RESPONSE = b'{ "id":"resp_1","object":"response","output":[],"error":null,"model": "up" ,"usage":{"total_tokens":3}}'


@pytest.mark.parametrize(("inbound", "outbound"), [(ark.INBOUND, ark.CREATE), (openai.INBOUND, openai.CREATE)])
def test_create_within_a_dialect(inbound: CreateInbound, outbound: CreateOutbound) -> None:
    """Only the model's name changes; a stream's usage needs no asking."""
    request, call = sent(inbound, outbound, received(BODY), "up")
    assert (call.request.method, call.request.path) == ("POST", "/responses")
    assert call.request.body == BODY.replace(b'"alias"', b'"up"')
    read, shown = back(inbound, outbound, request, answer(RESPONSE))
    assert shown == RESPONSE.replace(b'"up"', b'"alias"')
    assert read.usage is not None
    assert (read.id, read.usage.total_tokens) == ("resp_1", 3)
    assert isinstance(outbound.stream(request, OPENAI), ResponseStream)


def test_create_without_an_id() -> None:
    """A response without an id is none."""
    request, _ = sent(openai.INBOUND, openai.CREATE, received(BODY))
    with pytest.raises(UnreadableAnswer):
        openai.CREATE.decode(answer({"object": "response"}), request)


@pytest.mark.parametrize(
    ("codec", "method", "path"),
    [
        (openai.RETRIEVE, "GET", "/responses/resp%2F..%2F1"),
        (openai.DELETE, "DELETE", "/responses/resp%2F..%2F1"),
        (ark.INPUT_ITEMS, "GET", "/responses/resp%2F..%2F1/input_items"),
    ],
)
def test_stored(codec: StoredOutbound, method: str, path: str) -> None:
    """An id cannot leave its place in the path; query and request id travel, the body does not."""
    what = received(
        b"{}",
        path={"id": "resp/../1"},
        query=(("limit", "2"),),
        headers={"x-client-request-id": "c", "authorization": "x"},
    )
    request, call = sent(openai.STORED_INBOUND, codec, what)
    assert (call.request.method, call.request.path, call.request.query) == (method, path, (("limit", "2"),))
    assert (call.request.headers, call.request.body) == ({"x-client-request-id": "c"}, b"")
    read, shown = back(openai.STORED_INBOUND, codec, request, answer(RESPONSE))
    assert (shown, read.usage, read.id) == (RESPONSE, None, None)
    assert isinstance(codec.stream(request, OPENAI), ResponseStream)


def test_stored_under_the_callers_name() -> None:
    """Where the caller's name for the model is known, a stored response shows it."""
    request = replace(openai.STORED_INBOUND.decode(received(path={"id": "r"})), model="alias")
    assert back(openai.STORED_INBOUND, ark.RETRIEVE, request, answer(RESPONSE))[1] == RESPONSE.replace(
        b'"up"', b'"alias"'
    )


@pytest.mark.parametrize("dialect", [ARK, OPENAI])
def test_empty_answer_to_a_delete(dialect: Dialect) -> None:
    """A delete that is answered with nothing has worked; a read that is answered with nothing has not."""
    inbound, delete, read = {
        ARK: (ark.STORED_INBOUND, ark.DELETE, ark.RETRIEVE),
        OPENAI: (openai.STORED_INBOUND, openai.DELETE, openai.RETRIEVE),
    }[dialect]
    request = inbound.decode(received(path={"id": "r"}))
    assert back(inbound, delete, request, answer(b""))[1] == b""
    with pytest.raises(UnreadableAnswer):
        read.decode(answer(b""), request)
