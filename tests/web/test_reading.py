"""Bodies are read up to a limit and never held beyond it; whoever leaves half-way is noticed; draining has an end."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from proxy.errors import Problem, Refusal
from proxy.web.reading import DRAIN_FACTOR, Disconnected, Message, drain, read_all, read_on
from tests.support.asgi import exchange, served

LIMIT = 10
GONE: Message = {"type": "http.disconnect"}


class Sent:
    """What a server hands out, one message after the other; `taken` counts them."""

    def __init__(self, *chunks: bytes, then: Message | None = None) -> None:
        last = len(chunks) - 1
        self._messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": number < last or then is not None}
            for number, chunk in enumerate(chunks)
        ]
        if then is not None:
            self._messages.append(then)
        self.taken = 0

    async def __call__(self) -> Message:
        """The next message; there must be one."""
        self.taken += 1
        return self._messages[self.taken - 1]


WHOLE: tuple[tuple[bytes, ...], ...] = (
    (b"",),
    (b"x",),
    (b"0123456789",),
    (b"01234", b"56789"),
    (b"", b"", b"0123456789", b""),
    tuple(bytes([digit]) for digit in b"0123456789"),
)


@pytest.mark.parametrize("chunks", WHOLE)
@pytest.mark.parametrize("announce", [True, False])
async def test_a_body_within_the_limit_is_read_whole(chunks: Sequence[bytes], *, announce: bool) -> None:
    """Up to the limit itself a body is read as it came, in however many pieces, and not a message further."""
    sent = Sent(*chunks)
    body = b"".join(chunks)
    headers = {"content-length": str(len(body))} if announce else {}
    assert await read_all(sent, headers, LIMIT) == body
    assert sent.taken == len(chunks)


async def test_a_message_without_a_body_is_an_empty_one() -> None:
    """ASGI leaves out what is empty."""

    async def bare() -> Message:
        return {"type": "http.request"}

    assert await read_all(bare, {}, LIMIT) == b""


def refused(problem: pytest.ExceptionInfo[Refusal]) -> str:
    """The message of a 413."""
    assert problem.value.problem is Problem.TOO_LARGE
    assert problem.value.status == 413
    return problem.value.message


async def test_an_announced_size_is_refused_before_anything_is_read() -> None:
    """One byte too many in the header is enough: nothing is received, and the message states limit, size and key."""
    sent = Sent(b"")
    with pytest.raises(Refusal) as problem:
        await read_all(sent, {"content-length": "11"}, LIMIT)
    message = refused(problem)
    assert "11 bytes" in message
    assert "limit here is 10 bytes" in message
    assert "server.max_body" in message
    assert sent.taken == 0


@pytest.mark.parametrize("digits", [19, 4300, 5000, 60_000])
async def test_an_absurd_size_is_too_large_and_nothing_worse(digits: int) -> None:
    """A size of thousands of digits, which Python does not convert, is a 413 like any other."""
    with pytest.raises(Refusal) as problem:
        await read_all(Sent(b""), {"content-length": digits * "9"}, LIMIT)
    assert len(refused(problem)) < 300


TOO_LARGE: tuple[tuple[tuple[bytes, ...], int], ...] = (
    ((b"0123456789a",), 1),
    ((b"01234", b"56789a"), 2),
    ((b"0123456789", b"a", b"never read"), 2),
    ((b"0123456789a", b"never read"), 1),
    ((b"0123456789", b"", b"a", b"never read"), 3),
)


@pytest.mark.parametrize("header", [None, "5", "-1", "x", "", "1e9", "１１", "0x10", "+11"])
@pytest.mark.parametrize(("chunks", "read"), TOO_LARGE)
async def test_an_actual_size_is_refused_as_soon_as_it_is_passed(
    chunks: Sequence[bytes], read: int, header: str | None
) -> None:
    """Whatever the header says or does not say, the body that passes the limit is refused at once; what follows is not read."""
    sent = Sent(*chunks)
    with pytest.raises(Refusal) as problem:
        await read_all(sent, {} if header is None else {"content-length": header}, LIMIT)
    assert "more than 10 bytes" in refused(problem)
    assert sent.taken == read


@pytest.mark.parametrize("chunks", [(), (b"012",), (b"012", b"34")])
async def test_a_caller_who_leaves_is_noticed(chunks: Sequence[bytes]) -> None:
    """A disconnect before the last piece raises, so that half a body is never taken for a whole one."""
    with pytest.raises(Disconnected):
        await read_all(Sent(*chunks, then=GONE), {"content-length": "9"}, LIMIT)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=8))
async def test_a_body_is_whole_or_refused(chunks: list[bytes]) -> None:
    """In whatever pieces, a body is read exactly or refused exactly when it is longer than the limit."""
    body = b"".join(chunks)
    if len(body) <= LIMIT:
        assert await read_all(Sent(*chunks), {}, LIMIT) == body
        return
    with pytest.raises(Refusal):
        await read_all(Sent(*chunks), {}, LIMIT)


# -- draining


async def test_draining_ends_with_the_body() -> None:
    """What is left is read to its end and not beyond."""
    sent = Sent(b"01", b"23", b"")
    await drain(sent, LIMIT)
    assert sent.taken == 3


async def test_draining_ends_when_the_caller_leaves() -> None:
    """A disconnect is the end, not an error."""
    sent = Sent(b"01", then=GONE)
    await drain(sent, LIMIT)
    assert sent.taken == 2


def endless(size: int, counted: list[int]) -> Iterator[Message]:
    """A caller who never stops sending."""
    while True:
        counted.append(size)
        yield {"type": "http.request", "body": bytes(size), "more_body": True}


@pytest.mark.parametrize("size", [0, 1, 3, 1000])
async def test_draining_is_bounded(size: int) -> None:
    """Nobody keeps us reading: at most twice the limit and one piece, and as many empty pieces as that has bytes."""
    counted: list[int] = []
    messages = endless(size, counted)

    async def receive() -> Message:
        return next(messages)

    await drain(receive, LIMIT)
    assert len(counted) <= LIMIT * DRAIN_FACTOR
    assert sum(counted) < LIMIT * DRAIN_FACTOR + max(size, 1)


async def test_draining_waits_for_nobody() -> None:
    """A caller who sends nothing more and does not leave is waited for no longer than said."""

    async def silent() -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("not reached")

    async with asyncio.timeout(10):
        await drain(silent, LIMIT, seconds=0.01)


# -- on a socket


@pytest.mark.parametrize("chunks", WHOLE)
async def test_a_body_is_read_on(chunks: Sequence[bytes]) -> None:
    """Whoever reads a body himself gets it chunk by chunk, and no message is taken before the one ahead is used up."""
    sent = Sent(*chunks)
    seen = []
    async for chunk in read_on(sent):
        seen.append(chunk)
        assert sent.taken == len(seen)
    assert seen == list(chunks)


async def test_a_body_that_breaks_off_while_it_is_read_on() -> None:
    """A caller that leaves in the middle is noticed where the next chunk should be."""
    reading = read_on(Sent(b"a", then=GONE))
    assert await anext(reading) == b"a"
    with pytest.raises(Disconnected):
        await anext(reading)


class App:
    """Reads a body and answers with its length, or with 413 and a drain."""

    def __init__(self, limit: int, seen: list[object]) -> None:
        self._limit = limit
        self._seen = seen
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        try:
            body = await read_all(receive, headers, self._limit)
            self._seen.append(len(body))
            await self._answer(send, 200)
        except Refusal as refusal:
            self._seen.append(refusal.status)
            await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
            await drain(receive, self._limit, seconds=0.2)
            await send({"type": "http.response.body", "body": b""})
        except Disconnected:
            self._seen.append("gone")
        finally:
            self.ended.set()

    async def _answer(self, send: Send, status: int) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def post(body: bytes, *headers: bytes) -> bytes:
    """A request that asks the server to close."""
    return b"\r\n".join([b"POST / HTTP/1.1", b"host: x", b"connection: close", *headers, b"", body])


async def test_a_real_upload_is_read_whole() -> None:
    """A megabyte in chunks arrives whole through the server's own buffers."""
    seen: list[object] = []
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    async with served(App(1 << 20, seen)) as port:
        answer = await exchange(port, post(16 * chunk + b"0\r\n\r\n", b"transfer-encoding: chunked"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert seen == [1 << 20]


async def test_a_real_upload_without_a_length_is_refused_by_its_size() -> None:
    """A chunked body beyond the limit gets its 413 though it never said how long it is, and the client can read that."""
    seen: list[object] = []
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    async with served(App(100_000, seen)) as port:
        answer = await exchange(port, post(3 * chunk + b"0\r\n\r\n", b"transfer-encoding: chunked"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert seen == [413]


async def test_a_client_that_waits_for_100_is_refused_without_sending() -> None:
    """An announced size is refused before `100 Continue`, so the client need not send it at all."""
    seen: list[object] = []
    async with served(App(1000, seen)) as port:
        answer = await exchange(port, post(b"", b"content-length: 100000", b"expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert seen == [413]


async def test_a_client_that_hangs_up_half_way_is_gone() -> None:
    """A connection that ends inside the body is a disconnect, not a short body."""
    seen: list[object] = []
    app = App(1000, seen)
    async with served(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"only a part", b"content-length: 500"))
        await writer.drain()
        writer.transport.abort()
        await app.ended.wait()
    assert seen == ["gone"]
