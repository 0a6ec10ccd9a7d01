"""Every way an upstream can fail: whether anything was sent is told rightly, no descriptor stays open, no key gets out, memory is bounded."""

import asyncio
import gzip
import socket
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from proxy.errors import NotSent, OutcomeUnknown, TransportError
from proxy.guard import Destination
from proxy.model import Dialect, Secret, Upstream
from proxy.translate.wire import Part, WireRequest
from proxy.upstream.client import ANSWER_LIMIT, Client, Timeouts, pinned_transport, stock_transport
from tests.support.raw import (
    NOBODY,
    End,
    Line,
    Raw,
    Request,
    Script,
    after_request,
    always,
    descriptors_fall_to,
    ok,
    open_descriptors,
    raw,
)

KEY = "canary-3f7a91"
PATIENT = Timeouts(connect=10, send=10, read=10)
HASTY = Timeouts(connect=0.2, send=0.2, read=0.05)
CREATE = WireRequest(method="POST", path="/tasks", body=b'{"model":"m"}')
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def client(timeouts: Timeouts = PATIENT) -> AsyncIterator[Client]:
    """A client with the transports of the gateway."""
    made = Client(stock_transport(NOBODY), pinned_transport(NOBODY), timeouts)
    yield made
    await made.close()


def upstream(url: str, key: str = KEY) -> Upstream:
    """An upstream whose key is the canary."""
    return Upstream(name="up", dialect=Dialect.ARK, base_url=url, api_keys=(Secret(key),))


async def failed(made: Client, target: Upstream, request: WireRequest = CREATE) -> TransportError:
    """The error of a create that must fail; neither it nor its causes nor any repr shows the key."""
    with pytest.raises(TransportError) as raised:
        await made.send(target, request)
    error = raised.value
    told = "".join(traceback.format_exception(error)) + repr((error, error.__cause__, made, target, request))
    assert target.api_keys[0].reveal() not in told
    assert error.upstream == "up"
    return error


@contextmanager
def a_port_that_refuses() -> Iterator[int]:
    """A port that nobody listens on while the block lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# -- nothing was sent


async def test_a_refused_connection_was_not_sent() -> None:
    """Nobody listens: a repeat is harmless."""
    before = open_descriptors()
    with a_port_that_refuses() as port:
        async with client() as made:
            assert isinstance(await failed(made, upstream(f"http://127.0.0.1:{port}")), NotSent)
    await descriptors_fall_to(before)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1", "127.0.0.1:1", "", "http://nobody.invalid", "http://[::1"])
async def test_an_upstream_that_cannot_be_addressed_was_not_sent(url: str) -> None:
    """Another scheme, no scheme, or a name that leads nowhere: nothing left this machine."""
    async with client() as made:
        assert isinstance(await failed(made, upstream(url)), NotSent)


SPOKEN = (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x00\x02\x02\x28")


@pytest.mark.parametrize("said", SPOKEN)
async def test_a_failed_handshake_was_not_sent(said: bytes) -> None:
    """A port that does not speak TLS (nothing, plain HTTP, an alert) never sees the request."""
    before = open_descriptors()

    async def script(line: Line) -> None:
        await line.say(said)
        await line.end(End.CLOSE)

    async with raw(script) as server, client() as made:
        held = open_descriptors()
        assert isinstance(await failed(made, upstream(server.url.replace("http", "https"))), NotSent)
        await descriptors_fall_to(held)
    await descriptors_fall_to(before)


async def test_a_handshake_that_does_not_end_was_not_sent() -> None:
    """A port that accepts and then says nothing to TLS runs into the limit of connecting."""

    async def script(line: Line) -> None:
        await line.end(End.HANG)

    before = open_descriptors()
    async with raw(script) as server, client(HASTY) as made:
        error = await failed(made, upstream(server.url.replace("http", "https")))
        assert isinstance(error, NotSent)
        assert "did not accept the connection in time" in error.reason
    await descriptors_fall_to(before)


@pytest.mark.parametrize("key", [f"{KEY}\r\nx: y", f"{KEY}\n", f"{KEY}\x00"])
async def test_a_key_that_no_header_can_carry_is_not_shown(key: str) -> None:
    """The transport's own message quotes the header; ours does not, and nothing was sent."""
    async with raw(always(ok())) as server, client() as made:
        error = await failed(made, upstream(server.url, key))
    assert isinstance(error, NotSent)
    assert KEY not in "".join(traceback.format_exception(error))


# -- bytes were sent, and no complete answer came

BROKEN: dict[str, tuple[bytes | End, ...]] = {
    "closes before answering": (),
    "resets before answering": (End.RESET,),
    "closes in the status line": (b"HTTP/1.1 20",),
    "resets in the status line": (b"HTTP/1.1 20", End.RESET),
    "closes in the headers": (HEAD + b"content-length: 2\r\nx-a: b",),
    "resets in the headers": (HEAD + b"content-length: 2\r\nx-a: b", End.RESET),
    "closes in the body": (HEAD + b"content-length: 10\r\n\r\n{}",),
    "resets in the body": (HEAD + b"content-length: 10\r\n\r\n{}", End.RESET),
    "resets in a body without a length": (HEAD + b"\r\n{}", End.RESET),
    "closes in a chunk": (CHUNKED + b"5\r\n{}",),
    "closes between chunks": (CHUNKED + b"2\r\n{}\r\n",),
    "closes before the last chunk's end": (CHUNKED + b"2\r\n{}\r\n0\r\n",),
    "a chunk size that is none": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",),
    "a negative chunk size": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",),
    "a chunk longer than it says": (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",),
    "no HTTP at all": (b"220 mail.example ESMTP\r\n",),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28",),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18),),
    "a version that is none": (b"HTTP/x 200 OK\r\n\r\n",),
    "a status that is none": (b"HTTP/1.1 abc OK\r\n\r\n",),
    "a length that is none": (HEAD + b"content-length: two\r\n\r\n{}",),
    "a negative length": (HEAD + b"content-length: -2\r\n\r\n{}",),
    "two lengths": (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",),
    "a header without a colon": (HEAD + b"nonsense\r\n\r\n",),
    "a null byte in a header": (HEAD + b"x-a: \x00\r\ncontent-length: 0\r\n\r\n",),
    "headers without end": (HEAD, *[b"x-a: " + b"b" * 10_000 + b"\r\n"] * 200),
    "a status line without end": (b"HTTP/1.1 200 " + b"O" * 2_000_000,),
    "gzip that is none": (ok(b"not compressed", b"content-encoding: gzip"),),
    "gzip with a wrong checksum": (ok(gzip.compress(bytes(99))[:-8] + bytes(8), b"content-encoding: gzip"),),
    "deflate that is none": (ok(b"\xff\xfe\xfd", b"content-encoding: deflate"),),
    "more codings than anyone needs": (ok(b"x", b"content-encoding: " + b"gzip, " * 9 + b"gzip"),),
    "only interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3,),
}


@pytest.mark.parametrize("steps", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_leaves_the_outcome_unknown(steps: tuple[bytes | End, ...]) -> None:
    """Once the request is out, anything but a complete answer is `OutcomeUnknown` and no timeout; it was sent once; nothing stays open."""
    before = open_descriptors()
    sent: list[Request] = []
    misbehave = after_request(*steps)

    async def script(line: Line) -> None:
        sent.append(Request(b"", {}, b""))
        await misbehave(line)

    async with raw(script) as server, client() as made:
        held = open_descriptors()
        error = await failed(made, upstream(server.url))
        assert isinstance(error, OutcomeUnknown)
        assert not error.timed_out
        await descriptors_fall_to(held)
        assert len(sent) == 1
    await descriptors_fall_to(before)


SILENT: dict[str, tuple[bytes | End, ...]] = {
    "before answering": (End.HANG,),
    "in the status line": (b"HTTP/1.1 20", End.HANG),
    "in the headers": (HEAD + b"content-length: 2\r\nx-a: b", End.HANG),
    "in the body": (HEAD + b"content-length: 10\r\n\r\n{}", End.HANG),
    "in a body without a length": (HEAD + b"\r\n{}", End.HANG),
    "in a chunk": (CHUNKED + b"5\r\n{}", End.HANG),
    "after an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", End.HANG),
}


@pytest.mark.parametrize("steps", SILENT.values(), ids=SILENT)
async def test_silence_is_a_timeout_with_an_unknown_outcome(steps: tuple[bytes | End, ...]) -> None:
    """An upstream that falls silent after the request runs into the limit of reading: unknown, timed out, nothing stays open."""
    before = open_descriptors()
    async with raw(after_request(*steps)) as server, client(HASTY) as made:
        held = open_descriptors()
        error = await failed(made, upstream(server.url))
        assert isinstance(error, OutcomeUnknown)
        assert error.timed_out
        assert error.reason == "it did not answer in time"
        await descriptors_fall_to(held)
    await descriptors_fall_to(before)


UPLOADS = (
    WireRequest(method="POST", path="/videos", body=bytes(32 << 20)),
    WireRequest(method="POST", path="/videos", parts=(Part("file", bytes(32 << 20), "a.mp4", "video/mp4"),)),
)


@pytest.mark.parametrize("request_", UPLOADS, ids=["body", "parts"])
async def test_an_upload_that_is_not_taken_is_a_timeout_with_an_unknown_outcome(request_: WireRequest) -> None:
    """An upstream that stops reading runs into the limit of sending: part of the request is out, so the outcome is unknown."""

    async def script(line: Line) -> None:
        await line.head()
        await asyncio.get_running_loop().create_future()

    before = open_descriptors()
    async with raw(script) as server, client(HASTY) as made:
        error = await failed(made, upstream(server.url), request_)
        assert isinstance(error, OutcomeUnknown)
        assert error.timed_out
        assert error.reason == "it did not take the request in time"
    await descriptors_fall_to(before)


@pytest.mark.parametrize("how", [End.CLOSE, End.RESET])
async def test_an_upload_that_is_cut_off_leaves_the_outcome_unknown(how: End) -> None:
    """An upstream that hangs up while we still send may have understood enough to buy."""

    async def script(line: Line) -> None:
        await line.head()
        await line.end(how)

    before = open_descriptors()
    async with raw(script) as server, client() as made:
        error = await failed(made, upstream(server.url), UPLOADS[0])
        assert isinstance(error, OutcomeUnknown)
        assert not error.timed_out
    await descriptors_fall_to(before)


async def test_a_stream_that_breaks_raises_where_it_is_read() -> None:
    """An opened answer gives what came, then the error; leaving the block afterwards leaves nothing open."""
    before = open_descriptors()
    async with raw(after_request(CHUNKED + b"5\r\nfirst\r\n", End.RESET)) as server, client() as made:
        pieces: list[bytes] = []

        async def read() -> None:
            async with made.open(upstream(server.url), CREATE) as stream:
                async for chunk in stream.chunks:
                    pieces.append(chunk)

        with pytest.raises(OutcomeUnknown):
            await read()
        assert pieces in ([b"first"], [])  # a reset may overtake what was said before it
    await descriptors_fall_to(before)


async def test_an_error_of_the_reader_closes_the_stream() -> None:
    """What goes wrong with whoever reads a stream passes through and closes the connection."""
    before = open_descriptors()
    async with raw(after_request(CHUNKED + b"5\r\nfirst\r\n", End.HANG)) as server, client() as made:
        held = open_descriptors()

        async def stumble() -> None:
            async with made.open(upstream(server.url), CREATE) as stream:
                async for _ in stream.chunks:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await stumble()
        await descriptors_fall_to(held)
    await descriptors_fall_to(before)


# -- the key


async def test_the_key_goes_only_into_the_authorization_header_of_its_upstream() -> None:
    """It is in no other header, no body and no address; a fetch, though to the same host, does not carry it."""
    seen: list[Request] = []
    async with raw(always(ok(), seen)) as server, client() as made:
        await made.send(upstream(server.url), CREATE)
        async with made.open(upstream(server.url), CREATE) as stream:
            assert KEY not in repr(stream)
        where = Destination("http", "127.0.0.1", server.port, "127.0.0.1", "/tasks")
        async with made.fetch("up", where, {}) as stream:
            assert KEY not in repr(stream)
    for request in seen[:2]:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert (request.head + request.body).count(KEY.encode()) == 1
    assert KEY.encode() not in seen[2].head + seen[2].body
    assert "authorization" not in seen[2].headers


@pytest.mark.parametrize("steps", [(), (End.RESET,), (b"HTTP/1.1 20",), (b"no HTTP at all\r\n\r\n",)])
async def test_a_fetch_fails_by_the_same_rules(steps: tuple[bytes | End, ...]) -> None:
    """A guarded address that misbehaves is `OutcomeUnknown` in the name of the upstream; one that refuses is `NotSent`."""
    before = open_descriptors()
    async with raw(after_request(*steps)) as server, client() as made:
        with pytest.raises(OutcomeUnknown, match="upstream up: "):
            async with made.fetch("up", Destination("http", "m.example", server.port, "127.0.0.1", "/"), {}):
                pass
    with a_port_that_refuses() as port:
        async with client() as made:
            with pytest.raises(NotSent, match="upstream up: "):
                async with made.fetch("up", Destination("http", "m.example", port, "127.0.0.1", "/"), {}):
                    pass
    await descriptors_fall_to(before)


@pytest.mark.parametrize(
    ("address", "target"), [("fe80::1%lo", "/"), ("127.0.0.1", "/\ud800"), ("127.0.0.1", "/" + 70_000 * "a")]
)
async def test_a_destination_that_cannot_be_written_was_not_sent(address: str, target: str) -> None:
    """An address with a zone or a target that HTTP has no form for is `NotSent`, not a bug."""
    async with client(HASTY) as made:
        with pytest.raises(NotSent):
            async with made.fetch("up", Destination("http", "m.example", 1, address, target), {}):
                pass


# -- size


def squeezed(megabytes: int, times: int = 1) -> bytes:
    """So many megabytes of noughts, compressed."""
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    body = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(megabytes)) + deflate.flush()
    for _ in range(times - 1):
        body = gzip.compress(body)
    return body


MEGABYTES = (bytes(1 << 20),) * (ANSWER_LIMIT >> 20) + (b"1",)
TOO_LARGE = {
    "plain": (HEAD + b"content-length: %d\r\n\r\n" % (ANSWER_LIMIT + 1), *MEGABYTES),
    "without a length": (HEAD + b"\r\n", *MEGABYTES),
    "gzip": (ok(squeezed(400), b"content-encoding: gzip"),),
    "gzip twice": (ok(squeezed(400, 2), b"content-encoding: gzip, gzip"),),
}


async def largest(made: Client, server: Raw) -> tuple[TransportError, int]:
    """The error of an answer that is too large, and the most memory that reading it took, in bytes."""
    tracemalloc.start()
    try:
        error = await failed(made, upstream(server.url))
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("steps", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_an_answer_that_is_too_large_is_given_up_in_bounded_memory(steps: tuple[bytes, ...]) -> None:
    """However it is packed, an answer beyond the limit ends as unknown, and never more than the limit and a bit is held."""
    before = open_descriptors()
    async with raw(after_request(*steps)) as server, client() as made:
        error, peak = await largest(made, server)
        assert isinstance(error, OutcomeUnknown)
        assert str(ANSWER_LIMIT) in error.reason
        assert peak < ANSWER_LIMIT * 1.3
    await descriptors_fall_to(before)


async def test_a_stream_is_decoded_in_small_pieces() -> None:
    """A small answer that unpacks to a hundred megabytes is handed on a megabyte at a time, as fast as it is taken."""
    script: Script = after_request(ok(squeezed(100), b"content-encoding: gzip"))
    async with raw(script) as server, client() as made, made.open(upstream(server.url), CREATE) as stream:
        sizes = [len(chunk) async for chunk in stream.chunks]
    assert sum(sizes) == 100 << 20
    assert max(sizes) <= 1 << 20
