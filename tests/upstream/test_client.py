"""The client towards upstreams on real sockets: what it sends, what it gives back, when it uses a connection again."""

import asyncio
import email.policy
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.parser import BytesParser

import httpx2 as httpx
import pytest

from proxy.errors import NotSent
from proxy.guard import Destination
from proxy.model import Dialect, Secret, Upstream
from proxy.translate.wire import Part, WireRequest, WireResponse
from proxy.upstream.client import BRIEF, Client, Timeouts, pinned_transport, stock_transport
from tests.support.raw import (
    NOBODY,
    End,
    Line,
    Raw,
    Request,
    after_request,
    always,
    descriptors_fall_to,
    ok,
    open_descriptors,
    raw,
)

PATIENT = Timeouts(connect=10, send=10, read=10)
GET = WireRequest(method="GET", path="/tasks/1")
CREATE = WireRequest(method="POST", path="/tasks", headers={"content-type": "application/json"}, body=b'{"model":"m"}')


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client with the transports of the gateway."""
    made = Client(stock_transport(NOBODY), pinned_transport(NOBODY), PATIENT)
    yield made
    await made.close()


def upstream(base_url: str, *keys: str) -> Upstream:
    """An upstream with these keys."""
    return Upstream(name="up", dialect=Dialect.ARK, base_url=base_url, api_keys=tuple(Secret(key) for key in keys))


def destination(server: Raw, host: str = "media.example", target: str = "/v.mp4?sig=1") -> Destination:
    """A guarded URL whose name no resolver knows, pinned to the server."""
    return Destination("http", host, server.port, "127.0.0.1", target)


# -- what is sent


async def test_a_request_goes_out_as_it_was_made(client: Client) -> None:
    """Method, path, query, headers and body arrive below the base URL, with the key as bearer and nothing of our own besides."""
    seen: list[Request] = []
    request = WireRequest(
        method="POST",
        path="/tasks",
        query=(("a", "1"), ("a", "x y/ü")),
        headers={"content-type": "application/json", "x-tag": "ü"},
        body=b'{"model":"m"}',
    )
    async with raw(always(ok(), seen)) as server:
        await client.send(upstream(f"{server.url}/api/v3", "key-1"), request)
    assert seen[0].line == "POST /api/v3/tasks?a=1&a=x+y%2F%C3%BC HTTP/1.1"
    assert seen[0].body == b'{"model":"m"}'
    assert seen[0].headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "authorization": "Bearer key-1",
        "content-type": "application/json",
        "content-length": "13",
        "x-tag": "ü",
    }


async def test_several_keys_take_turns(client: Client) -> None:
    """An account's keys are used one after the other; an upstream without keys gets no Authorization at all."""
    seen: list[Request] = []
    async with raw(always(ok(), seen)) as server:
        for _ in range(4):
            await client.send(upstream(server.url, "one", "two"), GET)
        await client.send(upstream(server.url), GET)
    keys = [request.headers.get("authorization") for request in seen]
    assert keys[:4] in (["Bearer one", "Bearer two"] * 2, ["Bearer two", "Bearer one"] * 2)
    assert keys[4] is None


PARTS = (
    Part("prompt", "a cat, 猫".encode()),
    Part("input_reference", bytes(range(256)) * 300, 'odd "name"\r\nx: y.png', "image/png"),
    Part("plain", b"\r\n--boundary\r\n", "plain.bin"),
    Part("empty", b""),
)


async def test_parts_go_out_as_a_form(client: Client) -> None:
    """Texts and files arrive as multipart, byte for byte, with a length, and no name can add a header."""
    seen: list[Request] = []
    async with raw(always(ok(), seen)) as server:
        await client.send(upstream(server.url), WireRequest(method="POST", path="/videos", parts=PARTS))
    kind = seen[0].headers["content-type"]
    assert kind.startswith("multipart/form-data; boundary=")
    assert int(seen[0].headers["content-length"]) == len(seen[0].body)
    form = BytesParser(policy=email.policy.HTTP).parsebytes(
        b"content-type: " + kind.encode() + b"\r\n\r\n" + seen[0].body
    )
    arrived = list(form.iter_parts())
    assert [part.get_param("name", header="content-disposition") for part in arrived] == [part.name for part in PARTS]
    assert [part.get_payload(decode=True) for part in arrived] == [part.data for part in PARTS]
    assert [part["content-type"] for part in arrived] == [None, "image/png", "application/octet-stream", None]
    assert not any(part["x"] for part in arrived)


async def test_an_early_answer_to_a_large_upload_is_heard(client: Client) -> None:
    """An upstream that answers 413 while we still send is understood, and its connection is not used again."""

    async def script(line: Line) -> None:
        await line.head()
        await line.say(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
        await line.end(End.HANG)

    request = WireRequest(method="POST", path="/videos", body=bytes(8 << 20))
    async with raw(script) as server:
        first = await client.send(upstream(server.url), request)
        second = await client.send(upstream(server.url), request)
        assert (first.status, first.body, second.status) == (413, b"no", 413)
        assert server.accepted == 2


# -- what comes back

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
ANSWERS: dict[str, tuple[bytes, int, bytes, dict[str, str]]] = {
    "length": (ok(b'{"a":1}', b"X-Request-Id: r1"), 200, b'{"a":1}', {"content-length": "7", "x-request-id": "r1"}),
    "204": (b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n", 204, b"", {"x-a": "1"}),
    "304": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n", 304, b"", {"content-length": "100"}),
    "no reason": (b"HTTP/1.1 500 \r\ncontent-length: 1\r\n\r\nx", 500, b"x", {"content-length": "1"}),
    "header twice": (ok(b"", b"x-a: 1", b"x-a: 2"), 200, b"", {"content-length": "0", "x-a": "1, 2"}),
    "latin-1": (ok(b"", b"x-a: caf\xe9"), 200, b"", {"content-length": "0", "x-a": "café"}),
    "chunked": (CHUNKED + b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nt: 1\r\n\r\n", 200, b"abcd", {"transfer-encoding": "chunked"}),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", {}),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end", {}),
    "interim": (INTERIM + ok(b"x"), 200, b"x", {"content-length": "1"}),
    "gzip": (ok(gzip.compress(b"{}" * 9, mtime=0), b"content-encoding: gzip"), 200, b"{}" * 9, {}),
    "deflate": (ok(zlib.compress(b"{}" * 9), b"content-encoding: deflate"), 200, b"{}" * 9, {}),
    "bare deflate": (ok(zlib.compress(b"{}" * 9)[2:-4], b"content-encoding: deflate"), 200, b"{}" * 9, {}),
    "gzip of nothing": (b"HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n", 204, b"", {}),
}  # fmt: skip


@pytest.mark.parametrize(("said", "status", "body", "headers"), ANSWERS.values(), ids=ANSWERS)
async def test_a_complete_answer_is_given_back(
    client: Client, said: bytes, status: int, body: bytes, headers: dict[str, str]
) -> None:
    """Every form of a complete HTTP/1 answer is read: decoded body, header names in lower case, no lengths that no longer hold."""
    async with raw(after_request(said)) as server:
        response = await client.send(upstream(server.url), GET)
    assert response == WireResponse(status=status, headers=headers, body=body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(client: Client, status: int) -> None:
    """A redirect is an answer like any other: nobody else is called, so nobody else sees the key or the guarded request."""
    elsewhere: list[Request] = []
    async with raw(always(ok(), elsewhere)) as other:
        head = f"HTTP/1.1 {status} Moved\r\nlocation: {other.url}/x\r\ncontent-length: 0\r\n\r\n"
        async with raw(always(head.encode())) as server:
            sent = await client.send(upstream(server.url, "key-1"), CREATE)
            async with client.fetch("up", destination(server), {}) as fetched:
                assert fetched.status == status
        assert (sent.status, sent.headers["location"]) == (status, f"{other.url}/x")
        assert (other.accepted, elsewhere) == (0, [])


async def test_a_stream_comes_piece_by_piece(client: Client) -> None:
    """Chunks are handed on as they arrive, not when the answer is over."""
    heard = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await heard.wait()
        await line.say(b"6\r\nsecond\r\n0\r\n\r\n")

    pieces: list[bytes] = []
    async with raw(script) as server, client.open(upstream(server.url), GET) as stream:
        assert stream.status == 200
        async for chunk in stream.chunks:
            pieces.append(chunk)
            heard.set()
    assert pieces == [b"first", b"second"]


async def test_answers_do_not_get_mixed_up(client: Client) -> None:
    """A hundred calls at once each get their own answer."""

    async def script(line: Line) -> None:
        while True:
            request = await line.request()
            await line.say(ok(request.line.split()[1].encode()))

    async with raw(script) as server, asyncio.TaskGroup() as group:
        target = upstream(server.url)
        calls = [
            group.create_task(client.send(target, WireRequest(method="GET", path=f"/{number}")))
            for number in range(100)
        ]
        bodies = [(await call).body for call in calls]
    assert bodies == [f"/{number}".encode() for number in range(100)]


# -- fetching guarded addresses


async def test_a_fetch_goes_to_the_pinned_address_under_its_name(client: Client) -> None:
    """The address is connected to, the name is the Host, the query stays as it is, and no credential goes along."""
    seen: list[Request] = []
    headers = {"accept": "*/*", "range": "bytes=0-1"}
    async with raw(always(ok(b"ab", b"content-range: bytes 0-1/9"), seen)) as server:
        await client.send(upstream(server.url, "key-1"), GET)
        async with client.fetch("up", destination(server), headers) as stream:
            assert [chunk async for chunk in stream.chunks] == [b"ab"]
            assert stream.headers["content-range"] == "bytes 0-1/9"
    assert seen[1].line == "GET /v.mp4?sig=1 HTTP/1.1"
    assert seen[1].headers == {"host": f"media.example:{server.port}", **headers}


async def test_fetches_share_no_connection(client: Client) -> None:
    """Two names at one address may have two certificates, so every fetch has a connection of its own and leaves none behind."""
    before = open_descriptors()
    async with raw(always(ok())) as server:
        held = open_descriptors()
        for host in ("a.example", "a.example", "b.example"):
            async with client.fetch("up", destination(server, host), {}) as stream:
                assert [chunk async for chunk in stream.chunks] == [b"{}"]
        assert server.accepted == 3
        await descriptors_fall_to(held)
    await descriptors_fall_to(before)


async def test_a_head_has_no_body_to_wait_for(client: Client) -> None:
    """HEAD gives the headers of a body that does not come."""
    async with (
        raw(always(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n")) as server,
        client.fetch("up", destination(server), {}, "HEAD") as stream,
    ):
        assert (stream.status, stream.headers["content-length"]) == (200, "999")
        assert [chunk async for chunk in stream.chunks] == []


# -- what cannot be sent

UNSENDABLE: tuple[WireRequest, ...] = (
    WireRequest(method="GET", path="/a\x01b"),
    WireRequest(method="GET", path="/\ud800"),
    WireRequest(method="GET", path="/" + "a" * 70_000),
    WireRequest(method="GET", path="/", query=(("a", "\ud800"),)),
    WireRequest(method="GET", path="/", headers={"x-a": "1\r\nx-b: 2"}),
    WireRequest(method="GET", path="/", headers={"x-a": "密"}),
    WireRequest(method="GET", path="/", headers={"x a": "1"}),
    WireRequest(method="G T", path="/"),
)


@pytest.mark.parametrize("request_", UNSENDABLE)
async def test_what_cannot_be_written_was_not_sent(client: Client, request_: WireRequest) -> None:
    """An address or a header that HTTP has no form for is `NotSent`, and nothing reaches the upstream."""
    seen: list[Request] = []
    async with raw(always(ok(), seen)) as server:
        with pytest.raises(NotSent):
            await client.send(upstream(server.url, "key-1"), request_)
    assert seen == []


class Seam(httpx.AsyncBaseTransport):
    """The seam itself: notes the time limits that a transport is given."""

    def __init__(self) -> None:
        self.limits: list[object] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer at once."""
        self.limits.append(request.extensions["timeout"])
        return httpx.Response(200, content=b"{}")


@asynccontextmanager
async def seam() -> AsyncIterator[tuple[Client, Seam, Seam]]:
    """A client on two seams."""
    usual, pinned = Seam(), Seam()
    made = Client(usual, pinned, PATIENT)
    yield made, usual, pinned
    await made.close()


async def test_every_call_has_its_time_limits() -> None:
    """Sends have the configured limits, looks at tasks the brief ones, fetches the configured ones on the pinned transport."""
    async with seam() as (client, usual, pinned):
        await client.send(upstream("http://up.example"), GET)
        await client.send(upstream("http://up.example"), GET, brief=True)
        async with client.fetch("up", Destination("http", "m.example", 80, "127.0.0.1", "/"), {}):
            pass
    assert usual.limits == [PATIENT.extension(), BRIEF.extension()]
    assert pinned.limits == [PATIENT.extension()]
    assert BRIEF.read < Timeouts().read
