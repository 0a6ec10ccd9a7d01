"""What the recorder remembers."""

import base64

from proxy.simulator import recorder
from proxy.simulator.recorder import Recorded, Recorder


def _request(path: str, body: bytes = b"") -> Recorded:
    return Recorded(1.0, "POST", path, "a=b", [("authorization", "Bearer k")], body)


def test_a_request_is_shown_as_it_was_sent() -> None:
    """Text bodies come as text, others as base64; the key is kept, it is a simulator's."""
    shown = _request("/x", "é".encode()).as_json()
    assert (shown["body"], shown["headers"]) == ("é", [["authorization", "Bearer k"]])
    assert _request("/x", b"\xff").as_json()["body_base64"] == base64.b64encode(b"\xff").decode()


def test_the_memory_is_bounded_in_number() -> None:
    """Only the last requests are kept."""
    memory = Recorder()
    for number in range(recorder.MOST_REQUESTS + 5):
        memory.add(_request(f"/{number}"))
    kept = memory.requests()
    assert (len(kept), kept[0].path) == (recorder.MOST_REQUESTS, "/5")


def test_the_memory_is_bounded_in_bytes() -> None:
    """Large bodies push the oldest out long before their number would."""
    memory = Recorder()
    body = bytes(recorder.MOST_BYTES // 3)
    for number in range(5):
        memory.add(_request(f"/{number}", body))
    assert [request.path for request in memory.requests()] == ["/2", "/3", "/4"]


def test_requests_of_one_path_and_clearing() -> None:
    """A path selects its requests, a clear forgets all of them."""
    memory = Recorder()
    memory.add(_request("/a"))
    memory.add(_request("/b"))
    assert [request.path for request in memory.requests("/b")] == ["/b"]
    memory.clear()
    assert memory.requests() == []
