"""SGLang-Diffusion's video API over a real socket and on a clock that stands still."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import Settings, background, create_app

Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
NOW = 1_764_000_000.0


def _settings(**more: Any) -> Settings:
    return Settings(dialect="sglang", now=lambda: NOW, seed=1, **more)


@pytest.fixture
def client(started: Started) -> Iterator[httpx.Client]:
    """A client of a fresh server."""
    with started(_settings()) as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    """One server for the tests that look at one answer only."""
    with (
        background(create_app(_settings())) as origin,
        httpx.Client(base_url=origin, trust_env=False) as found,
    ):
        yield found


def _create(client: httpx.Client, prompt: str = "a cat", **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/videos", json={"prompt": prompt, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _get(client: httpx.Client, video_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/videos/{video_id}").json()
    return found


def _advance(client: httpx.Client, seconds: float) -> None:
    assert client.post("/_sim/clock", json={"advance": seconds}).status_code == 200


def _fields(client: httpx.Client, video_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/_sim/tasks/{video_id}").json()["data"]
    return found


def test_the_life_of_a_video(client: httpx.Client) -> None:
    """Queued until the end, never in progress; progress 0 or 100; a path and no link."""
    video = _create(client)
    assert (video["model"], video["seconds"], video["size"], video["quality"]) == (
        "sora-2",
        "4",
        "1280x720",
        "standard",
    )
    seen = [(video["status"], video["progress"])]
    for step in (10, 30, 20):
        _advance(client, step)
        now = _get(client, video["id"])
        seen.append((now["status"], now["progress"]))
    assert seen == [("queued", 0), ("queued", 0), ("queued", 0), ("completed", 100)]
    done = _get(client, video["id"])
    assert (done["completed_at"], done["url"], done["error"]) == (NOW + 55, None, None)
    assert done["file_path"].endswith(f"{video['id']}.mp4")


@pytest.mark.parametrize(
    ("fields", "told", "kept"),
    [
        ({"seconds": 6}, {"seconds": "6"}, {"seconds": 6}),
        ({"seconds": "6"}, {"seconds": "6"}, {"seconds": 6}),
        ({"seconds": None}, {"seconds": "4"}, {}),
        ({"num_frames": 48, "fps": 16}, {"seconds": "3"}, {"num_frames": 48}),
        ({"size": "832x480"}, {"size": "832x480"}, {"size": "832x480"}),
        ({"width": 832, "height": 480}, {"size": "832x480"}, {"width": 832}),
        ({"model": "wan"}, {"model": "wan"}, {}),
        ({"reference_url": "https://a/1.png"}, {}, {"reference_url": "https://a/1.png"}),
        ({"input_reference": "data:image/png;base64,AAAA"}, {}, {"input_reference": "data:image/png;base64,AAAA"}),
        ({"video_url": "https://a/1.mp4"}, {}, {"video_url": "https://a/1.mp4"}),
        ({"extra_body": {"seed": 7}, "extra_json": {"fps": 8}}, {}, {"seed": 7, "fps": 8}),
        ({"extra_body": "x", "content": [], "resolution": "480p"}, {}, {}),
    ],
)
def test_json_creates(shared: httpx.Client, fields: dict[str, Any], told: dict[str, Any], kept: dict[str, Any]) -> None:
    """Numbers may be strings, extras are merged, unknown fields ignored."""
    video = _create(shared, **fields)
    data = _fields(shared, video["id"])
    assert told.items() <= video.items()
    assert kept.items() <= data["fields"].items()
    assert fields.items() <= data["received"].items()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "prompt"),
        ([1], "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": "x", "seconds": "4.5"}, "seconds"),
        ({"prompt": "x", "seconds": 4.5}, "seconds"),
        ({"prompt": "x", "input_reference": {"image_url": "https://a"}}, "input_reference"),
        ({"prompt": "x", "size": "480p"}, "Invalid size: 480p"),
    ],
)
def test_json_refusals_are_one_sentence(shared: httpx.Client, body: object, said: str) -> None:
    """A 400 whose detail names the field."""
    answer = shared.post("/v1/videos", content=json.dumps(body))
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_multipart_creates(shared: httpx.Client) -> None:
    """Files and texts are taken, JSON in extra_body too; width and height get lost."""
    data = {"prompt": "a cat", "seconds": "6", "width": "832", "height": "480", "extra_body": '{"num_frames":48}'}
    files = {"input_reference": ("a.png", b"x", "image/png")}
    video = shared.post("/v1/videos", data=data, files=files).json()
    kept = _fields(shared, video["id"])
    assert (video["seconds"], video["size"]) == ("2", "1280x720")
    assert kept["fields"]["input_reference"].endswith("a.png")
    assert "width" not in kept["fields"]
    assert kept["received"]["width"] == "832"


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"seconds": "4"}, 400, "prompt is required"),
        ({"prompt": "x", "seconds": "4.5"}, 422, "seconds"),
        ({"prompt": "x", "seed": "x"}, 422, "seed"),
        ({"prompt": "x", "input_reference": "https://a"}, 422, "input_reference"),
        ({"prompt": "x", "size": "480p"}, 400, "Invalid size"),
        ({"prompt": "x", "extra_body": "no json", "extra_params": "[1]"}, 200, "queued"),
    ],
)
def test_multipart_refusals(shared: httpx.Client, data: dict[str, str], status: int, said: str) -> None:
    """Wrong types are FastAPI's 422, the rest is a 400; extras that cannot be read count as none."""
    answer = shared.post("/v1/videos", files={name: (None, text.encode()) for name, text in data.items()})
    assert answer.status_code == status
    assert said in answer.text


def test_a_torn_body_is_a_400(shared: httpx.Client) -> None:
    """A multipart body without a boundary."""
    answer = shared.post("/v1/videos", content=b"--x", headers={"content-type": "multipart/form-data"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "There was an error parsing the body"})


def test_lists_have_no_cursors(client: httpx.Client) -> None:
    """Only data and object, with limit, after and order obeyed all the same."""
    made = [_create(client)["id"] for _ in range(3)]
    assert client.get("/v1/videos").json().keys() == {"data", "object"}
    ids = [video["id"] for video in client.get("/v1/videos", params={"limit": 2}).json()["data"]]
    assert ids == [made[2], made[1]]
    ids = [video["id"] for video in client.get("/v1/videos?order=ASC&after=" + made[0]).json()["data"]]
    assert ids == made[1:]
    assert client.get("/v1/videos?after=x").json()["data"] == []
    assert client.get("/v1/videos?order=sideways").status_code == 200
    assert client.get("/v1/videos?limit=0").status_code == 422


def test_delete_forgets_but_does_not_stop(started: Started) -> None:
    """The answer is the video with status deleted; the job keeps its place, so the next one still waits."""
    with started(_settings(concurrency=1)) as client:
        first, second = _create(client), _create(client)
        _advance(client, 20)
        deleted = client.delete(f"/v1/videos/{first['id']}").json()
        assert deleted == {**first, "status": "deleted"}
        for path in ("", "/content"):
            assert client.get(f"/v1/videos/{first['id']}{path}").json() == {"detail": "Video not found"}
        assert client.delete(f"/v1/videos/{first['id']}").status_code == 404
        assert [video["id"] for video in client.get("/v1/videos").json()["data"]] == [second["id"]]
        _advance(client, 40)
        assert _get(client, second["id"])["status"] == "queued"
        _advance(client, 60)
        assert _get(client, second["id"])["status"] == "completed"


def test_content_from_the_servers_disk(client: httpx.Client) -> None:
    """404 before the end and after a failure, the bytes else."""
    good, bad = _create(client)["id"], _create(client, "[[sim:fail]]")["id"]
    early = client.get(f"/v1/videos/{good}/content")
    assert (early.status_code, early.json()) == (404, {"detail": "Generation is still in-progress"})
    _advance(client, 600)
    assert client.get(f"/v1/videos/{good}/content").content[4:8] == b"ftyp"
    assert client.get(f"/v1/videos/{bad}/content").status_code == 404


def test_a_failure_has_a_message_and_no_code(client: httpx.Client) -> None:
    """Even when the prompt named one."""
    video_id = _create(client, "[[sim:fail=oom]]")["id"]
    _advance(client, 600)
    failed = _get(client, video_id)
    assert (failed["status"], failed["progress"], list(failed["error"])) == ("failed", 0, ["message"])


def test_content_in_the_cloud(client: httpx.Client) -> None:
    """The link is in the video and good without a key; the content route only points to it."""
    video_id = _create(client, "[[sim:cloud]]")["id"]
    assert client.get(f"/v1/videos/{video_id}/content").status_code == 404
    _advance(client, 600)
    url = _get(client, video_id)["url"]
    answer = client.get(f"/v1/videos/{video_id}/content")
    assert answer.status_code == 400
    assert url in answer.json()["detail"]
    client.headers.pop("authorization")
    assert client.get(url).content[4:8] == b"ftyp"


def test_a_key_is_only_asked_for_where_there_is_one(started: Started, shared: httpx.Client) -> None:
    """Without one anybody may call."""
    assert shared.get("/v1/videos").status_code == 200
    with started(_settings(key="sk-right")) as client:
        answer = client.get("/v1/videos", headers={"authorization": "Bearer sk-wrong"})
        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/moderations", 404), ("PUT", "/v1/videos", 405), ("POST", "/v1/videos/x/remix", 404)],
)
def test_what_does_not_exist(shared: httpx.Client, method: str, path: str, status: int) -> None:
    """404 for a path and 405 for a method."""
    assert shared.request(method, path).status_code == status


def test_failures_on_demand(client: httpx.Client) -> None:
    """In FastAPI's form."""
    answer = client.post("/v1/videos", json={"prompt": "[[sim:429]]"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert client.get("/v1/videos").json()["data"] == []
