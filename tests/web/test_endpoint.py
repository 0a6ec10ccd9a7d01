"""One endpoint on a socket: what becomes of a call when its handler answers, refuses, fails, or is cut off."""

import asyncio
from dataclasses import dataclass, field

import orjson
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.errors import Problem, Refusal, StoreError
from proxy.gateway.call import Answer, Call
from proxy.model import Caller, Dialect, Identity, Key
from proxy.translate.operation import Kind, Operation
from proxy.web.edge import Edge, HostCheck
from proxy.web.endpoint import Action, Endpoint, Surroundings
from tests.support.asgi import exchange, served

MAKE = Operation("things", "make", Kind.CREATE_TASK, {})
READ = Operation("things", "read", Kind.READ_TASK, {})
IDENTITY = Identity(Key(hash=b"", prefix="sk-ab-abcdef", name="k", caller="c"), Caller(name="c", created_at=0.0))


@dataclass
class House:
    """What an endpoint needs, and what it tells."""

    lines: list[tuple[str, int, str | None]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    delivered: int = 0

    async def lookup(self, bearer_key: str | None, *, admin: bool = False) -> Identity:
        """One key is good."""
        if bearer_key != "good":
            raise Refusal(Problem.AUTHENTICATION, "no")
        return IDENTITY

    def finished(self, call: Call, status: int, code: str | None, seconds: float) -> None:
        """Keep a line."""
        self.lines.append((call.operation.name, status, code))
        self.over.set()

    def store_failed(self, call: Call, reason: str) -> None:
        """Keep an event."""
        self.events.append(reason)

    def event(self, level: str, message: str, **fields: object) -> None:
        """Keep an event."""
        self.events.append(message)

    def app(self, action: Action) -> ASGIApp:
        """The endpoint, behind the edge."""
        around = Surroundings(authenticator=self, log=self, now=lambda: 0.0, max_body=1000)
        endpoint = Endpoint(Dialect.OPENAI, {"POST": action}, around)
        return Edge(endpoint, HostCheck(loopback=True, allowed=(), public_host=None), self, lambda: "req_1")


def post(body: bytes = b"{}", *headers: bytes) -> bytes:
    """A request with the good key."""
    lines = [b"POST /thing HTTP/1.1", b"host: localhost", b"authorization: Bearer good", b"connection: close", *headers]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body])


def parted(answer: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Status, head, and the error if there is one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, orjson.loads(body).get("error", {}) if body.startswith(b"{") else {}


async def test_an_answer_is_delivered_and_told_once() -> None:
    """The handler gets the body and the identity; one line is told, and who wanted to know of the delivery knows."""
    house = House()

    async def handler(call: Call) -> Answer:
        call.on_delivered.append(lambda: setattr(house, "delivered", house.delivered + 1))
        assert (call.identity, call.body, call.path) == (IDENTITY, b"{}", "/thing")
        return Answer(body=b"{}")

    async with served(house.app(Action(MAKE, handler))) as port:
        assert parted(await exchange(port, post()))[0] == 200
    assert (house.lines, house.delivered) == ([("things.make", 200, None)], 1)


async def test_a_bug_is_a_500_in_answer_and_line() -> None:
    """The caller learns the request id and nothing else; the line says 500 too."""
    house = House()

    async def handler(call: Call) -> Answer:
        raise ZeroDivisionError("a secret detail")

    async with served(house.app(Action(READ, handler))) as port:
        status, head, error = parted(await exchange(port, post()))
    assert (status, error["code"], error["type"]) == (500, "internal_error", "api_error")
    assert "req_1" in error["message"]
    assert "secret" not in error["message"]
    assert b"x-should-retry: false" in head
    assert (house.lines, house.events) == ([("things.read", 500, "internal_error")], ["internal error"])


@pytest.mark.parametrize(("operation", "retry"), [(READ, True), (MAKE, False)])
async def test_a_store_that_fails(operation: Operation, *, retry: bool) -> None:
    """A 503, which an SDK must not repeat by itself where something may have been bought; the reason is for the log."""
    house = House()

    async def handler(call: Call) -> Answer:
        raise StoreError("the disk is full")

    async with served(house.app(Action(operation, handler))) as port:
        status, head, error = parted(await exchange(port, post()))
    assert (status, error["code"]) == (503, "store_unavailable")
    assert "disk" not in error["message"]
    assert (b"x-should-retry: false" in head) is not retry
    assert house.events == ["the disk is full"]


async def test_an_upstreams_request_id_is_sent_once() -> None:
    """The refusal and the call may both know it."""
    house = House()

    async def handler(call: Call) -> Answer:
        call.upstream_request_id = "up-1"
        raise Refusal(Problem.INVALID_VALUE, "no", headers={"x-arkbridge-upstream-request-id": "up-1"})

    async with served(house.app(Action(MAKE, handler))) as port:
        _, head, _ = parted(await exchange(port, post()))
    assert head.count(b"x-arkbridge-upstream-request-id: up-1") == 1


async def test_a_signed_link_needs_no_key_and_minds_none() -> None:
    """Where a signature is shown, a wrong key is no key; where none is, it is a 401."""
    house = House()
    seen: list[Identity | None] = []

    async def handler(call: Call) -> Answer:
        seen.append(call.identity)
        return Answer(body=b"{}")

    action = Action(Operation("things", "content", Kind.CONTENT, {}), handler, signed=True)
    wrong = post().replace(b"Bearer good", b"Bearer wrong")
    async with served(house.app(action)) as port:
        assert parted(await exchange(port, wrong))[0] == 401
        for request in (wrong, wrong.replace(b"authorization: Bearer wrong\r\n", b""), post()):
            assert parted(await exchange(port, request.replace(b"/thing", b"/thing?sig=x")))[0] == 200
    assert seen == [None, None, IDENTITY]


async def test_a_call_that_is_cut_off_says_what_that_means() -> None:
    """When the server ends before the upstream has answered, a create is said to be open, and no SDK repeats it."""
    house, begun = House(), asyncio.Event()

    async def handler(call: Call) -> Answer:
        begun.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("not reached")

    running: list[asyncio.Task[None]] = []
    inner = house.app(Action(MAKE, handler))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.append(task)
        await inner(scope, receive, send)

    async with served(app) as port:
        asking = asyncio.ensure_future(exchange(port, post()))
        await begun.wait()
        running[0].cancel()
        status, head, error = parted(await asking)
    assert (status, error["code"]) == (502, "upstream_ambiguous")
    assert b"x-should-retry: false" in head


async def test_an_unread_body_is_not_read() -> None:
    """Where the answer does not depend on the body, one beyond the limit is no reason for a 413."""
    house = House()

    async def handler(call: Call) -> Answer:
        raise Refusal(Problem.NOT_SERVED, "not yet")

    async with served(house.app(Action(READ, handler, unread=True))) as port:
        assert parted(await exchange(port, post(bytes(5000))))[0] == 404
    async with served(house.app(Action(READ, handler))) as port:
        status, _, error = parted(await exchange(port, post(bytes(5000))))
    assert status == 413
    assert "5000 bytes" in error["message"]
    assert "1000 bytes" in error["message"]
