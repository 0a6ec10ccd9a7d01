"""One endpoint per path: authenticate, read, hand to the gateway, answer, write the log line. A plain ASGI class."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from proxy.auth import bearer
from proxy.errors import Problem, Refusal, StoreError
from proxy.gateway.call import Answer, Call
from proxy.model import Dialect, Identity
from proxy.translate import errors
from proxy.translate.operation import Kind, Operation
from proxy.web.reading import Disconnected, drain, read_all, read_on
from proxy.web.sending import End, encoded, merged, send_answer, send_whole, with_length

LONGEST_PATH = 200
"""Characters of a path that messages and log lines show."""

Handler = Callable[[Call], Awaitable[Answer]]


class Authenticator(Protocol):
    """Who holds a key: `proxy.accounts.KeyRing`."""

    async def lookup(self, bearer_key: str | None, *, admin: bool = False) -> Identity:
        """The identity behind a key; raises `Refusal`."""


class CallLog(Protocol):
    """Where finished calls are told: log lines and metrics."""

    def finished(self, call: Call, status: int, code: str | None, seconds: float) -> None:
        """One call is over."""

    def store_failed(self, call: Call, reason: str) -> None:
        """The store refused or failed during a call."""


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
    """What a method of a path does; `admin` wants an admin key, `public` none, `signed` takes a signed link instead of a key.

    `unread`: the answer does not depend on the body, which is not looked at.
    """

    operation: Operation
    handler: Handler
    admin: bool = False
    signed: bool = False
    public: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the log says of a call; `complete` tells that the caller got all of the answer."""

    status: int
    code: str | None = None
    complete: bool = True


LEFT = Outcome(499, complete=False)
"""The caller left before the answer was written."""

FAILED = Outcome(Problem.INTERNAL.value.status, Problem.INTERNAL.value.openai, complete=False)
"""A bug of ours, which the edge answers."""

NO_SUCH_METHOD = Operation("none", "no_such_method", Kind.UNARY, {})


class Endpoint:
    """All methods of one path in one dialect; `fallback` takes those that are not named."""

    def __init__(
        self, dialect: Dialect, actions: Mapping[str, Action], around: Surroundings, fallback: Action | None = None
    ) -> None:
        self._dialect = dialect
        self._actions = actions
        self._around = around
        self._fallback = fallback or Action(NO_SUCH_METHOD, self._no_such_method, public=True, unread=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; only a caller that went away gets nothing."""
        action = self._actions.get(scope["method"], self._fallback)
        started = time.perf_counter()
        call = self._call(scope, action.operation)
        outcome = FAILED
        try:
            outcome = await self._respond(call, action, receive, send)
        except Disconnected:
            outcome = LEFT
        except asyncio.CancelledError:
            outcome = LEFT
            raise
        finally:
            if outcome.complete and not call.gone.is_set():
                _run(call.on_delivered)
            _run(call.on_over)
            self._around.log.finished(call, outcome.status, outcome.code, time.perf_counter() - started)

    async def _respond(self, call: Call, action: Action, receive: Receive, send: Send) -> Outcome:
        try:
            answer = await self._answer(call, action, receive)
        except Refusal as refusal:
            return await self._refuse(call, refusal, receive, send)
        except StoreError as broken:
            self._around.log.store_failed(call, str(broken))
            return await self._refuse(call, _store_unavailable(call), receive, send)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            await self._refuse(call, _ending(call), receive, send)
            raise
        end = await send_answer(answer, _extra(call), receive, send, head=call.method == "HEAD")
        if end is End.GONE:
            return LEFT
        code = Problem.UPSTREAM_UNREADABLE.value.openai if end is End.BROKEN else None
        return Outcome(answer.status, code, complete=end is End.WHOLE)

    async def _refuse(self, call: Call, refusal: Refusal, receive: Receive, send: Send) -> Outcome:
        status, headers, body = errors.render(refusal, self._dialect, call.request_id)
        pairs = merged(headers, _extra(call))
        if status == Problem.TOO_LARGE.value.status:
            # What the caller still sends is read for a while between answer and close, or it would never see the answer.
            pairs = [*with_length(pairs, len(body)), ("connection", "close")]
            await send({"type": "http.response.start", "status": status, "headers": encoded(pairs)})
            await send({"type": "http.response.body", "body": body, "more_body": True})
            if "expect" not in call.headers:
                await drain(receive, self._around.max_body)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await send_whole(send, status, pairs, body, len(body))
        return Outcome(status, _code(refusal))

    async def _answer(self, call: Call, action: Action, receive: Receive) -> Answer:
        if not action.public:
            call.identity = await self._identify(call, action)
        if action.operation.kind is Kind.UPLOAD:
            call.incoming = _incoming(receive, call)
        elif not action.unread:
            call.body = await read_all(receive, call.headers, self._around.max_body)
        if action.operation.kind is Kind.CREATE_TASK or (
            action.operation.kind is Kind.READ_TASK and "prefer" in call.headers
        ):
            watch = asyncio.get_running_loop().create_task(_watch(receive, call))
            call.on_over.append(watch.cancel)
        return await action.handler(call)

    async def _identify(self, call: Call, action: Action) -> Identity | None:
        """Who calls. Whoever has a signed link needs no key, and a wrong one does not close the link."""
        by_link = action.signed and any(name == "sig" for name, _ in call.query)
        try:
            return await self._around.authenticator.lookup(
                bearer(call.headers.get("authorization")), admin=action.admin
            )
        except Refusal:
            if by_link:
                return None
            raise

    async def _no_such_method(self, call: Call) -> Answer:
        allowed = ", ".join(self._actions)
        raise Refusal(
            Problem.METHOD_NOT_ALLOWED,
            f"{call.method} is not served on {call.path}; {allowed} is.",
            headers={"allow": allowed},
        )

    def _call(self, scope: Scope, operation: Operation) -> Call:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        client = scope.get("client")
        return Call(
            operation=operation,
            dialect=self._dialect,
            identity=None,
            method=scope["method"],
            path=scope["path"][:LONGEST_PATH],
            params=scope.get("path_params", {}),
            query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            base=self._around.public_url or f"{scope.get('scheme', 'http')}://{headers.get('host', '')}",
            client=client[0] if client else "",
            request_id=scope["state"]["request_id"],
            started=self._around.now(),
        )


async def _incoming(receive: Receive, call: Call) -> AsyncGenerator[bytes, None]:
    """The body as it comes, for whoever reads it itself."""
    async for chunk in read_on(receive):
        call.received += len(chunk)
        yield chunk


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


def _store_unavailable(call: Call) -> Refusal:
    """The store failed: to be tried again, but for a create, of which the failure does not say how far it had got."""
    refusal = Refusal(Problem.STORE_UNAVAILABLE, "The gateway's store cannot be used now. Try again later.")
    if call.operation.kind is Kind.CREATE_TASK:
        refusal.headers["x-should-retry"] = "false"
    return refusal


def _ending(call: Call) -> Refusal:
    """The gateway ends before the answer was there."""
    if call.operation.kind is Kind.CREATE_TASK:
        return Refusal(
            Problem.UPSTREAM_AMBIGUOUS,
            "The gateway ends, and the upstream has not answered yet, so it is not known whether a video was bought. "
            "Look at the list of tasks before repeating it.",
        )
    return Refusal(Problem.UPSTREAM_UNAVAILABLE, "The gateway ends. Try again.")
