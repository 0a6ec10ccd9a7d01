"""Streams in every form, over real sockets: on a dialect of one streaming route."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from proxy.simulator import control, faults, sse
from proxy.simulator.core import Core
from proxy.simulator.faults import FaultError
from proxy.simulator.front import Front
from proxy.simulator.jobs import Json
from proxy.simulator.server import background
from proxy.simulator.settings import Settings
from proxy.simulator.sse import DONE, Event, Manner
from tests.simulator.events import parse

DATA: dict[str, Json] = {"text": "line one\nline two", "list": [1, {"a": "é"}]}
EVENTS = [Event({"at": 0}), Event(DATA, "named"), Event({"at": 2}), DONE]
ERROR = Event({"error": {"code": "x"}}, "error")
EXPECTED = [("", {"at": 0}), ("named", DATA), ("", {"at": 2}), ("", "[DONE]")]


def _app() -> Starlette:
    core = Core(Settings())

    async def stream(request: Request) -> Response:
        words = faults.asked(request.scope, (await request.body()).decode())
        how = sse.manner(words)
        events = [Event({"at": at}) for at in range(int(words.get("words", 0)))] or EVENTS
        return sse.EventStream(core, sse.blocks(events, how, ERROR), how, {"x-request-id": "r"})

    app = Starlette(routes=[*control.routes(core), Route("/stream", stream, methods=["POST"])])
    app.add_middleware(Front, core)
    return app


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of the little dialect."""
    with background(_app()) as origin, httpx.Client(base_url=origin, timeout=10, trust_env=False) as client:
        yield client


def _counts(client: httpx.Client) -> dict[str, int]:
    counts = client.get("/_sim/counts").json()
    return {name: counts.get(name, 0) for name in ("streams_open", "streams_whole", "streams_cut", "streams_left")}


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "[[sim:crlf]]",
        "[[sim:tight]]",
        "[[sim:comments]]",
        "[[sim:multiline]]",
        "[[sim:gzip]]",
        "[[sim:split=1]]",
        "[[sim:split=3,1,7]] [[sim:gzip]] [[sim:crlf]] [[sim:comments]] [[sim:multiline]]",
        "[[sim:first=0.01]] [[sim:delay=0.001]] [[sim:split=5]]",
        "[[sim:unterminated]]",
    ],
)
def test_a_reader_of_streams_finds_the_same_events(client: httpx.Client, prompt: str) -> None:
    """However they are written and cut into pieces, the events are the same."""
    answer = client.post("/stream", content=prompt)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert "content-length" not in answer.headers
    assert answer.headers.get("content-encoding") == ("gzip" if "gzip" in prompt else None)
    assert parse(answer.content) == EXPECTED


@pytest.mark.parametrize(
    ("prompt", "sizes"),
    [
        ("", [16, 72, 16, 14]),
        ("[[sim:split=50,3]]", [50, 3, 50, 3, 12]),
        ("[[sim:split=50,3]] [[sim:delay=0.001]]", [16, 50, 3, 19, 16, 14]),
        ("[[sim:split=0]] [[sim:stream-stop=1]]", [1] * 16),
    ],
)
async def test_the_pieces_are_those_asked_for(prompt: str, sizes: list[int]) -> None:
    """An event is one piece; pieces of given lengths end with their event only where there is a pause after it."""
    how = sse.manner(faults.directives(prompt))
    assert [len(piece) for piece in await _sent(how)] == sizes


async def _sent(how: Manner) -> list[bytes]:
    """The bodies that a stream hands to the server, one by one."""
    pieces: list[bytes] = []

    async def send(message: Message) -> None:
        pieces.append(message.get("body", b""))

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    await sse.EventStream(Core(Settings()), sse.blocks(EVENTS, how, ERROR), how, {})({}, receive, send)
    return [piece for piece in pieces if piece]


def test_a_compressed_stream_can_be_read_as_it_comes(client: httpx.Client) -> None:
    """Each event is flushed, so that a reader has it before the next one is sent."""
    unpacker, seen = zlib.decompressobj(wbits=31), []
    with client.stream("POST", "/stream", content="[[sim:gzip]] [[sim:delay=0.02]]") as answer:
        seen = [unpacker.decompress(piece) for piece in answer.iter_raw()]
    assert [parse(part) for part in seen if part] == [[event] for event in EXPECTED]


def test_without_its_done(client: httpx.Client) -> None:
    """`no-done` leaves the last event out, `unterminated` its blank line."""
    answer = client.post("/stream", content="[[sim:no-done]] [[sim:unterminated]]")
    assert answer.content.endswith(b'data: {"at":2}\n')
    assert parse(answer.content) == EXPECTED[:-1]


def test_an_error_in_the_middle(client: httpx.Client) -> None:
    """After so many events the error comes, and then a proper end."""
    answer = client.post("/stream", content="[[sim:stream-error=2]]")
    assert parse(answer.content) == [*EXPECTED[:2], ("error", {"error": {"code": "x"}})]


def test_a_stop_in_the_middle(client: httpx.Client) -> None:
    """The body ends properly, and yet the stream is not whole."""
    assert parse(client.post("/stream", content="[[sim:stream-stop=1]]").content) == EXPECTED[:1]


@pytest.mark.parametrize(("prompt", "last"), [("stream-break=1", b""), ("stream-tear=1", b"event: na")])
def test_a_break_in_the_middle(client: httpx.Client, prompt: str, last: bytes) -> None:
    """What was sent arrives, then the connection is gone: between two events, or inside one."""
    before, parts = _counts(client), list[bytes]()
    with pytest.raises(httpx.TransportError):
        _collect(client, f"[[sim:{prompt}]]", parts)
    body = b"".join(parts)
    assert body.startswith(b'data: {"at":0}\n\n' + last)
    assert b'"at":2' not in body
    assert _counts(client)["streams_cut"] == before["streams_cut"] + 1


def _collect(client: httpx.Client, prompt: str, parts: list[bytes]) -> None:
    with client.stream("POST", "/stream", content=prompt) as answer:
        parts.extend(answer.iter_raw())


def test_a_client_that_leaves_is_noticed(client: httpx.Client) -> None:
    """The stream ends with its reader, and the counts say that it was not ours to end."""
    before = _counts(client)
    with client.stream("POST", "/stream", content="[[sim:words=1000]] [[sim:delay=0.05]]") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert _counts(client)["streams_open"] == before["streams_open"] + 1
    after = next(now for _ in range(1000) if (now := _counts(client))["streams_open"] == before["streams_open"])
    assert after["streams_left"] == before["streams_left"] + 1


def test_a_planned_manner_needs_no_prompt(client: httpx.Client) -> None:
    """The control route gives the next request its words."""
    client.post("/_sim/faults", json={"match": "POST /stream", "fault": "words", "words": {"crlf": "", "gzip": ""}})
    with ExitStack() as stack:
        first, second = (stack.enter_context(client.stream("POST", "/stream")) for _ in range(2))
        raw = [b"".join(answer.iter_raw()) for answer in (first, second)]
    assert b"\r\n\r\n" in gzip.decompress(raw[0])
    assert b"\r\n" not in raw[1]


@pytest.mark.parametrize("word", ["delay=soon", "split=a", "stream-error=", "first=x"])
def test_a_directive_without_its_number_is_told(word: str) -> None:
    """A test that mistypes a directive must not pass without it."""
    with pytest.raises(FaultError, match="number"):
        sse.manner(faults.directives(f"[[sim:{word}]]"))


@given(
    st.lists(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(-(2**53), 2**53)))),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_no_data_breaks_the_format(data: list[dict[str, object]], crlf: bool, comments: bool, multiline: bool) -> None:
    """Whatever text the data holds, a reader gets it back."""
    how = Manner(line_end=b"\r\n" if crlf else b"\n", comments=comments, multiline=multiline)
    events = [Event(value, "e") for value in data]  # type: ignore[arg-type]  # texts and integers are JSON
    assert parse(b"".join(sse.blocks(events, how, ERROR))) == [("e", value) for value in data]


def test_a_json_answer_may_be_compressed() -> None:
    """`gzip` concerns answers in one piece too."""
    answer = sse.packed_json({"a": 1}, Manner(gzip=True), {"x-request-id": "r"})
    assert gzip.decompress(bytes(answer.body)) == b'{"a":1}'
    assert (answer.headers["content-encoding"], answer.headers["x-request-id"]) == ("gzip", "r")
    assert bytes(sse.packed_json([1], Manner(), {}).body) == b"[1]"
