"""The outermost ASGI layer: request ids, the Host check, and the one answer to our own bugs. It must never tell what went wrong inside.

It is one of the two places where every exception is caught (architecture.md, "Rules a tool checks").
"""

import ipaddress
import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.supervisor import Events
from proxy.translate import errors

NAME = r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
HOST = re.compile(rf"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>{NAME})\.?)(?::(?P<port>[0-9]{{1,5}}))?")

Place = tuple[str, str | None]
"""A host name, or an address in its usual spelling, and the port if one is named."""


def dialect_of(path: str) -> Dialect:
    """Whose envelope an answer on this path uses."""
    return Dialect.ARK if path.startswith("/api/") else Dialect.OPENAI


def _place(text: str) -> Place | None:
    """What a Host header or an entry of `allowed_hosts` names; None if it is neither a name nor an address."""
    match = HOST.fullmatch(text)
    if match is None:
        return None
    name = (match["six"] or match["name"]).lower()
    if not match["six"] and not name[-1].isdigit():  # no address ends in a letter
        return name, match["port"]
    try:
        return str(ipaddress.ip_address(name)), match["port"]
    except ValueError:
        return None if match["six"] else (name, match["port"])


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class HostCheck:
    """Which Host headers are accepted: on a loopback bind only known names, elsewhere whatever is listed, if anything is.

    An entry of `allowed` is a name or an address, `*.name` for all names below it, with a port or without (any port).
    """

    def __init__(self, *, loopback: bool, allowed: tuple[str, ...], public_host: str | None) -> None:
        self._enforced = loopback or bool(allowed)
        self._loopback = loopback
        public = public_host or ""
        entries = (*allowed, f"[{public}]" if ":" in public else public)
        self._known = frozenset(place for place in map(_place, entries) if place is not None)
        self._latest: str | None = (
            None  # known under any path; nearly every call comes under the same name as the one before
        )

    def refusal(self, host: str | None, path: str) -> Refusal | None:
        """Why a Host header (None: there is none) is refused, or None. The console is always checked (contract.md §4)."""
        if host is not None and host == self._latest:
            return None
        enforced = self._enforced or f"{path}/".startswith("/console/")
        if host is None and not enforced:
            return None
        place = _place(host or "")
        if place is None or "*" in place[0]:
            return Refusal(Problem.HOST_NOT_ALLOWED, "The Host header is missing or not a host name.")
        if not enforced:
            return None
        if self._knows(*place):
            self._latest = host
            return None
        return Refusal(
            Problem.HOST_NOT_ALLOWED,
            f"The Host {place[0]!r} is not served here. Add it to server.allowed_hosts in the configuration if it should be.",
        )

    def _knows(self, name: str, port: str | None) -> bool:
        if self._loopback and _is_loopback(name):
            return True
        labels = name.split(".")
        above = ("*." + ".".join(labels[number:]) for number in range(1, len(labels)))
        return any((entry, each) in self._known for entry in (name, *above) for each in (None, port))


def _own_host(scope: Scope) -> bytes:
    """What a request without a Host header came to, so that links in its answer lead somewhere (contract.md §6, "Links")."""
    host, port = scope.get("server") or ("localhost", None)
    name = f"[{host}]" if ":" in host else host
    return (f"{name}:{port}" if port else name).encode()


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
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        refusal = self._hosts.refusal(", ".join(hosts) if hosts else None, scope["path"])  # several are no host name
        if refusal is not None:
            await sender.refuse(refusal, dialect_of(scope["path"]))
            return
        if not hosts:
            scope["headers"] = [*scope["headers"], (b"host", _own_host(scope))]
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
