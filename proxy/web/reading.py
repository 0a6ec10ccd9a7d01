"""Reads request bodies within a limit: a body that is too large is refused by its announced or its actual size, never held whole."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress

from proxy.errors import Problem, Refusal

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]

DRAIN_FACTOR = 2
"""How many times the limit we read and throw away after a 413, so that a client that is still sending can read our answer."""


DRAIN_SECONDS = 5.0
"""How long at the most: a client may be waiting for us to close instead of sending."""

MOST_DIGITS = 18
"""Digits of an announced size that are looked at: more say nothing more, and Python refuses to convert thousands of them."""


class Disconnected(Exception):
    """The caller went away before the body was complete."""


def too_large(limit: int, announced: int) -> Refusal:
    """413, stating limit and size in bytes (contract.md §8)."""
    size = f"{announced} bytes" if announced else f"more than {limit} bytes"
    return Refusal(
        Problem.TOO_LARGE,
        f"The request body has {size}; the limit here is {limit} bytes (server.max_body). Send large media as a URL.",
    )


async def read_all(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body; raises `Refusal` 413 or `Disconnected`."""
    announced = _announced(headers)
    if announced > limit:
        raise too_large(limit, announced)
    first = await receive()
    body = _chunk(first)
    if not first.get("more_body"):
        if len(body) > limit:
            raise too_large(limit, 0)
        return body
    collected = bytearray(body)
    more = True
    while more:
        if len(collected) > limit:
            raise too_large(limit, 0)
        message = await receive()
        collected += _chunk(message)
        more = bool(message.get("more_body"))
    if len(collected) > limit:
        raise too_large(limit, 0)
    return bytes(collected)


async def read_on(receive: Receive) -> AsyncGenerator[bytes, None]:
    """The body chunk by chunk, of any size; the server takes no more from the caller than is read here. Raises `Disconnected`."""
    more = True
    while more:
        message = await receive()
        yield _chunk(message)
        more = bool(message.get("more_body"))


async def drain(receive: Receive, limit: int, seconds: float = DRAIN_SECONDS) -> None:
    """Read on and throw away, up to a bound in bytes and seconds, so that closing does not tear the answer from the client's hands."""
    left = limit * DRAIN_FACTOR
    with suppress(Disconnected, TimeoutError):
        async with asyncio.timeout(seconds):
            more = True
            while more and left > 0:
                message = await receive()
                left -= len(_chunk(message)) or 1
                more = bool(message.get("more_body"))


def _announced(headers: Mapping[str, str]) -> int:
    """The size that the caller says, in bytes; 0 if that is no plain number."""
    said = headers.get("content-length", "").strip()
    return int(said[:MOST_DIGITS]) if said.isascii() and said.isdigit() else 0


def _chunk(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise Disconnected
    body = message.get("body", b"")
    return body if isinstance(body, bytes) else b""
