"""The outermost ASGI layer: request ids, the Host check, and the one answer to our own bugs. It must never tell what went wrong inside.

It is one of the two places where every exception is caught (architecture.md, "Rules a tool checks").
"""

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.supervisor import Events
from proxy.translate import errors

HOST = re.compile(r"\A(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?\Z")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def dialect_of(path: str) -> Dialect:
    """Whose envelope an answer on this path uses."""
    return Dialect.ARK if path.startswith("/api/") else Dialect.OPENAI


class HostCheck:
    """Which Host headers are accepted: on a loopback bind only known names, elsewhere whatever is listed, if anything is."""

    def __init__(self, *, loopback: bool, allowed: tuple[str, ...], public_host: str | None) -> None:
        self._enforced = loopback or bool(allowed)
        self._allowed = frozenset(name.lower() for name in allowed)
        self._known = self._allowed | ({public_host.lower()} if public_host else frozenset())
        if loopback:
            self._known |= LOOPBACK

    def refusal(self, host: str, path: str) -> Refusal | None:
        """Why a Host header is refused, or None. The console is always checked (contract.md §4)."""
        match = HOST.match(host)
        if match is None:
            return Refusal(Problem.HOST_NOT_ALLOWED, "The Host header is missing or not a host name.")
        name = (match["six"] or match["name"]).lower().rstrip(".")
        if name in self._known or (name.startswith("127.") and self._known >= LOOPBACK):
            return None
        if not self._enforced and not path.startswith("/console/"):
            return None
        return Refusal(
            Problem.HOST_NOT_ALLOWED,
            f"The Host {name!r} is not served here. Add it to server.allowed_hosts in the configuration if it should be.",
        )


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, hosts: HostCheck, events: Events, new_id: Callable[[], str]) -> None:
        self._app = app
        self._hosts = hosts
        self._events = events
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id; answer 421 and 500 here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        sender = _Sender(send, request_id)
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        refusal = self._hosts.refusal(host, scope["path"])
        if refusal is not None:
            await sender.refuse(refusal, dialect_of(scope["path"]))
            return
        try:
            await self._app(scope, receive, sender)
        except Exception as bug:
            self._events.event("error", "internal error", request_id=request_id, path=scope["path"], exception=bug)
            if sender.started:
                raise
            await sender.refuse(
                Refusal(
                    Problem.INTERNAL,
                    f"The gateway failed on this request. Tell its operator the request id {request_id}.",
                ),
                dialect_of(scope["path"]),
            )


class _Sender:
    """Puts the request id on the answer and remembers whether one has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
        await self._send(message)

    async def refuse(self, refusal: Refusal, dialect: Dialect) -> None:
        status, headers, body = errors.render(refusal, dialect, self._request_id)
        pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        pairs.append((b"content-length", str(len(body)).encode()))
        await self({"type": "http.response.start", "status": status, "headers": pairs})
        await self({"type": "http.response.body", "body": body})
