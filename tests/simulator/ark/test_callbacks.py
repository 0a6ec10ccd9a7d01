"""Callbacks over real sockets: a little receiver, and a simulator whose clock the test moves."""

import contextlib
import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.simulator import Settings, background

Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
Calls = queue.Queue[tuple[str, dict[str, object]]]
TASKS = "/api/v3/contents/generations/tasks"
SETTINGS = Settings(now=lambda: 1_795_000_000.0, speed=100)
WITHIN = 5


@pytest.fixture
def calls() -> Calls:
    """The calls that arrived: path and body."""
    return queue.Queue()


@contextlib.contextmanager
def _receiver(calls: Calls, refusals: int = 0) -> Iterator[str]:
    """A receiver that refuses its first calls of an end."""
    left = [refusals]

    async def receive(request: Request) -> Response:
        body = await request.json()
        calls.put((request.url.path, body))
        if body["status"] in {"succeeded", "failed"} and left[0] > 0:
            left[0] -= 1
            return Response(status_code=500)
        return Response(b"{}")

    with background(Starlette(routes=[Route("/{rest:path}", receive, methods=["POST"])])) as origin:
        yield origin


def _create(client: httpx.Client, url: str, prompt: str = "a cat") -> str:
    body = {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": prompt}], "callback_url": url}
    return str(client.post(TASKS, json=body).json()["id"])


def test_each_change_is_told_in_its_order(started: Started, calls: Calls) -> None:
    """Queued, running and succeeded arrive one by one, each as GET had it then."""
    with _receiver(calls) as receiver, started(SETTINGS) as client:
        task_id = _create(client, f"{receiver}/hook?token=1")
        queued = calls.get(timeout=WITHIN)
        client.post("/_sim/clock", json={"advance": 3600})
        running, succeeded = calls.get(timeout=WITHIN), calls.get(timeout=WITHIN)
        final = client.get(f"{TASKS}/{task_id}").json()
    assert [path for path, _ in (queued, running, succeeded)] == ["/hook"] * 3
    assert [body["status"] for _, body in (queued, running, succeeded)] == ["queued", "running", "succeeded"]
    assert "content" not in running[1]
    assert succeeded[1] == final


def test_an_end_is_tried_again_three_times(started: Started, calls: Calls) -> None:
    """Four attempts in all for a failed task that nobody confirms, and then no more."""
    with _receiver(calls, refusals=9) as receiver, started(SETTINGS) as client:
        _create(client, f"{receiver}/hook", "[[sim:fail=X]]")
        client.post("/_sim/clock", json={"advance": 3600})
        statuses = [calls.get(timeout=WITHIN)[1]["status"] for _ in range(6)]
        # a second task's callbacks come after: had there been a fifth attempt, it would be among them
        _create(client, f"{receiver}/other")
        after = calls.get(timeout=WITHIN)
    assert statuses == ["queued", "running", "failed", "failed", "failed", "failed"]
    assert after[0] == "/other"


def test_a_cancellation_is_not_told(started: Started, calls: Calls) -> None:
    """The next thing that arrives after a cancellation is of another task."""
    with _receiver(calls) as receiver, started(SETTINGS) as client:
        task_id = _create(client, f"{receiver}/first")
        client.delete(f"{TASKS}/{task_id}")
        _create(client, f"{receiver}/second")
        told = sorted(calls.get(timeout=WITHIN)[0] for _ in range(2))
    assert told == ["/first", "/second"]
    assert calls.empty()


def test_a_receiver_that_is_not_there_stops_nothing(started: Started, calls: Calls) -> None:
    """A refused connection is one failed delivery, the other tasks' callbacks go on."""
    with _receiver(calls) as receiver, started(SETTINGS) as client:
        _create(client, "http://127.0.0.1:1/nobody")
        _create(client, f"{receiver}/hook")
        assert calls.get(timeout=WITHIN)[0] == "/hook"
