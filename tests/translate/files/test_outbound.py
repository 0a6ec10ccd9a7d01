"""Requests for single files, and what upstreams answer to them."""

import pytest

from proxy.errors import UnreadableAnswer, UpstreamRefusal
from proxy.translate.files import ark, openai
from proxy.translate.files.outbound import DeletedOutbound, FileOutbound, file_path
from tests.support.calling import ARK, OPENAI, answer, received, sent

BOTH = pytest.mark.parametrize("outbound", [ark.OUTBOUND, openai.OUTBOUND], ids=["ark", "openai"])


@BOTH
def test_a_read(outbound: FileOutbound) -> None:
    """A file is read at its path, with the caller's headers that travel and none of its others."""
    headers = {"x-client-request-id": "r1", "authorization": "Bearer caller", "cookie": "c"}
    _, send = sent(openai.INBOUND, outbound, received(path={"id": "file-1"}, headers=headers))
    assert (send.request.method, send.request.path) == ("GET", "/files/file-1")
    assert dict(send.request.headers) == {"x-client-request-id": "r1"}
    assert send.request.body == b""


@BOTH
@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON", b"{}", b'{"id":""}', b'{"id":7}'])
def test_answers_that_cannot_be_read(outbound: FileOutbound, body: bytes) -> None:
    """A 2xx without a file in it is no answer."""
    request, _ = sent(openai.INBOUND, outbound, received(path={"id": "file-1"}))
    with pytest.raises(UnreadableAnswer):
        outbound.decode(answer(body), request)


@BOTH
def test_errors_inside_a_success(outbound: FileOutbound) -> None:
    """An error without a file is the upstream's refusal; a file that failed, which has one too, is a file."""
    request, _ = sent(openai.INBOUND, outbound, received(path={"id": "file-1"}))
    error = {"code": "Broken", "message": "it is"}
    with pytest.raises(UpstreamRefusal, match="it is"):
        outbound.decode(answer({"error": error}), request)
    assert outbound.decode(answer({"id": "file-1", "status": "failed", "error": error}), request).id == "file-1"


@pytest.mark.parametrize("outbound", [ark.OUTBOUND, openai.OUTBOUND, DeletedOutbound(ARK), DeletedOutbound(OPENAI)])
def test_no_streams(outbound: FileOutbound | DeletedOutbound) -> None:
    """Nothing about a file is a stream of events."""
    request, _ = sent(openai.INBOUND, outbound, received(path={"id": "file-1"}))
    with pytest.raises(UnreadableAnswer):
        outbound.stream(request, OPENAI)


def test_paths() -> None:
    """An id cannot leave its place in the path."""
    assert file_path("a/../b?c#d") == "/files/a%2F..%2Fb%3Fc%23d"
