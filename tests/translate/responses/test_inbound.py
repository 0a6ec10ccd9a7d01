"""What is read of requests for responses: their objects must be the caller's."""

from proxy.translate.calls import ObjectRef
from proxy.translate.responses.inbound import CreateInbound, StoredInbound
from tests.support.calling import ARK, OPENAI, received


def test_create() -> None:
    """The response before and the files are objects that the caller must own."""
    body = {"model": "m", "stream": True, "previous_response_id": "resp_0", "input": [{"content": [{"file_id": "f"}]}]}
    request = CreateInbound(OPENAI).decode(received(body))
    assert request.stream
    assert request.objects == (
        ObjectRef("response", "resp_0", "previous_response_id"),
        ObjectRef("file", "f", "input[0].content[0].file_id"),
    )


def test_stored() -> None:
    """Reads and deletes name their response in the path, and no model."""
    request = StoredInbound(ARK).decode(received(path={"id": "resp_1"}))
    assert (request.model, request.stream) == ("", False)
    assert request.objects == (ObjectRef("response", "resp_1", "response_id"),)
    assert StoredInbound(ARK).decode(received(path={"id": "r"}, query=(("stream", "true"),))).stream
