"""The OpenAI video object, row by row (openai-wire.md §5.3)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import orjson
import pytest

from proxy.model import TERMINAL, Dialect, Snapshot, TaskError, TaskRecord, TaskStatus
from proxy.translate.videos import TaskView, ark
from proxy.translate.videos.openai import answers, video
from proxy.translate.wire import WireResponse

FIRST = ["id", "task_id", "object", "model", "status", "progress", "created_at"]
REQUIRED = [
    *FIRST,
    *("completed_at", "expires_at", "prompt", "size", "seconds", "remixed_from_video_id", "error", "metadata"),
]
URL = "https://ark.example/v.mp4?X-Tos-Date=20260527T085620Z&X-Tos-Expires=86400"
ARK: dict[str, object] = {
    "id": "cgt-1",
    "model": "doubao-seedance-2-0-fast-260128",
    "status": "succeeded",
    "content": {"video_url": URL, "last_frame_url": "https://ark.example/f.png"},
    "usage": {"completion_tokens": 40594, "total_tokens": 40594},
    "created_at": 1779869660,
    "updated_at": 1779869780,
    "seed": 42,
    "resolution": "480p",
    "ratio": "16:9",
    "duration": 4,
    "framespersecond": 24,
    "service_tier": "default",
    "execution_expires_after": 172800,
    "generate_audio": True,
    "draft": False,
    "priority": 0,
    "revised_prompt": "a cat, running",
    "brand_new": {"a": 1},
}


def record(snapshot: Snapshot | None = None, request: Mapping[str, object] | None = None) -> TaskRecord:
    return TaskRecord(
        key="k",
        caller="c",
        key_prefix="p",
        upstream="u",
        dialect=Dialect.OPENAI,
        operation="videos.create",
        original_model="seedance-2.0-fast",
        request_model="doubao-seedance-2-0-fast-260128",
        request_id="r",
        created_at=1779869660.5,
        id="cgt-1",
        request=request or {},
        snapshot=snapshot,
    )


def seen(body: Mapping[str, object]) -> Snapshot:
    return ark.OUTBOUND.decode_task(WireResponse(status=200, body=orjson.dumps(body))).snapshot


def foreign(body: Mapping[str, object]) -> Snapshot:
    return answers.task(WireResponse(status=200, body=orjson.dumps(body))).snapshot


def show(
    snapshot: Snapshot | None = None, asked: Mapping[str, object] | None = None, *, progress: int = 0
) -> dict[str, object]:
    link = snapshot.video_url if snapshot else None
    return video.render(TaskView(record=record(snapshot, asked), video_url=link, progress=progress))


def test_a_task_just_made() -> None:
    """Every key is there: the first seven as in the quick start, then what is required, null where nothing is known."""
    shown = show(asked={"prompt": "a cat"})
    assert list(shown)[:7] == FIRST
    assert list(shown) == REQUIRED
    assert shown == {
        "id": "cgt-1",
        "task_id": "cgt-1",
        "object": "video",
        "model": "seedance-2.0-fast",
        "status": "queued",
        "progress": 0,
        "created_at": 1779869660,
        "completed_at": None,
        "expires_at": None,
        "prompt": "a cat",
        "size": "",
        "seconds": "5",
        "remixed_from_video_id": None,
        "error": None,
        "metadata": {"status": "queued"},
    }


def test_a_finished_task() -> None:
    """Ark's facts stand in metadata under their own names, beside the link, the tokens and the upstream's own word."""
    shown = show(seen(ARK))
    assert list(shown)[:7] == FIRST
    assert set(REQUIRED) <= set(shown)
    assert (shown["status"], shown["progress"]) == ("completed", 100)
    assert (shown["created_at"], shown["completed_at"]) == (1779869660, 1779869780)
    assert shown["expires_at"] == 1779872180 + 86400
    assert (shown["size"], shown["seconds"]) == ("864x496", "4")
    assert shown["usage"] == {"completion_tokens": 40594, "total_tokens": 40594}
    assert shown["metadata"] == {
        **{name: ARK[name] for name in ("resolution", "ratio", "duration", "framespersecond", "seed", "service_tier")},
        **{name: ARK[name] for name in ("execution_expires_after", "generate_audio", "draft", "priority")},
        **{name: ARK[name] for name in ("revised_prompt", "brand_new", "usage", "updated_at")},
        "url": URL,
        "last_frame_url": "https://ark.example/f.png",
        "status": "succeeded",
    }


@pytest.mark.parametrize("state", list(TaskStatus))
def test_four_words_and_an_error_when_failed(state: TaskStatus) -> None:
    """Only OpenAI's four words are shown; a failed task always has an error object, any other has null."""
    shown = show(seen(ARK | {"status": state.value}), progress=50)
    assert shown["status"] in {"queued", "in_progress", "completed", "failed"}
    assert isinstance(shown["error"], dict) == (shown["status"] == "failed")
    assert (shown["completed_at"] is None) == (state not in TERMINAL)
    metadata = shown["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["status"] == state.value
    assert ("url" in metadata) == (state is TaskStatus.SUCCEEDED)
    assert (shown["expires_at"] is not None) == (state is TaskStatus.SUCCEEDED)


def test_ends_that_openai_has_no_word_for() -> None:
    """Expired and cancelled are failed with an error that names them."""
    expired = {"id": "cgt-1", "status": "expired", "execution_expires_after": 3600}
    assert show(seen(expired))["error"] == {"code": "expired", "message": "task expired after 3600 s"}
    del expired["execution_expires_after"]
    assert show(seen(expired))["error"] == {"code": "expired", "message": "task expired after 172800 s"}
    asked = show(seen(expired), {"execution_expires_after": 7200})["error"]
    assert asked == {"code": "expired", "message": "task expired after 7200 s"}
    cancelled = show(seen({"id": "cgt-1", "status": "cancelled"}))
    assert cancelled["error"] == {"code": "cancelled", "message": "task was cancelled"}


def test_errors_keep_the_upstreams_words() -> None:
    """A failed task shows the upstream's code and message; one without a reason says so."""
    failed = {"id": "a", "status": "failed", "error": {"code": "OutputVideoSensitiveContentDetected", "message": "no"}}
    assert show(seen(failed))["error"] == failed["error"]
    assert show(seen({"id": "a", "status": "failed", "error": None}))["error"] == {
        "code": "video_failed",
        "message": "the upstream gave no reason",
    }


def test_an_unknown_word() -> None:
    """A word nobody knows is in progress, and metadata says it."""
    shown = show(seen({"id": "a", "status": "thinking"}), progress=30)
    assert (shown["status"], shown["progress"]) == ("in_progress", 30)
    assert shown["metadata"] == {"status": "thinking"}


@pytest.mark.parametrize(
    ("request_", "told", "size"),
    [
        ({}, {}, ""),
        ({"resolution": "720p", "ratio": "9:16"}, {}, "720x1280"),
        ({"resolution": "720p", "ratio": "adaptive", "size": "1280x720"}, {}, "1280x720"),
        ({"size": "1024x1024"}, {}, "1024x1024"),
        ({"resolution": "720p", "ratio": "1:1", "size": "1024x1024"}, {}, "960x960"),
        ({"resolution": "720p", "ratio": "9:16"}, {"resolution": "480p", "ratio": "1:1"}, "640x640"),
        ({"resolution": "720p", "ratio": "9:16"}, {"resolution": "720p", "ratio": "5:4"}, ""),
        ({"size": "1280x720"}, {"resolution": "720p", "ratio": "5:4"}, "1280x720"),
    ],
)
def test_size(request_: dict[str, object], told: dict[str, object], size: str) -> None:
    """Delivered, else asked for in Ark's words, else as asked for; a string whatever happens."""
    assert show(seen({"id": "a", "status": "running"} | told), request_)["size"] == size


@pytest.mark.parametrize(
    ("request_", "told", "seconds"),
    [
        ({}, {}, "5"),
        ({"duration": -1}, {}, "5"),
        ({"duration": 8}, {}, "8"),
        ({"frames": 57}, {}, "2"),
        ({"duration": 8}, {"duration": 4}, "4"),
        ({"duration": 8}, {"frames": 133}, "5"),
    ],
)
def test_seconds(request_: dict[str, object], told: dict[str, object], seconds: str) -> None:
    """Delivered, else asked for, else Ark's default; a string whatever happens."""
    assert show(seen({"id": "a", "status": "running"} | told), request_)["seconds"] == seconds


def test_money() -> None:
    """Cost and currency stand in both usages."""
    priced = replace(record(seen(ARK)), cost=Decimal("1.501978"), currency="CNY")
    shown = video.render(TaskView(record=priced))
    usage = {"completion_tokens": 40594, "total_tokens": 40594, "cost": 1.501978, "currency": "CNY"}
    assert shown["usage"] == usage
    assert isinstance(shown["metadata"], dict)
    assert shown["metadata"]["usage"] == usage


def test_the_callers_own_metadata() -> None:
    """The caller's metadata is echoed, but cannot pose as a fact or a link."""
    shown = show(
        seen({"id": "a", "status": "running"}), {"metadata": {"order": "17", "url": "https://evil", "status": "done"}}
    )
    assert shown["metadata"] == {"order": "17", "status": "running"}
    assert show(asked={"metadata": {"order": "17", "usage": 1}})["metadata"] == {"order": "17", "status": "queued"}


def test_remixes() -> None:
    """A remix names its source."""
    assert show(asked={"remixed_from": "cgt-0"})["remixed_from_video_id"] == "cgt-0"


OPENAI: dict[str, object] = {
    "id": "video_1",
    "object": "video",
    "model": "sora-2",
    "status": "completed",
    "progress": 100,
    "created_at": 1,
    "completed_at": 2,
    "expires_at": 3,
    "prompt": "theirs",
    "size": "1280x720",
    "seconds": "8",
    "quality": "standard",
    "error": None,
    "inference_time_s": 3.5,
    "remixed_from_video_id": "video_0",
    "metadata": {"url": "https://cdn/v.mp4", "trace": "t-1"},
}


def test_an_openai_upstreams_object_survives() -> None:
    """Unknown members of the upstream's video object stay, under the first seven and the required ones."""
    shown = show(foreign(OPENAI), {"prompt": "ours"})
    assert list(shown)[:7] == FIRST
    assert (shown["model"], shown["size"], shown["seconds"], shown["expires_at"]) == (
        "seedance-2.0-fast",
        "1280x720",
        "8",
        3,
    )
    assert (shown["quality"], shown["inference_time_s"], shown["prompt"]) == ("standard", 3.5, "ours")
    assert shown["remixed_from_video_id"] == "video_0"
    assert shown["metadata"] == {
        "url": "https://cdn/v.mp4",
        "trace": "t-1",
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 8,
        "status": "completed",
        "updated_at": 2,
    }


def test_an_openai_upstreams_error_survives() -> None:
    """Its own error is shown whole, also where its code means one of Ark's states."""
    error = {"code": "expired", "message": "gone", "type": "server_error"}
    assert show(foreign(OPENAI | {"status": "failed", "error": error}))["error"] == error


def test_what_an_upstream_shows_of_itself_stays_there() -> None:
    """Links that need its key, paths on its disk and a relay's accounts are not passed on."""
    body = OPENAI | {
        "metadata": {"url": "https://up/v1/videos/video_1/content"},
        "url": "https://up/v1/videos/video_1/content",
        "file_path": "/srv/out.mp4",
        "channel_id": 7,
        "data": {"model": "ep-1"},
    }
    view = TaskView(record=record(foreign(body)), video_url="https://gw/v1/videos/video_1/content?exp=1&sig=a")
    text = orjson.dumps(video.render(view)).decode()
    for secret in ("https://up", "/srv", "channel_id", "ep-1"):
        assert secret not in text
    assert "sig=a" in text


def test_our_verdict_wins() -> None:
    """What the gateway decided later is shown over the upstream's last body."""
    late = replace(
        foreign(OPENAI | {"status": "in_progress"}), status=TaskStatus.FAILED, error=TaskError("timeout", "late")
    )
    shown = show(late)
    assert (shown["status"], shown["error"]) == ("failed", {"code": "timeout", "message": "late"})
