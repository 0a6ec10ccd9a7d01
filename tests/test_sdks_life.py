"""What becomes of a video, with the real OpenAI SDKs: polled, listed, deleted, downloaded, refused. Rows 8 to 11 and 13."""

import hashlib
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support import wire
from tests.support.servers import UPSTREAM_KEY
from tests.support.stand import OPENAI, OPENAI_PYTHON, Cell, cells

# Upstreams that give no link, only a route that wants their key.
BYTES_ONLY = ("strict", "vllm-omni", "sglang")
NO_DELETE = ("newapi",)
UNKNOWN = "cgt-20260101000000-zzzzz"


@cells(8, OPENAI_PYTHON)
def test_create_and_poll(cell: Cell) -> None:
    """create_and_poll ends on completed, having waited as long between two polls as the gateway asked for."""
    args = {"prompt": cell.prompt, "model": cell.model, "seconds": "4", "size": "1280x720"}
    reply = cell.call("create_and_poll", args, clock=cell.simulator.clock)
    assert (reply.ok()["status"], reply.ok()["progress"]) == ("completed", 100)
    asked = int(reply.exchanges[1]["headers"]["openai-poll-after-ms"])
    assert set(reply.slept) == {asked / 1000}
    assert len(cell.simulator.requests(cell.marker)) == 1


@cells(8, OPENAI_PYTHON)
def test_poll_of_a_failed_video(cell: Cell) -> None:
    """poll ends on failed with an error object that says why."""
    video = cell.create(seconds="4", size="1280x720")
    error = {"code": "OutputVideoSensitiveContentDetected", "message": "the output may be sensitive"}
    cell.force(video["id"], "failed", error=error)
    reply = cell.call("poll", {"video_id": video["id"], "poll_interval_ms": 10})
    assert reply.ok()["status"] == "failed"
    assert reply.ok()["error"]["message"]
    if cell.upstream != "sglang":
        assert reply.ok()["error"]["code"] == error["code"]


@cells(8, OPENAI_PYTHON, ("ark",))
@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_poll_of_states_that_openai_does_not_have(cell: Cell, end: str) -> None:
    """Ark's expired and cancelled are failed with an error that names them: a fifth status would end the SDK's loop silently."""
    video = cell.create(seconds="4", size="1280x720")
    cell.force(video["id"], end)
    reply = cell.call("poll", {"video_id": video["id"], "poll_interval_ms": 10})
    assert (reply.ok()["status"], reply.ok()["error"]["code"]) == ("failed", end)
    assert reply.ok()["metadata"]["status"] == end


@cells(9, OPENAI)
def test_list(cell: Cell) -> None:
    """list() walks all pages in either order without a duplicate, starts after any id, and shows a caller its own videos only."""
    cell.key = cell.stand.keys[f"list-{cell.client}"]
    made = [cell.create(seconds="4", size="1280x720")["id"] for _ in range(5)]
    reply = cell.call("list_all", {"limit": 2})
    newest_first = [video["id"] for video in reply.ok()]
    assert newest_first[:5] == made[::-1]
    assert len(newest_first) == len(set(newest_first))
    assert len(reply.exchanges) == -(-len(newest_first) // 2)
    oldest_first = [video["id"] for video in cell.call("list_all", {"limit": 3, "order": "asc"}).ok()]
    assert oldest_first == newest_first[::-1]
    page = cell.call("list", {"after": made[3], "limit": 2}).ok()
    assert [video["id"] for video in page["data"]] == [made[2], made[1]]
    assert (page["has_more"], page["last_id"]) == (True, made[1])


@cells(9, OPENAI, ("ark",))
def test_empty_list(cell: Cell) -> None:
    """A caller without videos gets one empty page."""
    cell.key = cell.stand.keys["empty"]
    reply = cell.call("list_all")
    assert reply.ok() == []
    assert len(reply.exchanges) == 1


@cells(10, OPENAI)
def test_delete_queued(cell: Cell) -> None:
    """A queued video is cancelled: deleted to the caller, and still readable as failed."""
    video = cell.create(seconds="4", size="1280x720")
    reply = cell.call("delete", {"video_id": video["id"]}, max_retries=2)
    if cell.upstream in NO_DELETE:
        check_no_delete(reply.refused())
        return
    check_deleted(reply.ok(), video["id"])
    after = cell.get(video["id"])
    assert (after["status"], after["error"]["code"]) == ("failed", "cancelled")


@cells(10, OPENAI, ("ark", "strict", "newapi", "vllm-omni"))
def test_delete_running(cell: Cell) -> None:
    """A running video is a 409 that no SDK repeats, but for upstreams that can cancel it. (SGLang never says that one runs.)"""
    video = cell.create(seconds="4", size="1280x720")
    cell.run(video["id"])
    reply = cell.call("delete", {"video_id": video["id"]}, max_retries=2)
    assert len(reply.exchanges) == 1
    if cell.upstream in NO_DELETE:
        check_no_delete(reply.refused())
    elif cell.upstream == "vllm-omni":
        check_deleted(reply.ok(), video["id"])
    else:
        error = reply.refused()
        assert (error["class"], error["code"]) == ("ConflictError", "task_running")
        assert error["headers"]["x-should-retry"] == "false"


@cells(10, OPENAI)
def test_delete_completed(cell: Cell) -> None:
    """A completed video is deleted, and then it is gone."""
    video = cell.create(seconds="4", size="1280x720")
    cell.end(video["id"])
    reply = cell.call("delete", {"video_id": video["id"]}, max_retries=2)
    if cell.upstream in NO_DELETE:
        check_no_delete(reply.refused())
        return
    check_deleted(reply.ok(), video["id"])
    error = cell.call("retrieve", {"video_id": video["id"]}).refused()
    assert (error["class"], error["code"]) == ("NotFoundError", "video_not_found")


@cells(10, OPENAI, ("ark",))
def test_delete_unknown(cell: Cell) -> None:
    """An unknown video is not found, and so is somebody else's."""
    cell.key, own = cell.stand.keys["empty"], cell.key
    somebody_elses = cell.create(seconds="4", size="1280x720")["id"]
    cell.key = own
    for video_id in (UNKNOWN, somebody_elses):
        error = cell.call("delete", {"video_id": video_id}).refused()
        assert (error["class"], error["code"]) == ("NotFoundError", "video_not_found")


@cells(11, OPENAI)
def test_download(cell: Cell) -> None:
    """download_content gives the upstream's own bytes, whole or a range of them."""
    video = finished(cell)
    truth = upstream_bytes(cell, video)
    whole = cell.call("download", {"video_id": video["id"]}).ok()
    assert (whole["status"], whole["sha256"]) == (200, digest(truth))
    assert whole["headers"]["content-type"] == "video/mp4"
    assert f'filename="{video["id"]}.mp4"' in whole["headers"]["content-disposition"]
    part = cell.call(**with_header(cell, video, "Range", "bytes=10-29")).ok()
    assert (part["status"], part["size"], part["sha256"]) == (206, 20, digest(truth[10:30]))


@cells(11, OPENAI_PYTHON)
def test_write_to_file(cell: Cell) -> None:
    """The SDK's own write_to_file makes the file."""
    video = finished(cell)
    path = cell.file("video.mp4", b"")
    got = cell.call("download", {"video_id": video["id"]}, path=path).ok()
    assert digest(Path(path).read_bytes()) == got["sha256"] == digest(upstream_bytes(cell, video))


@cells(11, OPENAI)
def test_variants(cell: Cell) -> None:
    """There is a video and nothing else: a thumbnail or a spritesheet is refused by name."""
    video = finished(cell)
    assert cell.call("download", {"video_id": video["id"], "variant": "video"}).ok()["status"] == 200
    for variant in ("thumbnail", "spritesheet"):
        error = cell.call("download", {"video_id": video["id"], "variant": variant}).refused()
        assert (error["class"], error["param"]) == ("BadRequestError", "variant")


@cells(11, OPENAI)
def test_download_too_early(cell: Cell) -> None:
    """The content of an unfinished video is the 404 that OpenAI answers; that of a failed one a 400."""
    video = cell.create(seconds="4", size="1280x720")
    error = cell.call("download", {"video_id": video["id"]}).refused()
    assert (error["class"], error["code"]) == ("NotFoundError", "video_not_ready")
    cell.end(video["id"], "failed")
    error = cell.call("download", {"video_id": video["id"]}).refused()
    assert (error["class"], error["code"]) == ("BadRequestError", "video_failed")


@cells(11, OPENAI)
def test_redirect(cell: Cell) -> None:
    """A caller that asks for a redirect fetches from the link itself, and no key is sent there; without a link we stream."""
    video = finished(cell)
    reply = cell.call(**with_header(cell, video, "x-arkbridge-content", "redirect"))
    assert reply.ok()["sha256"] == digest(upstream_bytes(cell, video))
    if cell.upstream in BYTES_ONLY:
        assert reply.ok()["status"] == 200
        return
    if cell.client in OPENAI_PYTHON:
        assert [exchange["status"] for exchange in reply.exchanges] == [302, 200]
        assert reply.exchanges[1]["url"] == video["metadata"]["url"]
    path = httpx.URL(video["metadata"]["url"]).path
    fetched = [one for one in cell.simulator.requests(path, "GET") if one["path"] == path]
    assert fetched
    assert all(wire.header(one, "authorization") is None for one in fetched)


@cells(13, OPENAI, ("ark",))
@pytest.mark.parametrize(
    ("changes", "key", "wanted"),
    [
        ({}, "sk-ab-" + "0" * 43, ("AuthenticationError", 401, "invalid_api_key", None)),
        ({}, "suspended", ("PermissionDeniedError", 403, "permission_denied", None)),
        ({"model": "no-such-model"}, "", ("NotFoundError", 404, "model_not_found", "model")),
        ({"seconds": "soon"}, "", ("BadRequestError", 400, "invalid_value", "seconds")),
    ],
    ids=["wrong key", "suspended caller", "unknown model", "wrong field"],
)
def test_errors_of_ours(cell: Cell, changes: dict[str, str], key: str, wanted: tuple[object, ...]) -> None:
    """What we refuse is the SDK's class for its status, with code, param and request id."""
    cell.key = cell.stand.keys.get(key, key) or cell.key
    reply = cell.call("create", {"prompt": cell.prompt, "model": cell.model, **changes}, max_retries=2)
    error = reply.refused()
    assert (error["class"], error["status_code"], error["code"]) == wanted[:3]
    assert error["param"] == wanted[3]
    assert error["request_id"]
    assert error["type"]
    assert len(reply.exchanges) == 1
    assert cell.nothing_sent()


@cells(13, OPENAI)
def test_upstream_rate_limit(cell: Cell) -> None:
    """An upstream's 429 is the SDK's RateLimitError with a code, and the next attempt is a new create."""
    args = {"prompt": f"{cell.prompt} [[sim:429]]", "model": cell.model, "seconds": "4", "size": "1280x720"}
    error = cell.call("create", args).refused()
    assert (error["class"], error["status_code"]) == ("RateLimitError", 429)
    assert error["code"]
    assert error["request_id"]


@cells(13, OPENAI)
def test_upstream_failure_is_not_repeated(cell: Cell) -> None:
    """An upstream's 500 on a create is the SDK's InternalServerError, asked once by the SDK and once by us."""
    args = {"prompt": f"{cell.prompt} [[sim:500-before]]", "model": cell.model, "seconds": "4", "size": "1280x720"}
    reply = cell.call("create", args, max_retries=2)
    error = reply.refused()
    assert error["class"] == "InternalServerError"
    assert error["headers"]["x-should-retry"] == "false"
    assert error["request_id"]
    assert len(reply.exchanges) == len(cell.simulator.requests(cell.marker)) == 1


def finished(cell: Cell) -> dict[str, Any]:
    """A completed video."""
    video: dict[str, Any] = cell.end(cell.create(seconds="4", size="1280x720")["id"])
    assert video["status"] == "completed"
    return video


def upstream_bytes(cell: Cell, video: dict[str, Any]) -> bytes:
    """The video as the upstream itself gives it."""
    if cell.upstream in BYTES_ONLY:
        url, headers = (
            f"{cell.simulator.url}/v1/videos/{video['id']}/content",
            {"Authorization": f"Bearer {UPSTREAM_KEY}"},
        )
    else:
        url, headers = video["metadata"]["url"], {}
        assert url.startswith(cell.simulator.url)
    answer = httpx.get(url, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.content


def with_header(cell: Cell, video: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    """The words of a download with one more header, as each SDK takes it."""
    args = {"video_id": video["id"]}
    if cell.client in OPENAI_PYTHON:
        return {"op": "download", "args": {**args, "extra_headers": {name: value}}}
    return {"op": "download", "args": args, "options": {"headers": {name: value}}}


def digest(data: bytes) -> str:
    """How the drivers tell bytes."""
    return hashlib.sha256(data).hexdigest()


def check_deleted(answer: dict[str, Any], video_id: str) -> None:
    """The answer to a delete is OpenAI's."""
    assert (answer["id"], answer["deleted"], answer["object"]) == (video_id, True, "video.deleted")


def check_no_delete(error: dict[str, Any]) -> None:
    """An upstream without a delete route says so by code."""
    assert (error["class"], error["code"]) == ("BadRequestError", "unsupported_operation")
