"""Requests that go wrong, over real sockets: on a dialect of one counting route."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import control
from proxy.simulator.core import Core
from proxy.simulator.front import Front
from proxy.simulator.server import background
from proxy.simulator.settings import Settings


def _app() -> Starlette:
    core = Core(Settings())

    async def create(request: Request) -> Response:
        await request.body()
        core.recorder.counts["creates"] += 1
        return JSONResponse({"id": "a", "task_id": "a", "status": "queued"})

    async def large(_request: Request) -> Response:
        return Response(bytes(100_000))

    routes: list[BaseRoute] = [Route("/jobs", create, methods=["POST"]), Route("/files/{name}", large)]
    app = Starlette(routes=control.routes(core) + routes)
    app.add_middleware(Front, core)
    return app


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of the little dialect."""
    with background(_app()) as origin, httpx.Client(base_url=origin, timeout=10, trust_env=False) as client:
        yield client


def _creates(client: httpx.Client) -> int:
    return int(client.get("/_sim/counts").json()["creates"])


@pytest.mark.parametrize(
    ("directive", "status", "body", "accepted"),
    [
        ("429", 429, None, 0),
        ("500-before", 500, None, 0),
        ("500-after", 500, None, 1),
        ("empty-404", 404, "", 0),
        ("no-id", 200, '{"status":"queued"}', 1),
        ("slow=0.01", 200, None, 1),
        ("fail=X", 200, None, 1),
    ],
)
def test_a_prompt_asks_for_its_fault(
    client: httpx.Client, directive: str, status: int, body: str | None, accepted: int
) -> None:
    """The answer is the fault's, and the work is done or not as the fault says."""
    before = _creates(client)
    answer = client.post("/jobs", json={"prompt": f"a cat [[sim:{directive}]]"})
    assert answer.status_code == status
    assert body is None or answer.text == body
    assert _creates(client) - before == accepted


@pytest.mark.parametrize(("directive", "accepted"), [("break-before", 0), ("break", 1)])
def test_a_broken_connection_has_no_answer(client: httpx.Client, directive: str, accepted: int) -> None:
    """The client sees its connection end without a status line, before or after the work was done."""
    before = _creates(client)
    with pytest.raises(httpx.TransportError):
        client.post("/jobs", json={"prompt": f"[[sim:{directive}]]"})
    assert _creates(client) - before == accepted
    assert client.get("/_sim/requests").json()[-1]["status"] is None


def test_a_planned_fault_hits_the_next_match_only(client: httpx.Client) -> None:
    """A fault of the control route needs no prompt and is over after its times."""
    client.post(
        "/_sim/faults", json={"match": "GET /files/.*", "times": 1, "fault": "answer", "status": 503, "body": "<p>"}
    )
    first, second = client.get("/files/x"), client.get("/files/x")
    assert (first.status_code, first.text, second.status_code) == (503, "<p>", 200)


def test_an_answer_spelled_out_after_the_work(client: httpx.Client) -> None:
    """`answer-after` replaces the answer of a request whose work was done."""
    before = _creates(client)
    fault = {"match": "POST /jobs", "fault": "answer-after", "status": 502, "headers": {"x-should-retry": "true"}}
    client.post("/_sim/faults", json=fault)
    answer = client.post("/jobs", json={})
    assert (answer.status_code, answer.headers["x-should-retry"], _creates(client) - before) == (502, "true", 1)


def test_a_body_that_breaks_in_the_middle(client: httpx.Client) -> None:
    """Half of the announced bytes arrive, then the connection ends."""
    client.post("/_sim/faults", json={"match": "GET /files/.*", "fault": "break-mid"})
    parts: list[bytes] = []
    with pytest.raises(httpx.TransportError):
        _collect(client, parts)
    assert 0 < len(b"".join(parts)) <= 50_000


def _collect(client: httpx.Client, parts: list[bytes]) -> None:
    with client.stream("GET", "/files/x") as answer:
        assert answer.headers["content-length"] == "100000"
        parts.extend(answer.iter_raw())


def test_a_hanging_request_is_never_answered(client: httpx.Client) -> None:
    """The client's own time limit is what ends it."""
    client.post("/_sim/faults", json={"match": "GET /files/.*", "fault": "hang-poll"})
    with pytest.raises(httpx.ReadTimeout):
        client.get("/files/x", timeout=0.1)


def test_every_request_is_recorded_but_the_controls(client: httpx.Client) -> None:
    """Method, path, query, headers, body and status are there; what /_sim/ was asked is not."""
    client.delete("/_sim/requests")
    client.post("/jobs?a=1&a=2", content=b"\xff", headers={"authorization": "Bearer k", "content-type": "x/y"})
    client.get("/files/x")
    first, second = client.get("/_sim/requests").json()
    assert (first["method"], first["path"], first["query"], first["status"]) == ("POST", "/jobs", "a=1&a=2", 200)
    assert ["authorization", "Bearer k"] in first["headers"]
    assert first["body_base64"] == "/w=="
    assert client.get("/_sim/requests", params={"path": "/files/x"}).json() == [second]
    assert client.get("/_sim/counts").json()["routes"]["GET /files/{name}"] >= 1
