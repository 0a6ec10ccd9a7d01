"""The second step of drafts, of 2.5 and of 1.5 pro."""

import httpx2 as httpx
import pytest

TASKS = "/api/v3/contents/generations/tasks"
S25, S15, S20 = "doubao-seedance-2-5-260628", "doubao-seedance-1-5-pro-251215", "doubao-seedance-2-0-260128"
Body = dict[str, object]


async def _finished_draft(client: httpx.AsyncClient, model: str, **fields: object) -> str:
    content = [{"type": "text", "text": "a cat"}]
    body = {"model": model, "content": content, "draft": True, "duration": 4, "ratio": "16:9"} | fields
    task_id = str((await client.post(TASKS, json=body)).json()["id"])
    await client.post("/_sim/clock", json={"advance": 600})
    return task_id


def _final(model: str, draft_id: str, **fields: object) -> Body:
    return {"model": model, "content": [{"type": "draft_task", "draft_task": {"id": draft_id}}]} | fields


async def _made(client: httpx.AsyncClient, body: Body) -> Body:
    answer = await client.post(TASKS, json=body)
    assert answer.status_code == 200, answer.text
    await client.post("/_sim/clock", json={"advance": 3600})
    task: Body = (await client.get(f"{TASKS}/{answer.json()['id']}")).json()
    return task


async def test_the_final_of_2_5(client: httpx.AsyncClient) -> None:
    """Draft and final have the measured tokens, and the final names its draft."""
    draft_id = await _finished_draft(client, S25, seed=11)
    draft = (await client.get(f"{TASKS}/{draft_id}")).json()
    final = await _made(client, _final(S25, draft_id, resolution="1080p", return_last_frame=True, output_format="mov"))
    assert (draft["draft"], draft["usage"]["total_tokens"], draft["resolution"]) == (True, 38_830, "480p")
    assert (final["draft"], final["draft_task_id"], final["seed"]) == (False, draft_id, 11)
    assert (final["resolution"], final["usage"]) == (
        "1080p",
        {"completion_tokens": 196_425, "total_tokens": 196_425},
    )


async def test_the_final_of_1_5_takes_the_models_defaults(client: httpx.AsyncClient) -> None:
    """What is not reused of the draft is the model's default: 720p, not the draft's 480p."""
    draft_id = await _finished_draft(client, S15, generate_audio=False)
    final = await _made(client, _final(S15, draft_id, service_tier="flex"))
    assert (final["resolution"], final["duration"], final["generate_audio"]) == ("720p", 4, False)
    assert (final["service_tier"], final["usage"]) == ("flex", {"completion_tokens": 87_300, "total_tokens": 87_300})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "resolution"),
        ({"resolution": "720p"}, "resolution"),
        ({"resolution": "1080p", "duration": 4}, "duration"),
        ({"resolution": "1080p", "ratio": "16:9"}, "ratio"),
        ({"resolution": "1080p", "seed": 11}, "seed"),
        ({"resolution": "1080p", "generate_audio": True}, "generate_audio"),
        ({"resolution": "1080p", "omni_reference_task_type": "auto"}, "omni_reference_task_type"),
        ({"resolution": "1080p", "draft": True}, "draft"),
        ({"resolution": "1080p", "priority": 10}, "priority"),
        ({"resolution": "1080p", "model": "dreamina-seedance-2-5-260628"}, "model"),
    ],
)
async def test_what_2_5_does_not_want_again(client: httpx.AsyncClient, fields: Body, param: str) -> None:
    """Repeating what the draft holds is a 400, even if it is equal; so is any other resolution."""
    draft_id = await _finished_draft(client, S25)
    answer = await client.post(TASKS, json=_final(S25, draft_id) | fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_draft_task_comes_alone(client: httpx.AsyncClient) -> None:
    """Text beside it is refused."""
    body = _final(S25, await _finished_draft(client, S25), resolution="1080p")
    assert isinstance(body["content"], list)
    body["content"].append({"type": "text", "text": "a cat"})
    answer = await client.post(TASKS, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "content")


async def test_only_a_finished_draft_of_the_last_seven_days_will_do(client: httpx.AsyncClient) -> None:
    """Unknown, old, unfinished and ordinary tasks are refused."""
    final = {"resolution": "1080p"}
    assert (await client.post(TASKS, json=_final(S25, "cgt-20260101000000-aaaaa", **final))).status_code == 404
    video = {"model": S25, "content": [{"type": "text", "text": "a cat"}]}
    ordinary = (await client.post(TASKS, json=video)).json()["id"]
    assert (await client.post(TASKS, json=_final(S25, ordinary, **final))).status_code == 400
    running = (await client.post(TASKS, json=video | {"draft": True})).json()["id"]
    assert (await client.post(TASKS, json=_final(S25, running, **final))).status_code == 400
    await client.post("/_sim/clock", json={"advance": 7 * 86_400})
    assert (await client.post(TASKS, json=_final(S25, running, **final))).status_code == 404
