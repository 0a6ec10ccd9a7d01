"""The outermost layer: which Host headers are served, an id on every answer, and one answer that tells nothing to every bug of ours."""

import asyncio
import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from proxy.errors import Problem
from proxy.model import Dialect
from proxy.web.edge import Edge, HostCheck, dialect_of
from tests.support.asgi import exchange, served

API = "/v1/videos"
CONSOLE = "/console/"

LOOPBACK_BIND = HostCheck(loopback=True, allowed=(), public_host=None)
LOOPBACK_LISTED = HostCheck(loopback=True, allowed=("gw.example",), public_host="public.example")
PUBLIC_BIND = HostCheck(loopback=False, allowed=(), public_host=None)
PUBLIC_URL = HostCheck(loopback=False, allowed=(), public_host="public.example")
PUBLIC_LISTED = HostCheck(
    loopback=False,
    allowed=("gw.example", "*.wild.example", "port.example:8443", "10.0.0.5", "[2001:db8::1]", "[2001:db8::2]:443"),
    public_host="public.example",
)

ACCEPTED = (
    (LOOPBACK_BIND, "localhost"),
    (LOOPBACK_BIND, "localhost:8686"),
    (LOOPBACK_BIND, "LocalHost:8686"),
    (LOOPBACK_BIND, "localhost."),
    (LOOPBACK_BIND, "localhost.:8686"),
    (LOOPBACK_BIND, "127.0.0.1:8686"),
    (LOOPBACK_BIND, "127.0.0.2"),
    (LOOPBACK_BIND, "127.255.255.254:1"),
    (LOOPBACK_BIND, "[::1]:8686"),
    (LOOPBACK_BIND, "[0:0:0:0:0:0:0:1]"),
    (LOOPBACK_LISTED, "gw.example"),
    (LOOPBACK_LISTED, "gw.example:8686"),
    (LOOPBACK_LISTED, "GW.Example."),
    (LOOPBACK_LISTED, "public.example"),
    (LOOPBACK_LISTED, "127.0.0.1"),
    (PUBLIC_LISTED, "gw.example:1234"),
    (PUBLIC_LISTED, "public.example"),
    (PUBLIC_LISTED, "a.wild.example"),
    (PUBLIC_LISTED, "A.B.wild.example:80"),
    (PUBLIC_LISTED, "port.example:8443"),
    (PUBLIC_LISTED, "10.0.0.5:8686"),
    (PUBLIC_LISTED, "[2001:db8::1]:8686"),
    (PUBLIC_LISTED, "[2001:DB8:0::1]"),
    (PUBLIC_LISTED, "[2001:db8::2]:443"),
)

REFUSED = (
    (LOOPBACK_BIND, "rebinding.example"),
    (LOOPBACK_BIND, "rebinding.example:8686"),
    (LOOPBACK_BIND, "127.rebinding.example"),
    (LOOPBACK_BIND, "127.0.0.1.rebinding.example"),
    (LOOPBACK_BIND, "localhost.rebinding.example"),
    (LOOPBACK_BIND, "rebinding.localhost"),
    (LOOPBACK_BIND, "localhosts"),
    (LOOPBACK_BIND, "127.0.0"),
    (LOOPBACK_BIND, "127.1"),
    (LOOPBACK_BIND, "127.0.0.01"),
    (LOOPBACK_BIND, "128.0.0.1"),
    (LOOPBACK_BIND, "0.0.0.0"),
    (LOOPBACK_BIND, "192.168.0.7"),
    (LOOPBACK_BIND, "[::2]"),
    (LOOPBACK_BIND, "[::]"),
    (LOOPBACK_BIND, "[::ffff:127.0.0.1]"),
    (LOOPBACK_BIND, "gw.example"),
    (LOOPBACK_LISTED, "other.example"),
    (LOOPBACK_LISTED, "gw.example.rebinding.example"),
    (LOOPBACK_LISTED, "a.gw.example"),
    (PUBLIC_LISTED, "localhost"),
    (PUBLIC_LISTED, "127.0.0.1"),
    (PUBLIC_LISTED, "other.example"),
    (PUBLIC_LISTED, "wild.example"),
    (PUBLIC_LISTED, "notwild.example"),
    (PUBLIC_LISTED, "a.wild.example.rebinding.example"),
    (PUBLIC_LISTED, "port.example"),
    (PUBLIC_LISTED, "port.example:8444"),
    (PUBLIC_LISTED, "10.0.0.6"),
    (PUBLIC_LISTED, "[2001:db8::2]"),
    (PUBLIC_LISTED, "[2001:db8::3]"),
)

MALFORMED = (
    "",
    ".",
    ":8686",
    "localhost:",
    "localhost:x",
    "localhost:123456",
    "localhost..",
    "local host",
    " localhost",
    "localhost\n",
    "localhost/",
    "localhost/x",
    "http://localhost",
    "user@localhost",
    "localhost, rebinding.example",
    "localhost,localhost",
    "::1",
    "[::1",
    "[]",
    "[localhost]",
    "[127.0.0.1.1]",
    "[::1%lo]",
    "[::1]x",
    "*.wild.example",
    "*",
    "lócalhost",
    "localhost\x00",
)


@pytest.mark.parametrize(("check", "host"), ACCEPTED)
@pytest.mark.parametrize("path", [API, CONSOLE])
def test_known_hosts_are_served(check: HostCheck, host: str, path: str) -> None:
    """Loopback names on a loopback bind, what is listed and the public host are served everywhere, in any case, with any port."""
    assert check.refusal(host, path) is None


@pytest.mark.parametrize(("check", "host"), REFUSED)
@pytest.mark.parametrize("path", [API, "/healthz", "/", CONSOLE])
def test_other_hosts_are_refused_where_names_are_enforced(check: HostCheck, host: str, path: str) -> None:
    """On a loopback bind, or with a list, any other name is a 421 that says the name and the key (a name that was bound to us is one)."""
    refusal = check.refusal(host, path)
    assert refusal is not None
    assert (refusal.problem, refusal.status) == (Problem.HOST_NOT_ALLOWED, 421)
    assert host.lower().split(":")[0].strip("[") in refusal.message
    assert "server.allowed_hosts" in refusal.message


@pytest.mark.parametrize("host", [host for _, host in (*ACCEPTED, *REFUSED)])
@pytest.mark.parametrize("check", [PUBLIC_BIND, PUBLIC_URL])
def test_any_name_is_served_on_an_open_bind_without_a_list(check: HostCheck, host: str) -> None:
    """Where nothing is listed the calls of programs are served under any name."""
    assert check.refusal(host, API) is None


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/login", "/console//"])
def test_the_console_is_always_checked(path: str) -> None:
    """Browsers come to the console, so an open bind serves it under the public host or not at all."""
    assert PUBLIC_BIND.refusal("any.example", path) is not None
    assert PUBLIC_BIND.refusal(None, path) is not None
    assert PUBLIC_URL.refusal("any.example", path) is not None
    assert PUBLIC_URL.refusal("public.example:8686", path) is None
    assert PUBLIC_BIND.refusal("any.example", "/consoles") is None


@pytest.mark.parametrize("host", MALFORMED)
@pytest.mark.parametrize("check", [LOOPBACK_BIND, PUBLIC_BIND, PUBLIC_LISTED])
def test_what_is_no_host_is_refused_everywhere(check: HostCheck, host: str) -> None:
    """A Host that is no name and no address never becomes part of a link, enforced or not."""
    refusal = check.refusal(host, API)
    assert refusal is not None
    assert refusal.status == 421


def test_a_request_without_a_host_is_served_only_where_names_are_not_enforced() -> None:
    """Old health probes send none; browsers always do."""
    assert PUBLIC_BIND.refusal(None, "/healthz") is None
    assert LOOPBACK_BIND.refusal(None, "/healthz") is not None
    assert PUBLIC_LISTED.refusal(None, "/healthz") is not None


def test_a_public_host_may_be_an_address() -> None:
    """`public_url` with an IPv6 address is a name like any other."""
    check = HostCheck(loopback=True, allowed=(), public_host="2001:db8::9")
    assert check.refusal("[2001:db8::9]:8686", API) is None
    assert check.refusal("[2001:db8::8]:8686", API) is not None


@given(st.text(max_size=30))
def test_any_text_is_judged(host: str) -> None:
    """No Host header is an error of ours, and on a loopback bind only loopback names pass."""
    if LOOPBACK_BIND.refusal(host, API) is None:
        assert host.lower().startswith(("localhost", "127.", "["))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/v3/contents/generations/tasks", Dialect.ARK),
        ("/api/nothing", Dialect.ARK),
        ("/v1/videos", Dialect.OPENAI),
        ("/apis", Dialect.OPENAI),
        ("/", Dialect.OPENAI),
        ("/console/", Dialect.OPENAI),
    ],
)
def test_an_answer_of_the_edge_speaks_the_path_s_dialect(path: str, dialect: Dialect) -> None:
    """What lies below /api/ is Ark's, everything else OpenAI's."""
    assert dialect_of(path) is dialect


# -- on a socket


class Told:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []

    def event(self, level: str, message: str, **fields: object) -> None:
        """Keep one."""
        self.events.append((level, message, fields))


class App:
    """What lies inside the edge: answers, or fails on `/bug` before and on `/late` after its answer has begun."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        self.scopes.append(scope)
        if scope["path"].endswith("/bug"):
            raise KeyError("a secret of ours, at 10.0.0.5")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-inner", b"1")]})
        if scope["path"].endswith("/late"):
            await send({"type": "http.response.body", "body": b"a part", "more_body": True})
            raise KeyError("a secret of ours, at 10.0.0.5")
        await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


def edge(app: App, told: Told, hosts: HostCheck = LOOPBACK_BIND) -> Edge:
    """An edge whose ids count."""
    numbers = count(1)
    return Edge(app, hosts, told, lambda: f"req_{next(numbers)}")


async def ask(app: Edge, path: str, *hosts: str, version: str = "1.1") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the bytes of the body, as they came."""
    head = [f"GET {path} HTTP/{version}", *(f"host: {host}" for host in hosts), "connection: close", "", ""]
    async with served(app) as port:
        answer = await exchange(port, "\r\n".join(head).encode())
    start, _, body = answer.partition(b"\r\n\r\n")
    status, *rows = start.decode().split("\r\n")
    return int(status.split()[1]), {name: value for name, _, value in (row.partition(": ") for row in rows)}, body


async def test_every_answer_carries_its_request_id() -> None:
    """The id is made once, known inside, and on the answer beside the headers that the application set."""
    app, told = App(), Told()
    status, headers, body = await ask(edge(app, told), API, "localhost")
    assert (status, headers["x-inner"], headers["x-request-id"]) == (200, "1", "req_1")
    assert b"req_1" in body
    assert not told.events


@pytest.mark.parametrize(("path", "code"), [("/v1/videos", "host_not_allowed"), ("/api/v3/x", "HostNotAllowed")])
async def test_a_refused_host_gets_its_answer_in_the_dialect_of_the_path(path: str, code: str) -> None:
    """421 in the family's envelope, with a request id, and the application is not called."""
    app, told = App(), Told()
    status, headers, body = await ask(edge(app, told), path, "rebinding.example")
    error = json.loads(body)["error"]
    assert (status, error["code"], headers["x-request-id"]) == (421, code, "req_1")
    assert set(error) == {"message", "type", "param", "code"}
    assert int(headers["content-length"]) == len(body)
    assert not app.scopes


@pytest.mark.parametrize("second", ["rebinding.example", "localhost"])
async def test_two_hosts_are_none(second: str) -> None:
    """Two Host headers could mean one to the check and the other to a link, so they are refused."""
    app = App()
    for check in (LOOPBACK_BIND, PUBLIC_BIND):
        status, _, _ = await ask(edge(app, Told(), check), API, "localhost", second)
        assert status == 421
    assert not app.scopes


async def test_a_request_without_a_host_came_to_our_own_address() -> None:
    """Where it is served at all, what lies inside finds the address that the request came to, so that links lead somewhere."""
    app = App()
    status, _, _ = await ask(edge(app, Told(), PUBLIC_BIND), API, version="1.0")
    assert status == 200
    server = app.scopes[0]["server"]
    assert dict(app.scopes[0]["headers"])[b"host"] == f"127.0.0.1:{server[1]}".encode()


@pytest.mark.parametrize(
    ("path", "code"),
    [("/v1/bug", "internal_error"), ("/api/v3/bug", "InternalServiceError"), ("/bug", "internal_error")],
)
async def test_a_bug_is_a_500_with_the_request_id_and_nothing_else(path: str, code: str) -> None:
    """The caller gets the id and no word of what failed; the log gets the id, the path and the exception; no SDK repeats it."""
    told = Told()
    status, headers, body = await ask(edge(App(), told), path, "localhost")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (500, code)
    assert not error["param"]
    assert "req_1" in error["message"]
    assert headers["x-request-id"] == "req_1"
    assert headers["x-should-retry"] == "false"
    for word in (b"secret", b"KeyError", b"Traceback", b"10.0.0.5"):
        assert word not in body
    [(level, message, fields)] = told.events
    assert (level, message) == ("error", "internal error")
    assert (fields["request_id"], fields["path"]) == ("req_1", path)
    assert isinstance(fields["exception"], KeyError)


async def test_a_bug_after_the_answer_has_begun_breaks_it_off() -> None:
    """A client never takes half an answer for a whole one: the connection ends inside the body, and the log has the bug."""
    told = Told()
    status, headers, body = await ask(edge(App(), told), "/v1/late", "localhost")
    assert (status, headers["x-request-id"]) == (200, "req_1")
    assert headers["transfer-encoding"] == "chunked"
    assert body == b"6\r\na part\r\n"  # the last chunk is missing
    assert len(told.events) == 1


async def test_a_server_goes_on_after_a_bug() -> None:
    """One bug is one answer; the next request is served."""
    app = edge(App(), Told())
    async with served(app) as port:
        for path, status in (("/bug", 500), ("/late", 200), ("/v1/videos", 200)):
            request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            assert f" {status} ".encode() in (await exchange(port, request.encode())).partition(b"\r\n")[0]


async def test_a_cancelled_request_is_no_bug() -> None:
    """Cancellation passes through: it is neither answered nor reported."""
    told = Told()
    waiting = asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        waiting.set()
        await asyncio.get_running_loop().create_future()

    async def nothing() -> dict[str, object]:
        raise AssertionError("nothing is received")

    async def none(message: object) -> None:
        raise AssertionError("nothing is sent")

    scope = {"type": "http", "path": API, "headers": [(b"host", b"localhost")], "server": ("127.0.0.1", 1)}
    inside = Edge(waits, LOOPBACK_BIND, told, lambda: "req_1")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(inside(scope, nothing, none))
        await waiting.wait()
        task.cancel()
    assert task.cancelled()
    assert not told.events


async def test_what_is_no_request_passes_through() -> None:
    """The lifespan of a server is none of the edge's business."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing() -> dict[str, object]:
        return {}

    async def none(message: object) -> None:
        """Take it."""

    await Edge(app, LOOPBACK_BIND, Told(), lambda: "req_1")({"type": "lifespan"}, nothing, none)
    assert seen == ["lifespan"]
