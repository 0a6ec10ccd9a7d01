"""One endpoint per path: authenticate, read, hand to the gateway, answer, write the log line. A plain ASGI class."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

import anyio
from starlette.types import Receive, Scope, Send

from proxy.auth import bearer
from proxy.errors import Problem, Refusal
from proxy.gateway.call import Answer, Call
from proxy.model import Dialect, Identity
from proxy.translate import errors
from proxy.translate.operation import Kind, Operation
from proxy.web.reading import Disconnected, drain, read_all

Handler = Callable[[Call], Awaitable[Answer]]


class Authenticator(Protocol):
    """Who holds a key: `proxy.accounts.KeyRing`."""

    async def lookup(self, bearer_key: str | None, *, admin: bool = False) -> Identity:
        """The identity behind a key; raises `Refusal`."""


class CallLog(Protocol):
    """Where finished calls are told: log lines and metrics."""

    def finished(self, call: Call, status: int, code: str | None, seconds: float) -> None:
        """One call is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every endpoint needs. `public_url` is the base of links when set; `max_body` is in bytes."""

    authenticator: Authenticator
    log: CallLog
    now: Callable[[], float]
    max_body: int
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a method of a path does; `admin` wants an admin key, `public` none, `signed` takes a signed link instead of a key."""

    operation: Operation
    handler: Handler
    admin: bool = False
    signed: bool = False
    public: bool = False


class Endpoint:
    """All methods of one path in one dialect."""

    def __init__(self, dialect: Dialect, actions: Mapping[str, Action], around: Surroundings) -> None:
        self._dialect = dialect
        self._actions = actions
        self._around = around

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; only a caller that went away gets nothing."""
        action = self._actions.get(scope["method"])
        if action is None:
            await self._refuse_method(scope, send)
            return
        started = time.perf_counter()
        call = self._call(scope, action.operation)
        status, code = 499, None
        try:
            answer = await self._answer(call, action, receive)
            status = answer.status
            await _send(answer, call, receive, send)
            if not call.gone.is_set():
                _run(call.on_delivered)
        except Refusal as refusal:
            status, headers, body = errors.render(refusal, self._dialect, call.request_id)
            code = _code(refusal)
            await _send_plain(send, status, [*headers.items(), *_extra(call)], body)
            if not call.gone.is_set():
                _run(call.on_delivered)
            if status == 413:
                await drain(receive, self._around.max_body)
        except Disconnected:
            pass
        finally:
            _run(call.on_over)
            self._around.log.finished(call, status, code, time.perf_counter() - started)

    async def _answer(self, call: Call, action: Action, receive: Receive) -> Answer:
        by_link = action.signed and "authorization" not in call.headers and any(name == "sig" for name, _ in call.query)
        if not by_link and not action.public:
            call.identity = await self._around.authenticator.lookup(
                bearer(call.headers.get("authorization")), admin=action.admin
            )
        call.body = await read_all(receive, call.headers, self._around.max_body)
        if action.operation.kind is Kind.CREATE_TASK or (
            action.operation.kind is Kind.READ_TASK and "prefer" in call.headers
        ):
            watch = asyncio.get_running_loop().create_task(_watch(receive, call))
            call.on_over.append(watch.cancel)
        return await action.handler(call)

    def _call(self, scope: Scope, operation: Operation) -> Call:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        client = scope.get("client")
        return Call(
            operation=operation,
            dialect=self._dialect,
            identity=None,
            method=scope["method"],
            params=scope.get("path_params", {}),
            query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            base=self._around.public_url or f"{scope.get('scheme', 'http')}://{headers.get('host', '')}",
            client=client[0] if client else "",
            request_id=scope["state"]["request_id"],
            started=self._around.now(),
        )

    async def _refuse_method(self, scope: Scope, send: Send) -> None:
        allowed = ", ".join(self._actions)
        refusal = Refusal(
            Problem.METHOD_NOT_ALLOWED,
            f"{scope['method']} is not served on {scope['path']}; {allowed} is.",
            headers={"allow": allowed},
        )
        status, headers, body = errors.render(refusal, self._dialect, scope["state"]["request_id"])
        await _send_plain(send, status, list(headers.items()), body)


async def _watch(receive: Receive, call: Call) -> None:
    """Notice that the caller hangs up while a create is under way."""
    while (await receive())["type"] != "http.disconnect":
        pass
    call.gone.set()


def _run(callbacks: Iterable[Callable[[], object]]) -> None:
    for callback in callbacks:
        callback()


def _code(refusal: Refusal) -> str:
    code = getattr(refusal, "code", None)
    return code if isinstance(code, str) and code else refusal.problem.value.openai


def _extra(call: Call) -> list[tuple[str, str]]:
    """Headers that every answer of a call carries."""
    headers = [("x-arkbridge-warning", f"{notice.param}; {notice.done}") for notice in call.notices]
    if "x-client-request-id" in call.headers:
        headers.append(("x-client-request-id", call.headers["x-client-request-id"]))
    if call.upstream_request_id:
        headers.append(("x-arkbridge-upstream-request-id", call.upstream_request_id))
    return headers


async def _send(answer: Answer, call: Call, receive: Receive, send: Send) -> None:
    headers = [("content-type", answer.content_type), *answer.headers, *_extra(call)]
    if answer.chunks is None:
        await _send_plain(send, answer.status, headers, answer.body, head=call.method == "HEAD")
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(headers)})
    await _stream(answer.chunks, receive, send)


async def _stream(chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Pass chunks on until they end or the caller leaves; either way the source is closed at once."""
    async with anyio.create_task_group() as group:
        group.start_soon(_until_gone, receive, group.cancel_scope)
        try:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            with anyio.CancelScope(shield=True):
                await aclosing(chunks).__aexit__(None, None, None)  # type: ignore[type-var]  # generators, by construction
        group.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _send_plain(
    send: Send, status: int, headers: list[tuple[str, str]], body: bytes, *, head: bool = False
) -> None:
    if not any(name == "content-length" for name, _ in headers):
        headers = [*headers, ("content-length", str(len(body)))]
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """As bytes; what latin-1 cannot say is replaced, and no header can carry a line break."""
    return [
        (name.encode("latin-1"), value.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace"))
        for name, value in headers
    ]
