"""new-api from creation to the result, over a real socket and on a clock that stands still."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from proxy.simulator import Settings, background
from proxy.simulator.core import Core
from proxy.simulator.openai import routes

Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
NOW = 1_764_000_000.0
SMALL = {"resolution": "480p", "ratio": "16:9", "duration": 4}


def _settings(**more: Any) -> Settings:
    return Settings(dialect="newapi", now=lambda: NOW, seed=1, **more)


@pytest.fixture
def client(started: Started) -> Iterator[httpx.Client]:
    """A client with a key."""
    with started(_settings()) as found:
        yield found


def _create(client: httpx.Client, prompt: str = "a cat", path: str = "/v1/videos", **fields: Any) -> dict[str, Any]:
    body = {"model": "seedance-2.0-fast", "prompt": prompt, "metadata": SMALL, **fields}
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _get(client: httpx.Client, path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path).json()
    return found


def _advance(client: httpx.Client, seconds: float) -> None:
    assert client.post("/_sim/clock", json={"advance": seconds}).status_code == 200


def test_a_create_answers_like_the_dto(client: httpx.Client) -> None:
    """Seven keys in this order, Ark's own id, and the ratios header."""
    answer = client.post("/v1/videos", json={"model": "seedance-2.0-fast", "prompt": "a cat"})
    assert list(answer.json()) == ["id", "task_id", "object", "model", "status", "progress", "created_at"]
    assert re.fullmatch(r"cgt-\d{14}-[a-z0-9]{5}", answer.json()["id"])
    assert answer.json()["model"] == "seedance-2.0-fast"
    assert json.loads(answer.headers["x-new-api-other-ratios"]) == {}


def test_the_poller_lags_behind(client: httpx.Client) -> None:
    """Unknown before the first round, then what the last round saw: 10, 50 and 100 percent."""
    video_id = _create(client)["id"]
    seen = []
    for step in (0, 14, 1, 30, 15, 15):
        _advance(client, step)
        video = _get(client, f"/v1/videos/{video_id}")
        seen.append((video["status"], video["progress"], video["completed_at"] - NOW))
        assert bool(video["metadata"]["url"]) is (video["status"] == "completed")
    assert seen == [
        ("unknown", 0, 0),
        ("unknown", 0, 0),
        ("in_progress", 50, 15),
        ("in_progress", 50, 45),
        ("completed", 100, 60),
        ("completed", 100, 60),
    ]


def test_a_queued_task_is_at_ten_percent(started: Started) -> None:
    """Behind another one it is queued, also for the poller."""
    with started(_settings(concurrency=1)) as client:
        _create(client)
        second = _create(client)["id"]
        _advance(client, 20)
        assert _get(client, f"/v1/videos/{second}")["status"] == "queued"
        assert _get(client, f"/v1/videos/{second}")["progress"] == 10


def test_older_answers_have_no_usage_and_no_nulls(client: httpx.Client) -> None:
    """Only what the adaptor sets: no seconds, size, error, usage or expires_at."""
    video_id = _create(client)["id"]
    _advance(client, 75)
    video = _get(client, f"/v1/videos/{video_id}")
    assert list(video) == [
        "id", "task_id", "object", "model", "status", "progress", "created_at", "completed_at", "metadata",
    ]  # fmt: skip
    assert list(video["metadata"]) == ["url"]


def test_newer_answers_have_usage(client: httpx.Client) -> None:
    """Ids of new-api's own, and the tokens once the task is done."""
    video_id = _create(client, "[[sim:newapi=newer]]")["id"]
    assert re.fullmatch(r"task_[0-9A-Za-z]{32}", video_id)
    assert "usage" not in _get(client, f"/v1/videos/{video_id}")
    _advance(client, 75)
    assert _get(client, f"/v1/videos/{video_id}")["usage"] == {"completion_tokens": 40_594, "total_tokens": 40_594}


def test_rc30_answers_flat(client: httpx.Client) -> None:
    """Seven keys, the status in capitals, no link and no id but the task's."""
    video_id = _create(client, "[[sim:newapi=rc30]]")["task_id"]
    assert video_id.startswith("task_")
    assert _get(client, f"/v1/videos/{video_id}")["status"] == "NOT_START"
    _advance(client, 75)
    assert _get(client, f"/v1/videos/{video_id}") == {
        "created_at": NOW,
        "fail_reason": "",
        "finished_at": NOW + 60,
        "platform": "1",
        "progress": "100%",
        "status": "SUCCESS",
        "task_id": video_id,
    }
    assert client.get(f"/v1/videos/{video_id}/content").content[4:8] == b"ftyp"


@pytest.mark.parametrize("suffix", ["rc30", "newer", "wrapped"])
def test_a_dialects_name_picks_the_shape(suffix: str) -> None:
    """`newapi-rc30` is a server whose tasks all have that shape."""
    core = Core(Settings(dialect=f"newapi-{suffix}", now=lambda: NOW))
    with (
        background(Starlette(routes=routes(core))) as origin,
        httpx.Client(base_url=origin, headers={"authorization": "Bearer x"}, trust_env=False) as client,
    ):
        video_id = _create(client)["id"]
        assert video_id.startswith("task_")
        keys = _get(client, f"/v1/videos/{video_id}").keys()
        assert ("data" in keys, "finished_at" in keys, "metadata" in keys) == (
            suffix == "wrapped", suffix == "rc30", suffix == "newer",
        )  # fmt: skip


@pytest.mark.parametrize(("word", "path"), [("", "/v1/video/generations"), ("[[sim:newapi=wrapped]]", "/v1/videos")])
def test_the_wrapped_task(client: httpx.Client, word: str, path: str) -> None:
    """The task row in `data` with the raw Ark task in its own `data`, upstream model included."""
    video_id = _create(client, f"a cat {word}", "/v1/video/generations")["id"]
    waiting = _get(client, f"{path}/{video_id}")
    assert (waiting["code"], waiting["message"]) == ("success", "")
    assert (waiting["data"]["status"], waiting["data"]["progress"]) == ("NOT_START", "0%")
    assert list(waiting["data"]["data"]) == ["id"]
    _advance(client, 75)
    data = _get(client, f"{path}/{video_id}")["data"]
    assert (data["task_id"], data["status"], data["progress"]) == (video_id, "SUCCESS", "100%")
    assert data["properties"]["upstream_model_name"] == "doubao-seedance-2-0-fast-260128"
    assert data["properties"]["origin_model_name"] == "seedance-2.0-fast"
    assert data["data"]["status"] == "succeeded"
    assert data["data"]["usage"]["total_tokens"] == 40_594
    assert data["data"]["content"]["video_url"] == data["result_url"]
    assert data["data"]["id"].startswith("cgt-")


def test_the_raw_task_is_the_pollers(client: httpx.Client) -> None:
    """While it runs there is no content, usage or size in it."""
    video_id = _create(client)["id"]
    _advance(client, 20)
    data = _get(client, f"/v1/video/generations/{video_id}")["data"]
    assert (data["status"], data["data"]["status"], data["result_url"]) == ("IN_PROGRESS", "running", "")
    assert not data["data"].keys() & {"content", "usage", "resolution"}


def test_a_failed_task_says_why(client: httpx.Client) -> None:
    """Ark's code and message in `error`, the message in `fail_reason`."""
    video_id = _create(client, "[[sim:fail=InternalServiceError]]")["id"]
    plain = _create(client, "[[sim:fail]]")["id"]
    _advance(client, 75)
    video = _get(client, f"/v1/videos/{video_id}")
    assert (video["status"], video["progress"], video["error"]["code"]) == ("failed", 100, "InternalServiceError")
    assert video["metadata"]["url"] == ""
    wrapped = _get(client, f"/v1/video/generations/{video_id}")["data"]
    assert wrapped["fail_reason"] == video["error"]["message"]
    assert "SensitiveContent" in _get(client, f"/v1/videos/{plain}")["error"]["code"]


def test_an_expired_task_stays_until_new_api_gives_up(client: httpx.Client) -> None:
    """In progress at 30 percent, and after a day failed, without an error object."""
    video_id = _create(client, "[[sim:expire]]")["id"]
    _advance(client, 600)
    stuck = _get(client, f"/v1/videos/{video_id}")
    assert (stuck["status"], stuck["progress"]) == ("in_progress", 30)
    _advance(client, 86_400)
    swept = _get(client, f"/v1/videos/{video_id}")
    assert (swept["status"], "error" in swept) == ("failed", False)
    assert _get(client, f"/v1/video/generations/{video_id}")["data"]["fail_reason"]


def test_an_odd_ark_status_is_in_progress(client: httpx.Client) -> None:
    """What the adaptor does not know counts as running, at 30 percent."""
    video_id = _create(client, "[[sim:status=preparing]]")["id"]
    _advance(client, 15)
    video = _get(client, f"/v1/videos/{video_id}")
    assert (video["status"], video["progress"]) == ("in_progress", 30)


def test_the_result_link_needs_no_key_and_takes_none(client: httpx.Client) -> None:
    """The link is its own proof: bytes without a key, a refusal with one, with HEAD, altered, or after a day."""
    video_id = _create(client)["id"]
    _advance(client, 75)
    url = _get(client, f"/v1/videos/{video_id}")["metadata"]["url"]
    client.headers.pop("authorization")
    assert client.get(url).content[4:8] == b"ftyp"
    assert client.get(url, headers={"range": "bytes=0-3"}).status_code == 206
    assert client.get(url, headers={"authorization": "Bearer sk"}).status_code == 400
    assert client.head(url).status_code == 403
    assert client.get(url + "0").status_code == 403
    _advance(client, 86_400)
    assert client.get(url).status_code == 403


def test_content_is_proxied_when_done(client: httpx.Client) -> None:
    """404 for an unknown task, 400 with the inner status before the end, the bytes after, 502 when the link is dead."""
    assert client.get("/v1/videos/x/content").json()["error"]["message"] == "Task not found"
    video_id = _create(client)["id"]
    path = f"/v1/videos/{video_id}/content"
    for step, status in ((0, "NOT_START"), (15, "IN_PROGRESS")):
        _advance(client, step)
        early = client.get(path)
        assert early.status_code == 400
        assert early.json()["error"]["message"] == f"Task is not completed yet, current status: {status}"
    _advance(client, 60)
    whole = client.get(path, headers={"range": "bytes=0-3"})
    assert (whole.status_code, whole.headers["cache-control"]) == (200, "public, max-age=86400")
    assert whole.content[4:8] == b"ftyp"
    _advance(client, 86_400)
    assert client.get(path).status_code == 502


def test_newer_releases_pass_ranges_on(client: httpx.Client) -> None:
    """A part of the video, as asked."""
    video_id = _create(client, "[[sim:newapi=newer]]")["id"]
    _advance(client, 75)
    part = client.get(f"/v1/videos/{video_id}/content", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_what_was_received_and_sent_on_can_be_read(client: httpx.Client) -> None:
    """The control route shows the caller's fields and the body for Ark side by side."""
    frame = {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}, "role": "first_frame"}
    metadata = {**SMALL, "content": [frame]}
    video_id = _create(client, metadata=metadata, seconds="5", content=[{"type": "text", "text": "lost"}])["id"]
    data = client.get(f"/_sim/tasks/{video_id}").json()["data"]["newapi"]
    assert data["received"]["content"] == [{"type": "text", "text": "lost"}]
    assert data["payload"] == {
        "model": "doubao-seedance-2-0-fast-260128",
        "resolution": "480p",
        "ratio": "16:9",
        "duration": 5,
        "content": [frame, {"type": "text", "text": "a cat"}],
    }


def test_multipart_is_taken_without_its_file(client: httpx.Client) -> None:
    """An uploaded input_reference is not looked at."""
    data = {"model": "m", "prompt": "a cat", "seconds": "4", "resolution": "480p"}
    made = client.post("/v1/videos", data=data, files={"input_reference": ("a.png", b"x", "image/png")})
    sent = client.get(f"/_sim/tasks/{made.json()['id']}").json()["data"]["newapi"]
    assert (sent["payload"]["resolution"], sent["payload"]["duration"]) == ("480p", 4)
    assert sent["payload"]["content"] == [{"type": "text", "text": "a cat"}]
    assert sent["received"]["input_reference"]["filename"] == "a.png"


def test_a_remix_is_a_new_video_of_the_prompt(client: httpx.Client) -> None:
    """With the origin's model; an unknown origin is `task_not_exist`."""
    origin = _create(client)["id"]
    made = client.post(f"/v1/videos/{origin}/remix", json={"prompt": "again"})
    assert (made.status_code, made.json()["model"]) == (200, "seedance-2.0-fast")
    missing = client.post("/v1/videos/x/remix", json={"prompt": "again"})
    assert (missing.status_code, missing.json()) == (
        400,
        {"code": "task_not_exist", "message": "task_origin_not_exist", "data": None},
    )


@pytest.mark.parametrize("path", ["/v1/videos/x", "/v1/video/generations/x"])
def test_an_unknown_id_is_a_400(client: httpx.Client, path: str) -> None:
    """Not a 404."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "task_not_exist")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/videos"), ("DELETE", "/v1/videos/x"), ("POST", "/v1/videos/edits"),
        ("POST", "/v1/videos/extensions"), ("POST", "/v1/videos/characters"), ("GET", "/v1/moderations"),
    ],
)  # fmt: skip
def test_other_routes_do_not_exist(client: httpx.Client, method: str, path: str) -> None:
    """No list, no delete, no edits: an OpenAI-like 404 that names the path."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, f"Invalid URL ({method} {path})")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "m", "prompt": " "}, 400, "invalid_request"),
        ({"model": "m", "prompt": "x", "seconds": 4}, 400, "invalid_request"),
        ({"model": "m", "prompt": "x", "metadata": {"resolution": 1}}, 500, "build_request_failed"),
        ({"model": "m", "prompt": "x", "metadata": {"resolution": "999p"}}, 400, "fail_to_fetch_task"),
        ({"model": "m", "prompt": "x", "seconds": "99"}, 400, "fail_to_fetch_task"),
    ],
)
def test_refusals_have_code_message_data(client: httpx.Client, body: dict[str, Any], status: int, code: str) -> None:
    """Its own refusals are sentences; those of Ark are Ark's JSON as a string in the message."""
    answer = client.post("/v1/videos", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["code", "message", "data"])
    assert (answer.json()["code"], answer.json()["data"]) == (code, None)
    if code == "fail_to_fetch_task":
        assert json.loads(answer.json()["message"])["error"]["code"] == "InvalidParameter"


def test_a_body_that_is_no_json_and_a_missing_model(client: httpx.Client) -> None:
    """The first is the task's error, the second comes from the part that picks a channel."""
    broken = client.post("/v1/videos", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_request")
    nameless = client.post("/v1/videos", json={"prompt": "x"})
    assert (nameless.status_code, nameless.json()["error"]["type"]) == (400, "new_api_error")


def test_keys_are_checked(started: Started) -> None:
    """No key and a wrong one are 401 in new-api's other envelope."""
    with started(_settings(key="sk-right")) as client:
        for key in ("", "Bearer sk-wrong"):
            answer = client.get("/v1/videos/x", headers={"authorization": key})
            assert (answer.status_code, answer.json()["error"]["type"]) == (401, "new_api_error")
        assert client.get("/v1/videos/x", headers={"authorization": "Bearer sk-right"}).status_code == 400


@pytest.mark.parametrize(
    ("word", "status", "made"), [("429", 429, 0), ("500-before", 500, 0), ("500-after", 500, 1), ("empty-404", 404, 0)]
)
def test_failures_on_demand(client: httpx.Client, word: str, status: int, made: int) -> None:
    """The busy group has its own text, a broken upstream its JSON in the message."""
    answer = client.post("/v1/videos", json={"model": "m", "prompt": f"[[sim:{word}]]"})
    assert answer.status_code == status
    assert client.get("/_sim/counts").json()["creates"] == made
    if status == 429:
        assert answer.json()["message"] == "当前分组上游负载已饱和，请稍后再试"
    if status == 500:
        assert json.loads(answer.json()["message"])["error"]["code"] == "InternalServiceError"
