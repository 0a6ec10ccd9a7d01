"""Bodies that are made while they are sent: of any size, at the upstream's pace, and never whole where something went wrong."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from proxy.errors import NotSent, OutcomeUnknown
from proxy.model import Dialect, Upstream
from proxy.translate.wire import WireRequest
from proxy.upstream.client import Client, Timeouts, pinned_transport, stock_transport
from tests.support.raw import NOBODY, End, Line, Request, always, descriptors_fall_to, ok, open_descriptors, raw
from tests.support.sink import sink

UPLOAD = WireRequest(method="POST", path="/files", headers={"content-type": "multipart/form-data; boundary=b"})


class OursError(Exception):
    """What went wrong while a body was made."""


@pytest.fixture(params=[False, True], ids=["kept", "fresh"])
def fresh(request: pytest.FixtureRequest) -> bool:
    """Whether the call has a connection of its own."""
    return bool(request.param)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client with the transports of the gateway."""
    made = Client(stock_transport(NOBODY), pinned_transport(NOBODY), Timeouts(connect=5, send=5, read=5))
    yield made
    await made.close()


def upstream(base_url: str) -> Upstream:
    """An upstream without a key."""
    return Upstream(name="up", dialect=Dialect.ARK, base_url=base_url)


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body."""
    for chunk in chunks:
        yield chunk


async def test_a_body_in_pieces(client: Client, *, fresh: bool) -> None:
    """The pieces arrive as one body in chunks, with the request's own headers; empty ones do not end it."""
    seen: list[Request] = []
    async with raw(always(ok(), seen)) as server:
        for _ in range(2):
            content = pieces(b"a", b"", b"bc")
            answer = await client.send(upstream(server.url), UPLOAD, fresh=fresh, content=content)
            assert (answer.status, answer.body) == (200, b"{}")
    assert [request.body for request in seen] == [b"abc", b"abc"]
    assert seen[0].headers["transfer-encoding"] == "chunked"
    assert "content-length" not in seen[0].headers
    assert seen[0].headers["content-type"] == UPLOAD.headers["content-type"]


async def test_what_a_body_raises(client: Client, *, fresh: bool) -> None:
    """What goes wrong while a body is made comes out as it is, and the upstream's connection ends in the middle of the request."""
    before = open_descriptors()
    async with sink() as server:

        async def broken() -> AsyncIterator[bytes]:
            yield b"a"
            await server.begun.wait()
            raise OursError

        with pytest.raises(OursError):
            await client.send(upstream(server.url), UPLOAD, fresh=fresh, content=broken())
        async with asyncio.timeout(1):
            await server.closed.wait()
        assert not server.whole
    await descriptors_fall_to(before)


async def test_an_early_answer(client: Client) -> None:
    """An upstream that answers before it has everything is heard."""

    async def early(line: Line) -> None:
        await line.head()
        await line.say(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        await line.end(End.HANG)

    async with raw(early) as server:
        answer = await client.send(upstream(server.url), UPLOAD, content=pieces(*[bytes(65536)] * 200))
    assert (answer.status, answer.body) == (413, b"{}")


async def test_nobody_listens(client: Client) -> None:
    """Where no connection can be made, nothing of the body is asked for."""
    asked = []

    async def body() -> AsyncIterator[bytes]:
        asked.append(1)
        yield b"a"

    async with sink() as server:
        pass
    with pytest.raises(NotSent):
        await client.send(upstream(server.url), UPLOAD, content=body())
    assert asked == []


async def test_an_upstream_that_leaves(client: Client) -> None:
    """An upstream that is lost in the middle leaves the outcome open."""
    async with sink() as server:

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await server.begun.wait()
            await server.stop()
            for _ in range(1000):
                yield bytes(65536)

        with pytest.raises(OutcomeUnknown):
            await client.send(upstream(server.url), UPLOAD, content=body())
