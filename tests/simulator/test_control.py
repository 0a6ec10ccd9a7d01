"""The control routes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest

from proxy import simulator
from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
FIXED = Settings(now=lambda: 1_795_000_000.0, seed=1)
TASKS = "/api/v3/contents/generations/tasks"
BODY = {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": "a cat"}]}


async def test_other_machines_are_refused() -> None:
    """The control routes need no key, so they answer to loopback addresses only."""
    transport = httpx.ASGITransport(simulator.create_app(FIXED), client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        answer = await client.get("/_sim/requests")
    assert answer.status_code == 403


async def test_the_clock(inside: Inside) -> None:
    """An advance moves the present at once, and advances add up."""
    async with inside(FIXED) as client:
        await client.post("/_sim/clock", json={"advance": 60})
        moved = await client.post("/_sim/clock", json={"advance": 0.5})
    assert moved.json() == {"now": 1_795_000_060.5, "offset": 60.5}


async def test_tasks_are_shown_and_forced(inside: Inside) -> None:
    """A forced state is what the task's own route says next, with the error and the facts given."""
    async with inside(FIXED) as client:
        task_id = (await client.post(TASKS, json=BODY)).json()["id"]
        assert [job["id"] for job in (await client.get("/_sim/tasks")).json()] == [task_id]
        await client.post(f"/_sim/tasks/{task_id}", json={"status": "failed", "error": {"code": "C", "message": "M"}})
        failed = (await client.get(f"{TASKS}/{task_id}")).json()
        await client.post(f"/_sim/tasks/{task_id}", json={"status": "succeeded", "error": None, "tokens": 7})
        succeeded = (await client.get(f"{TASKS}/{task_id}")).json()
    assert failed["error"] == {"code": "C", "message": "M"}
    assert succeeded["usage"] == {"completion_tokens": 7, "total_tokens": 7}
    assert "error" not in succeeded


async def test_an_unknown_task_is_a_404(inside: Inside) -> None:
    """Forcing what is not there is told."""
    async with inside(FIXED) as client:
        assert (await client.post("/_sim/tasks/nope", json={"status": "failed"})).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_sim/clock", b'{"advance": "1"}'),
        ("/_sim/clock", b"["),
        ("/_sim/clock", b"[]"),
        ("/_sim/faults", b'{"fault": "nonsense"}'),
    ],
)
async def test_what_cannot_be_carried_out_is_a_400(inside: Inside, path: str, body: bytes) -> None:
    """A control request that cannot be read says why."""
    async with inside(FIXED) as client:
        answer = await client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_an_unknown_state_is_refused(inside: Inside) -> None:
    """Only the six states can be forced."""
    async with inside(FIXED) as client:
        task_id = (await client.post(TASKS, json=BODY)).json()["id"]
        assert (await client.post(f"/_sim/tasks/{task_id}", json={"status": "done"})).status_code == 400


async def test_faults_are_planned_and_cleared(inside: Inside) -> None:
    """A cleared plan fails nothing."""
    async with inside(FIXED) as client:
        await client.post("/_sim/faults", json={"match": "POST .*", "times": 9, "fault": "429"})
        assert (await client.post(TASKS, json=BODY)).status_code == 429
        await client.delete("/_sim/faults")
        assert (await client.post(TASKS, json=BODY)).status_code == 200
        counts = (await client.get("/_sim/counts")).json()
    assert (counts["creates"], counts["limited"]) == (1, 0)
