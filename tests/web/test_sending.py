"""Answers on the wire: whole ones with their length, streams that break where their source breaks, headers that are headers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from proxy.errors import OutcomeUnknown
from proxy.gateway.call import Answer
from proxy.web.sending import End, encoded, merged, send_answer, with_length
from tests.support.asgi import exchange, served

GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")


class App:
    """Sends one answer and keeps how that ended."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.ends: asyncio.Queue[End] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await receive()
        head = scope["method"] == "HEAD"
        self.ends.put_nowait(await send_answer(self._answer, [("x-more", "1")], receive, send, head=head))


async def chunks(closed: list[str], *parts: bytes, broken: bool = False) -> AsyncIterator[bytes]:
    """A source that tells when it is closed."""
    try:
        for part in parts:
            yield part
        if broken:
            raise OutcomeUnknown("ark", "it broke off")
    finally:
        closed.append("closed")


async def test_a_whole_answer() -> None:
    """Status, type, length, its own headers and those of every call; HEAD says the same without the body."""
    app = App(Answer(status=201, body=b"hello", headers=[("x-own", "2")], content_type="text/plain"))
    async with served(app) as port:
        got = await exchange(port, GET)
        bare = await exchange(port, HEAD)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    for line in (b"content-type: text/plain", b"x-own: 2", b"x-more: 1", b"content-length: 5"):
        assert line in head
    assert body == b"hello"
    assert bare.partition(b"\r\n\r\n")[2] == b""
    assert b"content-length: 5" in bare
    assert app.ends.get_nowait() is End.WHOLE


async def test_a_stream() -> None:
    """Every chunk arrives, and the source is closed."""
    closed: list[str] = []
    app = App(Answer(chunks=chunks(closed, b"one", b"two")))
    async with served(app) as port:
        got = await exchange(port, GET)
        assert await app.ends.get() is End.WHOLE
    assert b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" in got
    assert closed == ["closed"]


@pytest.mark.filterwarnings("default")
async def test_a_stream_whose_source_breaks_off() -> None:
    """What had come arrives, the end does not: no client can take it for the whole."""
    closed: list[str] = []
    app = App(Answer(chunks=chunks(closed, b"one", broken=True)))
    async with served(app) as port:
        got = await exchange(port, GET)
        assert await app.ends.get() is End.BROKEN
    assert got.endswith(b"3\r\none\r\n")
    assert closed == ["closed"]


async def test_a_caller_who_leaves() -> None:
    """The source is closed as soon as the caller is gone, even while it waits for its next chunk."""
    closed: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append("closed")

    app = App(Answer(chunks=endless()))
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"one")
        writer.transport.abort()
        async with asyncio.timeout(5):
            assert await app.ends.get() is End.GONE
    assert closed == ["closed"]


@given(st.text())
def test_every_value_is_one_header(value: str) -> None:
    """Whatever a value holds, what is sent has no control character and no line break."""
    ((name, sent),) = encoded([("x-a", value)])
    assert name == b"x-a"
    assert not any(byte in sent for byte in {*range(9), *range(10, 32), 127})
    if value.isascii() and value.isprintable():
        assert sent == value.encode()


def test_lengths_and_merging() -> None:
    """A length that is said stands; of a header that both sides have the first stands; warnings repeat."""
    assert with_length([("a", "1")], 5) == [("a", "1"), ("content-length", "5")]
    assert with_length([("content-length", "9")], 5) == [("content-length", "9")]
    further = [("x-id", "2"), ("x-arkbridge-warning", "a"), ("x-arkbridge-warning", "b")]
    assert merged({"x-id": "1"}, further) == [("x-id", "1"), *further[1:]]
