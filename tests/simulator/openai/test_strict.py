"""The strict Videos API from creation to deletion, over a real socket and on a clock that stands still."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import Settings

Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
NOW = 1_764_000_000.0
EVERY_KEY = {
    "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size",
    "seconds", "remixed_from_video_id", "error",
}  # fmt: skip


def _settings(key: str | None = None) -> Settings:
    return Settings(dialect="openai", now=lambda: NOW, seed=1, key=key)


@pytest.fixture
def client(started: Started) -> Iterator[httpx.Client]:
    """A client with a key."""
    with started(_settings()) as found:
        found.headers["authorization"] = "Bearer sk-any"
        yield found


def _create(client: httpx.Client, prompt: str = "a cat", **fields: str) -> dict[str, Any]:
    answer = client.post("/v1/videos", json={"prompt": prompt, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _get(client: httpx.Client, video_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/videos/{video_id}").json()
    return found


def _advance(client: httpx.Client, seconds: float) -> None:
    assert client.post("/_sim/clock", json={"advance": seconds}).status_code == 200


def _completed(client: httpx.Client, **fields: str) -> dict[str, Any]:
    video = _create(client, **fields)
    _advance(client, 600)
    return _get(client, video["id"])


def test_the_life_of_a_video(client: httpx.Client) -> None:
    """Queued, in progress with growing progress, completed about a minute later; every key is there at every time."""
    video = _create(client)
    assert video.keys() >= EVERY_KEY
    assert video["id"].startswith("video_")
    assert (video["object"], video["status"], video["progress"], video["created_at"]) == ("video", "queued", 0, NOW)
    seen = []
    for _ in range(6):
        _advance(client, 10)
        now = _get(client, video["id"])
        assert now.keys() >= EVERY_KEY
        seen.append((now["status"], now["progress"]))
    assert [word for word, _ in seen] == ["in_progress"] * 5 + ["completed"]
    assert [part for _, part in seen] == sorted({part for _, part in seen})
    done = _get(client, video["id"])
    assert done["progress"] == 100
    assert done["completed_at"] == NOW + 55
    assert done["expires_at"] == done["completed_at"] + 3600
    assert done["error"] is None


def test_a_failed_video_has_an_error(client: httpx.Client) -> None:
    """A failure carries code and message, keeps its progress, and has no content."""
    plain, named = _create(client, "[[sim:fail]]"), _create(client, "[[sim:fail=bad_luck]]")
    _advance(client, 600)
    assert _get(client, plain["id"])["error"]["code"] == "moderation_blocked"
    failed = _get(client, named["id"])
    assert (failed["status"], failed["error"]["code"], failed["completed_at"]) == ("failed", "bad_luck", None)
    assert failed["error"]["message"]
    assert failed["progress"] < 100
    assert client.get(f"/v1/videos/{named['id']}/content").status_code == 404


def test_an_odd_status_is_shown_for_a_while(client: httpx.Client) -> None:
    """A word of no enum, asked for in the prompt, is seen in the first half of the running."""
    video = _create(client, "[[sim:status=paused]]")
    _advance(client, 10)
    assert _get(client, video["id"])["status"] == "paused"
    _advance(client, 600)
    assert _get(client, video["id"])["status"] == "completed"


def test_a_read_may_hang(client: httpx.Client) -> None:
    """A prompt can ask that its video's reads are never answered, while others are."""
    video = _create(client, "[[sim:hang-poll]]")
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"/v1/videos/{video['id']}", timeout=0.2)
    assert len(client.get("/v1/videos").json()["data"]) == 1


def test_lists_page_by_cursor(client: httpx.Client) -> None:
    """Newest first unless told otherwise; cursors lead through all of it once; the five keys are always there."""
    made = [_create(client, f"cat {number}")["id"] for number in range(5)]
    first = client.get("/v1/videos", params={"limit": 2}).json()
    assert first.keys() == {"object", "data", "first_id", "last_id", "has_more"}
    assert [video["id"] for video in first["data"]] == [made[4], made[3]]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[4], made[3], True)
    rest = client.get("/v1/videos", params={"after": first["last_id"]}).json()
    assert [video["id"] for video in rest["data"]] == [made[2], made[1], made[0]]
    assert rest["has_more"] is False
    up = client.get("/v1/videos", params={"order": "asc", "limit": 1}).json()
    assert up["first_id"] == made[0]


def test_an_empty_list_has_null_cursors(client: httpx.Client) -> None:
    """No videos is no error."""
    body: dict[str, Any] = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert client.get("/v1/videos").json() == body


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=101", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=video_x", "after")],
)
def test_a_wrong_list_query_is_refused(client: httpx.Client, query: str, param: str) -> None:
    """Limit, order and cursor are checked."""
    answer = client.get(f"/v1/videos?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_deleted_video_is_gone(client: httpx.Client) -> None:
    """The answer names the deletion; afterwards the id is unknown to every route and to the list."""
    video_id = _create(client)["id"]
    answer = client.delete(f"/v1/videos/{video_id}")
    assert answer.json() == {"id": video_id, "deleted": True, "object": "video.deleted"}
    assert client.get("/v1/videos").json()["data"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("POST", "/remix")):
        answer = client.request(method, f"/v1/videos/{video_id}{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_content_comes_when_it_is_ready(client: httpx.Client) -> None:
    """404 with OpenAI's sentence before, whole or in part after, 404 again an hour later."""
    video_id = _create(client, "[[sim:size=30000]]")["id"]
    path = f"/v1/videos/{video_id}/content"
    early = client.get(path)
    assert early.status_code == 404
    assert early.json()["error"] == {
        "message": "Video is not ready yet, use GET /v1/videos/{id} to check status.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    _advance(client, 600)
    whole = client.get(path)
    assert (whole.status_code, whole.headers["content-type"], len(whole.content)) == (200, "video/mp4", 30_000)
    assert whole.content[4:8] == b"ftyp"
    part = client.get(path, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    _advance(client, 3600)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("variant", "status", "kind", "magic"),
    [
        ("video", 200, "video/mp4", b"ftyp"),
        ("thumbnail", 200, "image/webp", b"WEBP"),
        ("spritesheet", 200, "image/jpeg", b"\xff\xd8\xff"),
        ("other", 400, "application/json", b""),
    ],
)
def test_the_variants_of_content(client: httpx.Client, variant: str, status: int, kind: str, magic: bytes) -> None:
    """Each variant has its own type; an unknown one is refused by name."""
    video = _completed(client)
    answer = client.get(f"/v1/videos/{video['id']}/content", params={"variant": variant})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert magic in answer.content[:16]


def test_remix_edit_and_extension_start_from_a_finished_video(client: httpx.Client) -> None:
    """They take over model and size; only a remix names its source; an extension tells the stitched length."""
    source = _completed(client, seconds="8", size="1280x720")
    named = {"video": {"id": source["id"]}, "prompt": "more"}
    remix = client.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "again"}).json()
    edit = client.post("/v1/videos/edits", json=named).json()
    extension = client.post("/v1/videos/extensions", json={**named, "seconds": "4"}).json()
    assert remix["remixed_from_video_id"] == source["id"]
    assert [made["seconds"] for made in (remix, edit, extension)] == ["8", "8", "12"]
    assert {made["size"] for made in (remix, edit, extension)} == {"1280x720"}
    assert edit["remixed_from_video_id"] is extension["remixed_from_video_id"] is None


def test_an_unfinished_source_is_refused(client: httpx.Client) -> None:
    """There is nothing to work on yet."""
    source = _create(client)["id"]
    assert client.post(f"/v1/videos/{source}/remix", json={"prompt": "x"}).status_code == 400
    body = {"video": {"id": source}, "prompt": "x"}
    assert client.post("/v1/videos/edits", json=body).status_code == 400


def test_an_edit_takes_a_file_or_an_id_beside_an_empty_file(client: httpx.Client) -> None:
    """The Python SDK cannot send the id alone: its empty file part beside it is ignored."""
    source = _completed(client)
    data = client.get(f"/v1/videos/{source['id']}/content").content
    uploaded = client.post("/v1/videos/edits", data={"prompt": "x"}, files={"video": ("upload", data)})
    both = client.post(
        "/v1/videos/edits", data={"prompt": "x", "video[id]": source["id"]}, files={"video": ("upload", b"")}
    )
    extended = client.post(
        "/v1/videos/extensions", data={"prompt": "x", "seconds": "8"}, files={"video": ("upload", data)}
    )
    assert (uploaded.status_code, both.status_code, extended.json()["seconds"]) == (200, 200, "8")


def test_characters_are_made_and_read(client: httpx.Client) -> None:
    """Create and get answer the same; an unknown one is a 404; JSON is not taken."""
    made = client.post("/v1/videos/characters", data={"name": "Bob"}, files={"video": ("a.mp4", b"x")}).json()
    assert made.keys() == {"id", "name", "created_at"}
    assert client.get(f"/v1/videos/characters/{made['id']}").json() == made
    assert client.get("/v1/videos/characters/char_x").status_code == 404
    assert client.post("/v1/videos/characters", json={"name": "Bob"}).status_code == 400


def test_keys_are_checked(started: Started) -> None:
    """No key and a wrong key are 401 in the envelope on every route, content included; the right one passes."""
    with started(_settings("sk-right")) as client:
        for headers, code in (({"authorization": ""}, None), ({"authorization": "Bearer sk-wrong"}, "invalid_api_key")):
            for path in ("/v1/videos", "/v1/videos/video_x", "/v1/videos/video_x/content"):
                answer = client.get(path, headers=headers)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
                assert "sk-" not in answer.text
        assert client.get("/v1/videos", headers={"authorization": "Bearer sk-right"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/moderations"), ("PUT", "/v1/videos"), ("POST", "/v1/videos/x")]
)
def test_what_does_not_exist_is_a_404_in_the_envelope(client: httpx.Client, method: str, path: str) -> None:
    """Unknown paths and methods are named."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, f"Invalid URL ({method} {path})")


def test_every_answer_has_the_three_headers(client: httpx.Client) -> None:
    """Good answers, refusals and simulated failures alike."""
    answers = [
        client.get("/v1/videos"),
        client.get("/v1/videos/x"),
        client.get("/v1/nothing"),
        client.post("/v1/videos", json={"prompt": "[[sim:429]]"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 429]
    for answer in answers:
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["openai-processing-ms"].isdigit()
        assert answer.headers["openai-version"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("word", "status", "kind", "made"),
    [
        ("429", 429, "rate_limit_error", 0),
        ("500-before", 500, "server_error", 0),
        ("500-after", 500, "server_error", 1),
        ("empty-404", 404, None, 0),
    ],
)
def test_failures_on_demand(client: httpx.Client, word: str, status: int, kind: str | None, made: int) -> None:
    """Each failure comes in OpenAI's envelope, and only the one after the work leaves a video behind."""
    answer = client.post("/v1/videos", json={"prompt": f"[[sim:{word}]]"})
    assert answer.status_code == status
    assert kind is None or answer.json()["error"]["type"] == kind
    assert len(client.get("/v1/videos").json()["data"]) == made
    assert client.get("/_sim/counts").json()["creates"] == made


def test_an_answer_may_lose_its_id(client: httpx.Client) -> None:
    """A 200 without an id, for a video that exists."""
    answer = client.post("/v1/videos", json={"prompt": "[[sim:no-id]]"})
    assert answer.status_code == 200
    assert "id" not in answer.json()
    assert len(client.get("/v1/videos").json()["data"]) == 1
