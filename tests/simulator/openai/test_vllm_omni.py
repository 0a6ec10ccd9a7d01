"""vLLM-Omni's video API over a real socket and on a clock that stands still."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import Settings, background, create_app
from proxy.simulator.openai.vllm_omni import SERVED_MODEL

Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
Files = dict[str, tuple[str | None, bytes] | tuple[str, bytes, str]]
NOW = 1_764_000_000.0
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def _settings(**more: Any) -> Settings:
    return Settings(dialect="vllm-omni", now=lambda: NOW, seed=1, **more)


@pytest.fixture
def client(started: Started) -> Iterator[httpx.Client]:
    """A client of a fresh server."""
    with started(_settings()) as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    """One server for the tests that only look at refusals."""
    with (
        background(create_app(_settings())) as origin,
        httpx.Client(base_url=origin, trust_env=False) as found,
    ):
        yield found


def _form(**fields: str) -> Files:
    return {name: (None, text.encode()) for name, text in fields.items()}


def _create(client: httpx.Client, prompt: str = "a cat", **fields: str) -> dict[str, Any]:
    answer = client.post("/v1/videos", files=_form(prompt=prompt, **fields))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _get(client: httpx.Client, video_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/videos/{video_id}").json()
    return found


def _advance(client: httpx.Client, seconds: float) -> None:
    assert client.post("/_sim/clock", json={"advance": seconds}).status_code == 200


def test_the_life_of_a_video(client: httpx.Client) -> None:
    """Progress jumps from 0 to 100, the model is the server's own, and there is no link anywhere."""
    video = _create(client, model="other", seconds="4", size="832x480")
    assert video["id"].startswith("video_gen_")
    assert (video["model"], video["seconds"], video["size"]) == (SERVED_MODEL, "4", "832x480")
    seen = [(video["status"], video["progress"])]
    for step in (10, 30, 20):
        _advance(client, step)
        now = _get(client, video["id"])
        seen.append((now["status"], now["progress"]))
    assert seen == [("queued", 0), ("in_progress", 0), ("in_progress", 0), ("completed", 100)]
    done = _get(client, video["id"])
    assert done["completed_at"] == NOW + 55
    assert (done["media_type"], done["file_name"]) == ("video/mp4", f"{video['id']}.mp4")
    assert done["inference_time_s"] == pytest.approx(50)
    assert "http" not in client.get(f"/v1/videos/{video['id']}").text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"seconds": "4", "size": None, "quality": "default", "expires_at": None}),
        ({"seconds": "7"}, {"seconds": "7"}),
        ({"width": "832", "height": "480"}, {"size": "832x480"}),
        ({"width": "832"}, {"size": None}),
        ({"unknown": "x", "ratio": "1:1"}, {"size": None}),
    ],
)
def test_what_the_answer_tells(client: httpx.Client, fields: dict[str, str], told: dict[str, Any]) -> None:
    """Length and size as requested, else "4" and null; fields it does not know are ignored."""
    assert told.items() <= _create(client, **fields).items()


def test_what_was_received_can_be_read(client: httpx.Client) -> None:
    """The control route shows the converted fields, and all parts as they came."""
    files = _form(prompt="a cat", seed="7", generate_sound="true", fps="16", ratio="1:1", extra_params='{"a":1}')
    made = client.post("/v1/videos", files={**files, "input_reference": ("a.png", PNG, "image/png")}).json()
    data = client.get(f"/_sim/tasks/{made['id']}").json()["data"]
    assert data["fields"] == {
        "prompt": "a cat", "seed": 7, "generate_sound": True, "fps": 16, "extra_params": '{"a":1}',
    }  # fmt: skip
    assert (data["received"]["ratio"], data["received"]["input_reference"]["bytes"]) == ("1:1", len(PNG))


@pytest.mark.parametrize(
    ("fields", "place", "kind"),
    [
        ({}, "prompt", "missing"),
        ({"prompt": ""}, "prompt", "missing"),
        ({"seconds": "0"}, "seconds", "string_pattern_mismatch"),
        ({"seconds": "-1"}, "seconds", "string_pattern_mismatch"),
        ({"seconds": "4.5"}, "seconds", "string_pattern_mismatch"),
        ({"size": "480p"}, "size", "string_pattern_mismatch"),
        ({"size": "16:9"}, "size", "string_pattern_mismatch"),
        ({"width": "wide"}, "width", "int_parsing"),
        ({"num_frames": "0"}, "num_frames", "greater_than_equal"),
        ({"num_inference_steps": "201"}, "num_inference_steps", "less_than_equal"),
        ({"seed": "x"}, "seed", "int_parsing"),
        ({"guidance_scale": "x"}, "guidance_scale", "float_parsing"),
        ({"generate_sound": "perhaps"}, "generate_sound", "bool_parsing"),
        ({"input_reference": "https://a/1.png"}, "input_reference", "value_error"),
    ],
)
def test_wrong_fields_are_422(shared: httpx.Client, fields: dict[str, str], place: str, kind: str) -> None:
    """FastAPI's list names the place and the kind."""
    given = fields if not fields or "prompt" in fields else {"prompt": "x", **fields}
    answer = shared.post("/v1/videos", files=_form(**given) or _form(other="x"))
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert [(entry["loc"], entry["type"]) for entry in detail] == [(["body", place], kind)]


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/sync"])
def test_json_is_not_taken(shared: httpx.Client, path: str) -> None:
    """A JSON body has no form fields, so the prompt is missing."""
    answer = shared.post(path, json={"prompt": "a cat", "seconds": "4"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": None}
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (_form(image_reference="x"), "not valid JSON"),
        (_form(image_reference='"https://a"'), "must be a JSON object"),
        (_form(image_reference='{"video_url":"https://a"}'), "must be a JSON object"),
        (_form(image_reference='{"file_id":"file-1"}'), "not implemented"),
        (_form(image_reference='[{"image_url":"https://a"},{"file_id":"b"}]'), "not implemented"),
        (_form(video_reference='{"image_url":"https://a"}'), "video_url"),
        (_form(audio_reference="[1]"), "audio_url"),
        (_form(lora="[]"), "lora must be a JSON object"),
        (_form(extra_params="no"), "extra_params is not valid JSON"),
        (_form(image_reference='{"image_url":"a"}', video_reference='{"video_url":"b"}'), "only one of"),
        ({"input_reference": ("a.txt", b"text", "text/plain")}, "Invalid input reference"),
        ({"input_reference": ("a.png", b"", "image/png")}, "Invalid input reference"),
        ({"input_reference": ("a.png", PNG, "image/png"), **_form(image_reference='{"image_url":"a"}')}, "only one of"),
    ],
)
def test_wrong_references_are_400(shared: httpx.Client, files: Files, said: str) -> None:
    """References and parameter objects are JSON in a field, and only one picture or video is taken."""
    answer = shared.post("/v1/videos", files={**_form(prompt="x"), **files})
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "files",
    [
        _form(image_reference='{"image_url":"https://a/1.png"}'),
        _form(image_reference='[{"image_url":"https://a/1.png"},{"image_url":"data:image/png;base64,AAAA"}]'),
        _form(video_reference='{"video_url":"https://a/1.mp4"}', audio_reference='{"audio_url":"https://a/1.mp3"}'),
        {"input_reference": ("a.png", PNG, "image/png")},
        {"input_reference": ("upload", b"\x00\x00\x00\x18ftypmp42", "application/octet-stream")},
        {"control_reference": ("a.mp4", b"x", "video/mp4")},
    ],
)
def test_good_references(shared: httpx.Client, files: Files) -> None:
    """Nothing that is named is fetched."""
    assert shared.post("/v1/videos", files={**_form(prompt="x"), **files}).status_code == 200


def test_a_torn_body_is_a_400(shared: httpx.Client) -> None:
    """A multipart body that does not end."""
    headers = {"content-type": "multipart/form-data"}
    answer = shared.post("/v1/videos", content=b"--x", headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"detail": "There was an error parsing the body"})


def test_sync_answers_with_the_video(client: httpx.Client) -> None:
    """Raw MP4 at once, and no job is kept; a failing one is a 500."""
    answer = client.post("/v1/videos/sync", files=_form(prompt="a cat"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content[4:8] == b"ftyp"
    assert client.get("/v1/videos").json()["data"] == []
    assert client.post("/v1/videos/sync", files=_form(prompt="[[sim:fail]]")).status_code == 500


def test_lists_have_the_right_envelope(client: httpx.Client) -> None:
    """All of it by default, cursors and order as OpenAI has them; an unknown cursor is an empty page."""
    made = [_create(client)["id"] for _ in range(3)]
    everything = client.get("/v1/videos").json()
    assert everything.keys() == {"object", "data", "first_id", "last_id", "has_more"}
    assert [video["id"] for video in everything["data"]] == made[::-1]
    page = client.get("/v1/videos", params={"order": "asc", "limit": 1, "after": made[0]}).json()
    assert (page["first_id"], page["last_id"], page["has_more"]) == (made[1], made[1], True)
    empty = client.get("/v1/videos", params={"after": "x"}).json()
    assert (empty["data"], empty["first_id"], empty["has_more"]) == ([], None, False)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up"])
def test_a_wrong_list_query_is_a_422(shared: httpx.Client, query: str) -> None:
    """The place is the query."""
    answer = shared.get(f"/v1/videos?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


@pytest.mark.parametrize("after", [0, 20, 600])
def test_delete_cancels_and_forgets(client: httpx.Client, after: float) -> None:
    """Queued, running and finished jobs alike are gone at once."""
    video_id = _create(client)["id"]
    _advance(client, after)
    answer = client.delete(f"/v1/videos/{video_id}")
    assert answer.json() == {"id": video_id, "deleted": True, "object": "video.deleted"}
    assert client.get(f"/v1/videos/{video_id}").json() == {"detail": "Video not found"}
    assert client.delete(f"/v1/videos/{video_id}").status_code == 404


def test_a_slow_cancellation_is_a_409_first(client: httpx.Client) -> None:
    """As long as it is pending; then the job can be deleted."""
    video_id = _create(client, "[[sim:cancel=pending]]")["id"]
    _advance(client, 20)
    for _ in range(2):
        assert client.delete(f"/v1/videos/{video_id}").status_code == 409
    assert _get(client, video_id)["status"] == "in_progress"
    _advance(client, 2)
    assert client.delete(f"/v1/videos/{video_id}").status_code == 200


def test_content_at_each_time(client: httpx.Client) -> None:
    """404 while it runs, the bytes when it is done, 422 after a failure, 404 again when the file is gone."""
    good, bad, gone = (_create(client, prompt)["id"] for prompt in ("a", "[[sim:fail=507]]", "[[sim:file=gone]]"))
    assert client.get("/v1/videos/x/content").json() == {"detail": "Video not found"}
    early = client.get(f"/v1/videos/{good}/content")
    assert (early.status_code, early.json()) == (404, {"detail": "Generation is still in-progress"})
    _advance(client, 600)
    assert client.get(f"/v1/videos/{good}/content").content[4:8] == b"ftyp"
    assert client.get(f"/v1/videos/{good}/content", headers={"range": "bytes=0-3"}).status_code == 206
    assert client.get(f"/v1/videos/{bad}/content").status_code == 422
    failed = _get(client, bad)
    assert (failed["status"], failed["error"]["code"], failed["progress"]) == ("failed", 507, 0)
    assert _get(client, gone)["status"] == "completed"
    assert client.get(f"/v1/videos/{gone}/content").status_code == 404


def test_a_failure_has_the_exceptions_name(client: httpx.Client) -> None:
    """Where the prompt gives no code."""
    video_id = _create(client, "[[sim:fail]]")["id"]
    _advance(client, 600)
    assert _get(client, video_id)["error"]["code"] == "RuntimeError"


def test_a_restart_loses_everything(tmp_path: Path) -> None:
    """Even where the simulator keeps a state file."""
    for _ in range(2):
        with (
            background(create_app(_settings(state=tmp_path / "state.jsonl"))) as origin,
            httpx.Client(base_url=origin, trust_env=False) as client,
        ):
            assert len(client.get("/v1/videos").json()["data"]) == 0
            _create(client)


def test_a_key_is_only_asked_for_where_there_is_one(started: Started, shared: httpx.Client) -> None:
    """Without one anybody may call; with one the refusal's error is a string."""
    assert shared.get("/v1/videos").status_code == 200
    with started(_settings(key="sk-right")) as client:
        answer = client.get("/v1/videos", headers={"authorization": "Bearer sk-wrong"})
        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
        assert client.get("/v1/videos", headers={"authorization": "Bearer sk-right"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/moderations", 404), ("PUT", "/v1/videos", 405), ("HEAD", "/v1/videos/x/content", 405),
        ("POST", "/v1/videos/x/remix", 404), ("POST", "/v1/videos/edits", 405), ("GET", "/v1/videos/sync", 405),
    ],
)  # fmt: skip
def test_what_does_not_exist(shared: httpx.Client, method: str, path: str, status: int) -> None:
    """404 for a path and 405 for a method, with a detail."""
    assert shared.request(method, path).status_code == status


def test_failures_on_demand(client: httpx.Client) -> None:
    """In FastAPI's form."""
    answer = client.post("/v1/videos", files=_form(prompt="[[sim:500-after]]"))
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
    assert len(client.get("/v1/videos").json()["data"]) == 1
