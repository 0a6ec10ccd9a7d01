"""What GET says of a task in each of its states."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest

from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
TASKS = "/api/v3/contents/generations/tasks"
NOW = 1_795_000_000
Body = dict[str, object]
S20 = "doubao-seedance-2-0-260128"


async def _create(client: httpx.AsyncClient, prompt: str = "a cat", **fields: object) -> str:
    body = {"model": S20, "content": [{"type": "text", "text": prompt}], "resolution": "480p", "duration": 4} | fields
    answer = await client.post(TASKS, json=body)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["id"], "a creation is answered by the id alone"
    return str(answer.json()["id"])


async def _at(client: httpx.AsyncClient, task_id: str, advance: float) -> Body:
    await client.post("/_sim/clock", json={"advance": advance})
    body: Body = (await client.get(f"{TASKS}/{task_id}")).json()
    return body


async def test_the_life_of_a_task(client: httpx.AsyncClient) -> None:
    """Queued, running and succeeded bodies have the keys of the real ones, in their order."""
    task_id = await _create(client, ratio="16:9", seed=1276)
    common = {"service_tier": "default", "execution_expires_after": 172_800, "generate_audio": True, "draft": False}
    queued = await _at(client, task_id, 0)
    assert queued == {
        "id": task_id,
        "model": S20,
        "status": "queued",
        "created_at": NOW,
        "updated_at": NOW,
        **common,
        "priority": 0,
    }
    assert await _at(client, task_id, 5) == queued | {"status": "running", "updated_at": NOW + 5}
    done = await _at(client, task_id, 56)
    content = done.pop("content")
    assert isinstance(content, dict)
    assert list(content) == ["video_url"]
    assert list(done.items()) == [
        ("id", task_id),
        ("model", S20),
        ("status", "succeeded"),
        ("usage", {"completion_tokens": 40_594, "total_tokens": 40_594}),
        ("created_at", NOW),
        ("updated_at", NOW + 60),
        ("seed", 1276),
        ("resolution", "480p"),
        ("ratio", "16:9"),
        ("duration", 4),
        ("framespersecond", 24),
        *common.items(),
        ("priority", 0),
    ]


@pytest.mark.parametrize(
    ("directive", "status"),
    [("fail=OutputVideoSensitiveContentDetected.PolicyViolation", "failed"), ("expire", "expired")],
)
async def test_a_task_that_ends_badly(client: httpx.AsyncClient, directive: str, status: str) -> None:
    """It has no content, usage, seed, resolution, ratio or duration; a failed one has code and message."""
    ended = await _at(client, await _create(client, f"a cat [[sim:{directive}]]"), 3600)
    error = ended.pop("error", None)
    assert ended["status"] == status
    assert set(ended) == {
        *("id", "model", "status", "created_at", "updated_at", "service_tier", "execution_expires_after"),
        *("generate_audio", "draft", "priority"),
    }
    if status == "failed":
        assert isinstance(error, dict)
        assert error["code"] == "OutputVideoSensitiveContentDetected.PolicyViolation"
        assert " Request id: 02" in error["message"]


async def test_execution_expires_after(inside: Inside) -> None:
    """A task that still waits when its time is over is expired."""
    async with inside(Settings(now=lambda: float(NOW), concurrency=1)) as client:
        for _ in range(5):  # each runs for some 990 s
            await _create(client, duration=15, resolution="1080p")
        waiting = await _create(client, execution_expires_after=3600)
        assert (await _at(client, waiting, 3599))["status"] == "queued"
        expired = await _at(client, waiting, 1)
    assert (expired["status"], expired["updated_at"]) == ("expired", NOW + 3600)


async def test_an_unknown_word_for_a_while(client: httpx.AsyncClient) -> None:
    """`status=` shows its word for the first half of the running, then the true one."""
    task_id = await _create(client, "[[sim:status=preprocessing]]")
    assert [(await _at(client, task_id, step))["status"] for step in (0, 6, 30, 30)] == [
        "queued",
        "preprocessing",
        "running",
        "succeeded",
    ]


async def test_echoes_frames_and_tool_use(client: httpx.AsyncClient) -> None:
    """What the request said comes back; frames stand in the place of duration; a search is counted."""
    tools = [{"type": "web_search"}]
    done = await _at(client, await _create(client, safety_identifier="s", tools=tools, priority=3), 3600)
    assert (done["safety_identifier"], done["tools"], done["priority"]) == ("s", tools, 3)
    assert done["usage"] == {"completion_tokens": 40_594, "total_tokens": 40_594, "tool_usage": {"web_search": 1}}
    one = await _at(
        client, await _create(client, model="doubao-seedance-1-0-pro-250528", duration=None, frames=57), 3600
    )
    assert one["frames"] == 57
    assert "duration" not in one
    assert "generate_audio" not in one
    assert "priority" not in one


async def test_an_endpoint_is_answered_by_its_model(client: httpx.AsyncClient) -> None:
    """`model` is the resolved name and version, also when an endpoint was sent."""
    assert (await _at(client, await _create(client, model="ep-1"), 0))["model"] == S20


async def test_records_vanish(client: httpx.AsyncClient) -> None:
    """A record is gone 7 days after its creation, a cancelled one 24 hours after its cancellation."""
    kept, cancelled = await _create(client), await _create(client)
    await client.delete(f"{TASKS}/{cancelled}")
    assert (await _at(client, cancelled, 86_399))["status"] == "cancelled"
    assert "error" in await _at(client, cancelled, 1)
    assert (await _at(client, kept, 6 * 86_400 - 1))["status"] == "succeeded"
    await client.post("/_sim/clock", json={"advance": 1})
    assert (await client.get(f"{TASKS}/{kept}")).status_code == 404
