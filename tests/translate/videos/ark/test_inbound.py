"""Ark callers: what they send, and what they are shown."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import orjson
import pytest

from proxy.errors import Refusal
from proxy.model import Dialect, Snapshot, TaskError, TaskRecord, TaskStatus
from proxy.translate.videos import ListQuery, TaskPage, TaskView, ark
from proxy.translate.wire import Body, WireResponse

MODEL = "doubao-seedance-2-0-fast-260128"
# Bodies of ark-wire.md §3.1, as real servers sent them.
SUCCEEDED = (
    b'{"id":"cgt-20260514183217-t8rzv","model":"doubao-seedance-2-0-260128","status":"succeeded","content":{"video_url":'
    b'"https://...mp4?..."},"usage":{"completion_tokens":108900,"total_tokens":108900},"created_at":1778754737,"updated_at":'
    b'1778755025,"seed":1276,"resolution":"720p","ratio":"16:9","duration":5,"framespersecond":24,"service_tier":"default",'
    b'"execution_expires_after":172800,"generate_audio":true,"draft":false}'
)
FAILED = (
    b'{"id":"cgt-20260717171624-cr2n9","model":"doubao-seedance-2-0-260128","status":"failed","error":{"code":'
    b'"OutputVideoSensitiveContentDetected.PolicyViolation","message":"The request failed because the output video may be '
    b'related to copyright restrictions. Request id: 02178427978698300000000000000000000ffffac1923a9fc42b8"},"created_at":'
    b'1784279786,"updated_at":1784280145,"service_tier":"default","execution_expires_after":172800,"generate_audio":true,'
    b'"draft":false,"priority":0}'
)


def body(raw: bytes) -> Body:
    return Body(fields=orjson.loads(raw), raw=raw)


def answer(value: object, status: int = 200) -> WireResponse:
    return WireResponse(status=status, body=value if isinstance(value, bytes) else orjson.dumps(value))


def record(snapshot: Snapshot | None = None, request: Mapping[str, object] | None = None) -> TaskRecord:
    return TaskRecord(
        key="k",
        caller="c",
        key_prefix="p",
        upstream="u",
        dialect=Dialect.ARK,
        operation="videos.create",
        original_model="seedance-2.0-fast",
        request_model=MODEL,
        request_id="r",
        created_at=1779869660.5,
        id="cgt-1",
        request=request or {},
        snapshot=snapshot,
    )


def task(view: TaskView) -> dict[str, object]:
    shown: dict[str, object] = orjson.loads(ark.INBOUND.encode_task(view))
    return shown


def test_decoding_types_and_keeps() -> None:
    """Known fields are typed, unknown ones verbatim, and the callback address stands by itself."""
    raw = (
        b'{"model":"m","content":[{"type":"draft_task","draft_task":{"id":"cgt-9"}}],"duration":"5","watermark":"true",'
        b'"callback_url":"https://me/cb","file_format":"glb","human_face_mode":{"a":1}}'
    )
    request = ark.INBOUND.decode_create(body(raw), lossy=True)
    assert request.content == ({"type": "draft_task", "draft_task": {"id": "cgt-9"}},)
    assert request.options == {"duration": 5, "watermark": True, "file_format": "glb", "human_face_mode": {"a": 1}}
    assert request.callback_url == "https://me/cb"
    assert request.lossy


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (b'{"content":[]}', "model"),
        (b'{"model":null}', "model"),
        (b'{"model":3}', "model"),
        (b'{"model":"m","content":"a cat"}', "content"),
        (b'{"model":"m","content":[{"type":"text"},7]}', "content[1]"),
        (b'{"model":"m","duration":"soon"}', "duration"),
        (b'{"model":"m","draft":"maybe"}', "draft"),
        (b'{"model":"m","callback_url":7}', "callback_url"),
    ],
)
def test_only_what_cannot_be_typed_is_refused(raw: bytes, param: str) -> None:
    """A wrong type is a 400 by name; a range, a combination or a missing content is the model's to judge."""
    with pytest.raises(Refusal) as refused:
        ark.INBOUND.decode_create(body(raw))
    assert refused.value.param == param
    assert refused.value.status == 400
    ark.INBOUND.decode_create(body(b'{"model":"m","duration":99,"resolution":"9p","ratio":"x","service_tier":"gold"}'))


def test_a_real_finished_task() -> None:
    """A real body is read whole, and shown again as it came but for id and model."""
    snapshot = ark.OUTBOUND.decode_task(answer(SUCCEEDED)).snapshot
    assert snapshot.status is TaskStatus.SUCCEEDED
    assert snapshot.video_url == "https://...mp4?..."
    assert snapshot.usage is not None
    assert snapshot.usage.output_tokens == 108900
    assert (snapshot.created_at, snapshot.updated_at) == (1778754737, 1778755025)
    assert snapshot.facts["seed"] == 1276
    shown = task(TaskView(record=record(snapshot), video_url=snapshot.video_url))
    assert shown == orjson.loads(SUCCEEDED) | {"id": "cgt-1", "model": "seedance-2.0-fast"}


def test_a_real_failed_task() -> None:
    """A failed body keeps its code and message, and has no usage of our making."""
    sighting = ark.OUTBOUND.decode_task(answer(FAILED))
    assert sighting.snapshot.error is not None
    assert sighting.snapshot.error.code == "OutputVideoSensitiveContentDetected.PolicyViolation"
    shown = task(TaskView(record=record(sighting.snapshot)))
    assert shown == orjson.loads(FAILED) | {"id": "cgt-1", "model": "seedance-2.0-fast"}


def test_the_models_name() -> None:
    """Ark's own name is shown where callers use it, theirs where they use another (contract.md §6)."""
    snapshot = ark.OUTBOUND.decode_task(answer(SUCCEEDED)).snapshot
    same = replace(record(snapshot), original_model="ep-1", request_model="ep-1")
    assert task(TaskView(record=same))["model"] == "doubao-seedance-2-0-260128"
    assert task(TaskView(record=replace(same, snapshot=None)))["model"] == "ep-1"


def test_money_and_links_are_ours() -> None:
    """Cost and currency join the usage, and the link is the one that works for this caller; unknown fields survive."""
    raw = orjson.loads(SUCCEEDED) | {
        "brand_new": [1],
        "content": {"video_url": "https://x", "last_frame_url": "https://f"},
    }
    snapshot = ark.OUTBOUND.decode_task(answer(raw)).snapshot
    priced = replace(record(snapshot), cost=Decimal("1.867324"), currency="CNY")
    shown = task(TaskView(record=priced, video_url="https://gw/v"))
    assert shown["usage"] == {
        "completion_tokens": 108900,
        "total_tokens": 108900,
        "cost": 1.867324,
        "currency": "CNY",
    }
    assert shown["content"] == {"video_url": "https://gw/v", "last_frame_url": "https://f"}
    assert shown["brand_new"] == [1]


@pytest.mark.parametrize("state", list(TaskStatus))
def test_every_state_goes_round(state: TaskStatus) -> None:
    """Ark's six words are read and shown as themselves."""
    content = {"video_url": "https://v"}
    snapshot = ark.OUTBOUND.decode_task(answer({"id": "a", "status": state.value, "content": content})).snapshot
    assert (snapshot.status, snapshot.status_word) == (state, state.value)
    assert task(TaskView(record=record(snapshot)))["status"] == state.value


def test_an_unknown_word_keeps_running() -> None:
    """An unknown word is no end: it is kept for the log, and callers see a word they know."""
    snapshot = ark.OUTBOUND.decode_task(answer({"id": "a", "status": "thinking"})).snapshot
    assert (snapshot.status, snapshot.status_word) == (TaskStatus.RUNNING, "thinking")
    assert task(TaskView(record=record(snapshot)))["status"] == "running"


def test_our_verdict_wins_over_the_last_body() -> None:
    """What the gateway decided later (a timeout, a cancellation) is shown over the body that came before."""
    running = orjson.dumps({"id": "a", "status": "running", "created_at": 5})
    snapshot = ark.OUTBOUND.decode_task(answer(running)).snapshot
    late = replace(snapshot, status=TaskStatus.FAILED, error=TaskError("timeout", "too late"), updated_at=9)
    shown = task(TaskView(record=record(late)))
    assert shown["status"] == "failed"
    assert shown["error"] == {"code": "timeout", "message": "too late"}
    assert shown["updated_at"] == 9


def test_a_task_of_another_dialect() -> None:
    """An OpenAI upstream's task has Ark's members from facts and from what was asked, and nothing of its raw body (§5.5)."""
    snapshot = Snapshot(
        status=TaskStatus.SUCCEEDED,
        status_word="completed",
        created_at=1,
        updated_at=2,
        facts={"dialect": "openai", "size": "1280x720", "resolution": "720p", "ratio": "16:9", "duration": 8},
        raw={"object": "video", "quality": "standard"},
    )
    asked = {"seed": -1, "generate_audio": True, "resolution": "480p", "prompt": "x"}
    shown = task(TaskView(record=record(snapshot, asked), video_url="https://gw/v"))
    assert shown == {
        "id": "cgt-1",
        "model": "seedance-2.0-fast",
        "status": "succeeded",
        "content": {"video_url": "https://gw/v"},
        "created_at": 1,
        "updated_at": 2,
        "generate_audio": True,
        "ratio": "16:9",
        "resolution": "720p",
        "duration": 8,
        "service_tier": "default",
        "execution_expires_after": 172800,
    }


def test_a_task_never_read() -> None:
    """A task without a snapshot is queued since it was made."""
    assert task(TaskView(record=record())) == {
        "id": "cgt-1",
        "model": "seedance-2.0-fast",
        "status": "queued",
        "created_at": 1779869660,
        "updated_at": 1779869660,
    }


def test_lists() -> None:
    """A page is items and total."""
    page = TaskPage(items=(TaskView(record=record()),), total=7, has_more=True)
    shown = orjson.loads(ark.INBOUND.encode_list(page))
    assert shown["total"] == 7
    assert [item["id"] for item in shown["items"]] == ["cgt-1"]
    assert ark.INBOUND.encode_deleted(TaskView(record=record())) == b"{}"


def test_list_queries() -> None:
    """What the SDK sends is read: pages by number, ids repeated (ark-wire.md §3.2)."""
    query = (
        ("page_num", "2"),
        ("page_size", "10"),
        ("filter.status", "succeeded"),
        ("filter.model", "ep-1"),
        ("filter.service_tier", "flex"),
        ("filter.task_ids", "a"),
        ("filter.task_ids", "b"),
    )
    assert ark.INBOUND.decode_list(query) == ListQuery(
        limit=10,
        page=2,
        statuses=frozenset({TaskStatus.SUCCEEDED}),
        model="ep-1",
        service_tier="flex",
        ids=("a", "b"),
    )
    assert ark.INBOUND.decode_list(()) == ListQuery(limit=20, page=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("page_num", "0"), ("page_num", "501"), ("page_size", "x"), ("page_size", "501"), ("filter.status", "done")],
)
def test_list_queries_out_of_range(name: str, value: str) -> None:
    """A number outside 1 to 500 or an unknown state is a 400 that names the parameter."""
    with pytest.raises(Refusal) as refused:
        ark.INBOUND.decode_list(((name, value),))
    assert refused.value.param == name
