"""The task routes: authentication, bodies, ids, limits, faults, deletes, restarts."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path

import httpx2 as httpx
import pytest

from proxy.simulator import Settings
from proxy.simulator.front import MOST_BODY

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
TASKS = "/api/v3/contents/generations/tasks"
NOW = 1_795_000_000.0
S20 = "doubao-seedance-2-0-260128"
ERROR_KEYS = ["code", "message", "param", "type"]


def _body(prompt: str = "a cat", **fields: object) -> dict[str, object]:
    return {"model": S20, "content": [{"type": "text", "text": prompt}], "resolution": "480p", "duration": 4} | fields


async def _create(client: httpx.AsyncClient, prompt: str = "a cat", **fields: object) -> str:
    return str((await client.post(TASKS, json=_body(prompt, **fields))).json()["id"])


async def _code(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> tuple[int, str]:
    answer = await client.request(method, path, headers=headers)
    error = answer.json()["error"]
    assert list(error) == ERROR_KEYS
    assert error["message"].endswith(f"Request id: {answer.headers['x-request-id']}")
    return answer.status_code, error["code"]


async def test_ids(client: httpx.AsyncClient) -> None:
    """An id is the moment in UTC+8 and five letters or digits; each is another."""
    ids = {await _create(client) for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"cgt-20261118190640-[a-z0-9]{5}", task_id) for task_id in ids)


async def test_every_answer_has_a_request_id(client: httpx.AsyncClient) -> None:
    """Accepted creations carry one too."""
    answer = await client.post(TASKS, json=_body())
    assert re.fullmatch(r"02\d{13}0{20}ffff[0-9a-f]{14}", answer.headers["x-request-id"])


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic abc", "any-key"])
async def test_without_a_key_nothing_is_answered(client: httpx.AsyncClient, authorization: str) -> None:
    """A missing or unreadable Authorization is the 401 of the reference, on every task route."""
    for method, path in (("POST", TASKS), ("GET", TASKS), ("GET", f"{TASKS}/a"), ("DELETE", f"{TASKS}/a")):
        assert await _code(client, method, path, authorization=authorization) == (401, "AuthenticationError")


async def test_a_key_of_the_settings_is_the_only_good_one(inside: Inside) -> None:
    """Any key is good, unless the settings name one."""
    async with inside(Settings(key="secret")) as client:
        assert await _code(client, "GET", TASKS) == (401, "AuthenticationError")
        assert (await client.get(TASKS, headers={"authorization": "Bearer secret"})).status_code == 200


async def test_unknown_things(client: httpx.AsyncClient) -> None:
    """Unknown paths, methods and tasks have their codes; under the plan base a 404 is empty."""
    assert await _code(client, "GET", "/api/v3/nothing") == (404, "InvalidAction")
    assert await _code(client, "POST", "/v1/videos") == (404, "InvalidAction")
    assert await _code(client, "PUT", TASKS) == (404, "InvalidAction")
    for method in ("GET", "DELETE"):
        assert await _code(client, method, f"{TASKS}/cgt-20260101000000-aaaaa") == (404, "NotFound.id")
    plan = await client.get("/api/plan/v3/models")
    assert (plan.status_code, plan.content) == (404, b"")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff"])
async def test_unreadable_bodies(client: httpx.AsyncClient, content: bytes) -> None:
    """What is no JSON object is a 400."""
    answer = await client.post(TASKS, content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")


async def test_a_body_above_64_mb_is_refused(client: httpx.AsyncClient) -> None:
    """The limit is the documented one, and the message states it."""
    answer = await client.post(TASKS, content=bytes(MOST_BODY + 1))
    assert answer.status_code == 413
    assert str(MOST_BODY) in answer.json()["error"]["message"]


async def test_what_the_sdks_send_is_accepted(client: httpx.AsyncClient) -> None:
    """The captured body with a null for every field that was not set makes a task with the defaults."""
    names = (
        "safety_identifier callback_url return_last_frame service_tier execution_expires_after priority generate_audio "
        "draft camera_fixed watermark seed ratio frames tools output_format omni_reference_task_type"
    )
    answer = await client.post(TASKS, json=_body() | dict.fromkeys(names.split()))
    assert answer.status_code == 200


async def test_deletes_per_status(client: httpx.AsyncClient) -> None:
    """Queued is cancelled, running refused, cancelled refused, every other end deleted."""
    queued, running = await _create(client), await _create(client)
    assert (await client.delete(f"{TASKS}/{queued}")).json() == {}
    assert (await client.get(f"{TASKS}/{queued}")).json()["status"] == "cancelled"
    assert await _code(client, "DELETE", f"{TASKS}/{queued}") == (403, "OperationDenied.InvalidState")
    await client.post("/_sim/clock", json={"advance": 6})
    assert await _code(client, "DELETE", f"{TASKS}/{running}") == (409, "TaskRunningCannotCancel")
    ended = [running, await _create(client, "[[sim:fail=X]]"), await _create(client, "[[sim:expire]]")]
    await client.post("/_sim/clock", json={"advance": 3600})
    for task_id in ended:
        # the SDKs send a body with their DELETE
        answer = await client.request("DELETE", f"{TASKS}/{task_id}", json={})
        assert (answer.status_code, answer.json()) == (200, {})
        assert await _code(client, "GET", f"{TASKS}/{task_id}") == (404, "NotFound.id")


async def test_concurrency_makes_tasks_wait(inside: Inside) -> None:
    """Above the concurrency tasks stay queued; 4k has one slot of its own."""
    async with inside(Settings(now=lambda: NOW, concurrency=2)) as client:
        for fields in ({}, {}, {}, {"resolution": "4k"}, {"resolution": "4k"}):
            await _create(client, **fields)
        await client.post("/_sim/clock", json={"advance": 6})
        listed = (await client.get(TASKS)).json()["items"]
    assert [item["status"] for item in reversed(listed)] == ["running", "running", "queued", "running", "queued"]


async def test_the_queue_limit(inside: Inside) -> None:
    """A create above the queue's limit is the 429 QuotaExceeded of the reference."""
    async with inside(Settings(now=lambda: NOW, queue_limit=2)) as client:
        answers = [await client.post(TASKS, json=_body()) for _ in range(3)]
        counts = (await client.get("/_sim/counts")).json()
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "QuotaExceeded"
    assert answers[2].json()["error"]["message"].startswith("The request has exceeded the quota")
    assert (counts["creates"], counts["limited"]) == (2, 1)


async def test_lists_a_second(inside: Inside) -> None:
    """A second LIST within a second is refused, and an advance of the clock makes room."""
    async with inside(Settings(now=lambda: NOW)) as client:
        assert (await client.get(TASKS)).status_code == 200
        assert await _code(client, "GET", TASKS) == (429, "AccountRateLimitExceeded")
        await client.post("/_sim/clock", json={"advance": 1})
        assert (await client.get(TASKS)).status_code == 200


async def test_a_late_failure_of_2_5(client: httpx.AsyncClient) -> None:
    """A frame with a fixed ratio is accepted, and fails while it runs with the documented code."""
    image = {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}
    task_id = await _create(client, model="doubao-seedance-2-5-260628", content=[image], ratio="16:9")
    await client.post("/_sim/clock", json={"advance": 8})
    failed = (await client.get(f"{TASKS}/{task_id}")).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "InvalidParameter.TaskTypeConstraint")


@pytest.mark.parametrize("url", ["https://callbacks.example/x", "http://10.0.0.1/x", "ftp://127.0.0.1/x", "nothing"])
async def test_callbacks_go_to_loopback_only(client: httpx.AsyncClient, url: str) -> None:
    """Another address is refused by name, so that a demo calls nobody."""
    answer = await client.post(TASKS, json=_body(callback_url=url))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "callback_url")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"])
async def test_loopback_callbacks_are_accepted(client: httpx.AsyncClient, url: str) -> None:
    """Every spelling of this machine is good."""
    assert (await client.post(TASKS, json=_body(callback_url=url))).status_code == 200


async def test_preflights_are_echoed(client: httpx.AsyncClient) -> None:
    """OPTIONS answers 200 with the origin and the headers that were asked for."""
    asked = {"origin": "https://a.example", "access-control-request-headers": "authorization"}
    answer = await client.options(f"{TASKS}/a", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-headers"] == "authorization"


async def test_faults_have_arks_bodies(client: httpx.AsyncClient) -> None:
    """What was asked to fail fails in Ark's envelope, and the counts tell what was accepted."""
    codes = {}
    for word in ("429", "500-before", "500-after", "no-id", "empty-404"):
        answer = await client.post(TASKS, json=_body(f"[[sim:{word}]]"))
        codes[word] = (answer.status_code, answer.json()["error"]["code"] if "error" in answer.text else answer.text)
    assert codes == {
        "429": (429, "RateLimitExceeded.EndpointRPMExceeded"),
        "500-before": (500, "InternalServiceError"),
        "500-after": (500, "InternalServiceError"),
        "no-id": (200, "{}"),
        "empty-404": (404, ""),
    }
    assert (await client.get("/_sim/counts")).json()["creates"] == 2
    assert (await client.get(TASKS)).json()["total"] == 2


async def test_state_survives_a_restart(inside: Inside, tmp_path: Path) -> None:
    """Tasks go on where they were, the moved clock and the deleted ones included."""
    settings = Settings(state=tmp_path / "state", now=lambda: NOW, enforce_limits=False)
    async with inside(settings) as client:
        first, second, third = [await _create(client) for _ in range(3)]
        await client.delete(f"{TASKS}/{second}")
        await client.post("/_sim/clock", json={"advance": 30})
        before = (await client.get(TASKS)).json()
    async with inside(settings) as client:
        assert (await client.get(TASKS)).json() == before
        assert [item["status"] for item in before["items"]] == ["running", "cancelled", "running"]
        await client.post("/_sim/clock", json={"advance": 30})
        assert (await client.get(f"{TASKS}/{first}")).json()["status"] == "succeeded"
        await client.delete(f"{TASKS}/{third}")
    async with inside(settings) as client:
        assert await _code(client, "GET", f"{TASKS}/{third}") == (404, "NotFound.id")


async def test_old_records_are_forgotten(inside: Inside) -> None:
    """What is older than seven days does not stay in memory once new tasks come."""
    async with inside(Settings(now=lambda: NOW)) as client:
        await _create(client)
        await client.post("/_sim/clock", json={"advance": 7 * 86_400})
        task_id = await _create(client)
        assert [job["id"] for job in (await client.get("/_sim/tasks")).json()] == [task_id]


def test_over_a_socket(started: Started) -> None:
    """Create, poll and hang as a client on the network sees them."""
    with started(Settings(seed=1)) as client:
        task_id = client.post(TASKS, json=_body()).json()["id"]
        hanging = client.post(TASKS, json=_body("[[sim:hang-poll]]")).json()["id"]
        assert client.get(f"{TASKS}/{task_id}").json()["status"] == "queued"
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"{TASKS}/{hanging}", timeout=0.1)
        with pytest.raises(httpx.TransportError):
            client.post(TASKS, json=_body("[[sim:break]]"))
        assert client.get("/_sim/counts").json()["creates"] == 3
