"""The outermost layer: records every request and makes it go wrong where that was asked for.

It stands before the routes of every dialect, so a dialect knows nothing of broken connections or lost answers.
"""

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.simulator import faults
from proxy.simulator.core import Core
from proxy.simulator.faults import AFTER, BEFORE, Fault
from proxy.simulator.recorder import Recorded
from proxy.simulator.server import ABORT

CONTROL = "/_sim/"
# A dialect refuses what is longer; only so much is read ahead of it.
MOST_BODY = 64 * 1024 * 1024


class Front:
    """The ASGI application around a dialect's routes."""

    def __init__(self, app: ASGIApp, core: Core) -> None:
        self._app = app
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record, perhaps fail, else pass on."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        messages = await _read(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        record = Recorded(
            self._core.clock.now(),
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            body,
        )
        self._core.recorder.add(record)
        exchange = _Exchange(scope, _replay(messages, receive), send, record)
        await self._run(exchange, self._wanted(record))
        self._core.recorder.routes[f"{scope['method']} {_template(scope)}"] += 1

    def _wanted(self, record: Recorded) -> list[Fault]:
        planned = self._core.faults.take(record.method, record.path)
        types = [value for name, value in record.headers if name == "content-type"]
        asked = faults.in_body(record.body, types[0] if types else "")
        return ([planned] if planned else []) + asked

    async def _run(self, exchange: "_Exchange", wanted: list[Fault]) -> None:
        for fault in wanted:
            if fault.kind == "slow":
                exchange.delay += fault.seconds
            elif fault.kind == "words":
                exchange.scope[faults.WORDS] = fault.words
        before = next((fault for fault in wanted if fault.kind in BEFORE), None)
        after = next((fault for fault in wanted if fault.kind in AFTER), None)
        if before:
            await self._instead(exchange, before)
        elif after and after.kind == "break-mid":
            await exchange.half(self._app)
        elif after:
            body = await exchange.unsent(self._app)
            await self._afterwards(exchange, after, body)
        else:
            await self._app(exchange.scope, exchange.receive, exchange.send)

    async def _instead(self, exchange: "_Exchange", fault: Fault) -> None:
        """The request goes wrong before any work was done."""
        if fault.kind == "hang":
            await hang(exchange.receive)
        elif fault.kind == "break-before":
            await exchange.abort()
        elif fault.kind == "answer":
            await exchange.respond(faults.answer(fault))
        else:
            await exchange.respond(self._core.render_fault(fault.kind))

    async def _afterwards(self, exchange: "_Exchange", fault: Fault, body: bytes) -> None:
        """The work was done, and its answer goes wrong."""
        if fault.kind == "break":
            await exchange.abort()
        elif fault.kind == "no-id":
            await exchange.respond(Response(faults.without_id(body), media_type="application/json"))
        elif fault.kind == "answer-after":
            await exchange.respond(faults.answer(fault))
        else:
            await exchange.respond(self._core.render_fault(fault.kind))


class _Exchange:
    """One request and the ways to answer it, or not to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, record: Recorded) -> None:
        self.scope = scope
        self.receive = receive
        self.delay = 0.0
        self._send = send
        self._record = record

    async def send(self, message: Message) -> None:
        """Send, after the delay if this is the first word of the answer."""
        if message["type"] == "http.response.start":
            if self.delay:
                await asyncio.sleep(self.delay)
            self._record.status = message["status"]
        await self._send(message)

    async def respond(self, response: Response) -> None:
        """Answer with a response of our own."""
        await response(self.scope, self.receive, self.send)

    async def unsent(self, app: ASGIApp) -> bytes:
        """Let the application work and keep its answer from the client; gives the answer's body."""
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            parts.append(message.get("body", b""))

        await app(self.scope, self.receive, keep)
        return b"".join(parts)

    async def half(self, app: ASGIApp) -> None:
        """Send the head and half of the announced body, then break the connection."""
        left = 0

        async def some(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                left = _length(message) // 2
                await self.send(message)
                return
            part = message.get("body", b"")[:left]
            left -= len(part)
            if part:
                await self._send({"type": "http.response.body", "body": part, "more_body": True})

        await app(self.scope, self.receive, some)
        await self.abort(flush=True)

    async def abort(self, *, flush: bool = False) -> None:
        """Break the connection; with `flush` only after what was sent has had its chance to leave."""
        if flush:
            await asyncio.sleep(0.05)
        call: Callable[[], None] | None = self.scope.get("extensions", {}).get(ABORT, {}).get("call")
        if call is None:
            # Without our own protocol class under us (an in-process transport), an exception is the nearest thing.
            raise ConnectionAbortedError("the simulator was asked to break this connection")
        call()
        await hang(self.receive)


async def hang(receive: Receive) -> None:
    """Answer nothing until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(receive: Receive) -> list[Message]:
    messages: list[Message] = []
    size = 0
    while size <= MOST_BODY:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return messages


def _replay(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def again() -> Message:
        for message in waiting:
            return message
        return await receive()

    return again


def _length(start: Message) -> int:
    return next((int(value) for name, value in start["headers"] if name.lower() == b"content-length"), 0)


def _template(scope: Scope) -> str:
    path = str(scope["path"])
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(str(value), f"{{{name}}}")
    return path
