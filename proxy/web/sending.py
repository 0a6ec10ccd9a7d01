"""Writes answers to callers: whole ones, and streams that end at once when either side leaves."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from enum import Enum, auto

import anyio
from starlette.types import Receive, Send

from proxy.errors import ArkbridgeError
from proxy.gateway.call import Answer

Pairs = Iterable[tuple[str, str]]

UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no header may carry: a server refuses to send it, and a line break would begin another header."""


class End(Enum):
    """How an answer ended: written whole, the caller left, or its source broke off."""

    WHOLE = auto()
    GONE = auto()
    BROKEN = auto()


async def send_answer(answer: Answer, extra: Pairs, receive: Receive, send: Send, *, head: bool) -> End:
    """Write an answer; `head` leaves out its body, not what is said of it."""
    headers = [("content-type", answer.content_type), *answer.headers, *extra]
    if answer.chunks is None:
        await send_whole(send, answer.status, headers, b"" if head else answer.body, len(answer.body))
        return End.WHOLE
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded(headers)})
    return await _stream(answer.chunks, receive, send)


async def send_whole(send: Send, status: int, headers: Pairs, body: bytes, size: int) -> None:
    """Write a body that is all there; `size` is its length unless the headers say one."""
    await send({"type": "http.response.start", "status": status, "headers": encoded(with_length(headers, size))})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def with_length(headers: Pairs, size: int) -> list[tuple[str, str]]:
    """The headers with a length."""
    pairs = list(headers)
    return pairs if any(name == "content-length" for name, _ in pairs) else [*pairs, ("content-length", str(size))]


async def _stream(chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> End:
    """Pass chunks on until they end or the caller leaves; either way the source is closed at once.

    When the source breaks off, the answer is left unfinished, so that the server closes the connection and nobody takes a part for the whole.
    """
    end = End.GONE
    async with anyio.create_task_group() as group:
        group.start_soon(_until_gone, receive, group.cancel_scope)
        try:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            end = End.WHOLE
        except ArkbridgeError:
            end = End.BROKEN
        finally:
            with anyio.CancelScope(shield=True):
                await aclosing(chunks).__aexit__(None, None, None)  # type: ignore[type-var]  # generators, by construction
        group.cancel_scope.cancel()
    return end


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def encoded(headers: Pairs) -> list[tuple[bytes, bytes]]:
    """As bytes; what latin-1 or a header cannot say is replaced."""
    return [
        (name.encode("latin-1"), UNPRINTABLE.sub(" ", value).encode("latin-1", "replace")) for name, value in headers
    ]


def merged(headers: Mapping[str, str], further: Pairs) -> list[tuple[str, str]]:
    """Headers and further ones; of those that both have, the first stand."""
    return [*headers.items(), *(pair for pair in further if pair[0] not in headers)]
