"""Ark as upstream: what it is sent, and what it answers."""

import contextlib
from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal, UnreadableAnswer
from proxy.model import JSON, Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import Target, TaskView, VideoRequest, ark, facts
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


def create(raw: bytes, model: str = MODEL, callback: str | None = None) -> bytes:
    request = ark.INBOUND.decode_create(body(raw))
    return ark.OUTBOUND.encode_create(request, Target(model=model, callback_url=callback)).request.body


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


def test_the_callers_bytes_travel_on() -> None:
    """Ark to Ark every byte survives but the model, the callback address and the nulls."""
    raw = (
        b'{ "model" : "seedance-2.0-fast",\n "content":[{"type":"text","text":"\\u732b --rs 720p"},{"type":"new","x":1.50}],'
        b' "duration": 4.0, "seed":null, "callback_url":"https://me/cb", "brand_new":{"deep":[1e3]} }'
    )
    sent = create(raw)
    assert sent == (
        b'{ "model" : "doubao-seedance-2-0-fast-260128",\n "content":[{"type":"text","text":"\\u732b --rs 720p"},'
        b'{"type":"new","x":1.50}], "duration": 4.0, "brand_new":{"deep":[1e3]} }'
    )
    addressed = orjson.loads(create(raw, callback="https://gw/cb"))
    assert addressed["callback_url"] == "https://gw/cb"
    same = b'{"model":"m", "content":[]}'
    assert create(same, model="m") == same
    assert orjson.loads(create(same, model="m", callback="https://gw/cb"))["callback_url"] == "https://gw/cb"


def test_what_the_sdks_send() -> None:
    """Nulls for every unset field are absent to the upstream and to us (ark-wire.md §0.2)."""
    raw = orjson.dumps(
        {"model": "m", "content": [{"type": "text", "text": "x"}], "duration": None, "seed": None, "tools": None}
    )
    assert orjson.loads(create(raw, model="m")) == {"model": "m", "content": [{"type": "text", "text": "x"}]}
    assert ark.INBOUND.decode_create(body(raw)).options == {}


def test_what_is_remembered() -> None:
    """The outgoing create remembers what was asked, for estimates, the ledger and later answers."""
    raw = (
        b'{"model":"m","content":[{"type":"text","text":"a"},{"type":"video_url","video_url":{"url":"https://v"}}],'
        b'"duration":4,"resolution":"480p"}'
    )
    outgoing = ark.OUTBOUND.encode_create(ark.INBOUND.decode_create(body(raw)), Target(model="m"))
    assert outgoing.notices == ()
    assert outgoing.remember == {
        "duration": 4,
        "resolution": "480p",
        "prompt": "a",
        "seconds": "4",
        "has_video_input": True,
    }


def openai(options: JSON | None = None, *, lossy: bool = False, size: str | None = None) -> VideoRequest:
    content = ({"type": "text", "text": "x"},)
    return VideoRequest(
        model="m", dialect=Dialect.OPENAI, content=content, options=options or {}, size=size, lossy=lossy
    )


def written(request: VideoRequest, model: str = MODEL) -> tuple[dict[str, object], list[str]]:
    outgoing = ark.OUTBOUND.encode_create(request, Target(model=model))
    return orjson.loads(outgoing.request.body), [notice.param for notice in outgoing.notices]


def test_another_dialect_is_written_anew() -> None:
    """An OpenAI caller's size becomes resolution and ratio, unknown keys pass, and no default is added."""
    assert written(openai()) == ({"model": MODEL, "content": [{"type": "text", "text": "x"}]}, [])
    sent, warnings = written(openai({"duration": 4, "brand_new": "1"}, size="1280x720"))
    assert sent == {
        "model": MODEL,
        "content": [{"type": "text", "text": "x"}],
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 4,
        "brand_new": "1",
    }
    assert warnings == []


@pytest.mark.parametrize("name", ["fps", "num_inference_steps", "guidance_scale", "boundary_ratio"])
def test_cosmetic_parameters_are_dropped_with_a_warning(name: str) -> None:
    """What tunes another engine is not sent, and the caller is told."""
    sent, warnings = written(openai({name: 24}))
    assert name not in sent
    assert warnings == [name]


@pytest.mark.parametrize(
    ("name", "value", "mayhap"),
    [("negative_prompt", "blur", True), ("n", "2", True), ("characters", [{"id": "c"}], False)],
)
def test_parameters_that_change_the_result_are_refused(name: str, value: object, mayhap: bool) -> None:
    """They are a 400 by name; those marked † become a warning when losses are allowed."""
    with pytest.raises(Refusal) as refused:
        written(openai({name: value}))
    assert refused.value.param == name
    assert refused.value.problem is Problem.UNSUPPORTED_PARAMETER
    if mayhap:
        sent, warnings = written(openai({name: value}, lossy=True))
        assert name not in sent
        assert warnings == [name]


def test_one_video_is_one_video() -> None:
    """`n` of 1 says what Ark does anyway; an `n` that is no number is a 400."""
    assert written(openai({"n": 1})) == written(openai())
    with pytest.raises(Refusal):
        written(openai({"n": "many"}))


def test_ark_callers_words_are_never_judged() -> None:
    """The rules for foreign parameters do not touch an Ark caller's body, JSON or form."""
    form = Body(fields={"model": "m", "content": "[]", "fps": "24", "n": "2"}, raw=b"", form=True)
    sent, warnings = written(ark.INBOUND.decode_create(form))
    assert sent == {"model": MODEL, "content": [], "fps": "24", "n": "2"}
    assert warnings == []


def test_created() -> None:
    """The id alone makes a queued task; callers get the id alone."""
    sighting = ark.OUTBOUND.decode_created(answer(b'{"id":"cgt-20260514183217-t8rzv"}'))
    assert sighting.id == "cgt-20260514183217-t8rzv"
    assert sighting.snapshot.status is TaskStatus.QUEUED
    assert ark.INBOUND.encode_created(TaskView(record=record(sighting.snapshot))) == b'{"id":"cgt-1"}'


@pytest.mark.parametrize("value", [{}, {"id": ""}, {"id": 7}, {"error": {"code": "ModelNotOpen"}}, [], b""])
def test_a_200_without_an_id(value: object) -> None:
    """A create's answer without an id cannot be read: nobody knows what was bought."""
    with pytest.raises(UnreadableAnswer):
        ark.OUTBOUND.decode_created(answer(value))


def test_finished_without_a_link_is_not_finished() -> None:
    """A success without a link keeps running and says why; a 3D result is a link of another name."""
    snapshot = ark.OUTBOUND.decode_task(answer({"id": "a", "status": "succeeded"})).snapshot
    assert (snapshot.status, snapshot.status_word) == (TaskStatus.RUNNING, "succeeded")
    assert snapshot.facts[facts.MISSING_VIDEO_URL] is True
    other = {"id": "a", "status": "succeeded", "content": {"file_url": "https://f"}}
    assert ark.OUTBOUND.decode_task(answer(other)).snapshot.status is TaskStatus.SUCCEEDED


def test_requests_to_the_upstream() -> None:
    """Routes, repeated ids and quoted paths."""
    read, delete = ark.OUTBOUND.encode_read("cgt/1"), ark.OUTBOUND.encode_delete("cgt-1")
    assert (read.method, read.path) == ("GET", "/contents/generations/tasks/cgt%2F1")
    assert (delete.method, delete.path) == ("DELETE", "/contents/generations/tasks/cgt-1")
    listed = ark.OUTBOUND.encode_list({"page_size": "10", "filter.task_ids": ("a", "b")})
    assert listed is not None
    assert listed.query == (("page_size", "10"), ("filter.task_ids", "a"), ("filter.task_ids", "b"))
    assert ark.OUTBOUND.encode_content("cgt-1") is None
    flags = (ark.OUTBOUND.has_links, ark.OUTBOUND.has_list, ark.OUTBOUND.has_delete, ark.OUTBOUND.cancels_running)
    assert flags == (True, True, True, False)


def test_messages_are_cleaned() -> None:
    """What a failed task says of keys and endpoints is not a caller's business."""
    failed = {"id": "a", "status": "failed", "error": {"code": "X", "message": "endpoint ep-20260101-abcde is gone"}}
    error = ark.OUTBOUND.decode_task(answer(failed)).snapshot.error
    assert error is not None
    assert "ep-2026" not in error.message
    assert error.message.startswith("endpoint ")


def test_the_upstreams_list() -> None:
    """Every readable item is seen, others are left out, and a list without items is unreadable."""
    listed = {"items": [orjson.loads(SUCCEEDED), {"id": "x"}, 7, orjson.loads(FAILED)], "total": 4}
    assert [sighting.id[-5:] for sighting in ark.OUTBOUND.decode_list(answer(listed))] == ["t8rzv", "cr2n9"]
    with pytest.raises(UnreadableAnswer):
        ark.OUTBOUND.decode_list(answer({"total": 0}))


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
CREATES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("model", "content", "duration", "seed", "tools", "callback_url", "ratio", "other"), VALUES),
)
TASKS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "status", "content", "error", "usage", "created_at", "updated_at", "seed", "duration", "items"), VALUES
    ),
)
VIDEO = st.fixed_dictionaries({"id": st.text(min_size=1), "status": st.sampled_from([*TaskStatus])})


@given(CREATES)
def test_no_body_breaks_the_caller_side(value: dict[str, object]) -> None:
    """Any JSON object is a request or a refusal, and a request can be sent."""
    raw = orjson.dumps(value)
    try:
        request = ark.INBOUND.decode_create(body(raw))
    except Refusal:
        return
    sent = orjson.loads(ark.OUTBOUND.encode_create(request, Target(model="other")).request.body)
    assert sent["model"] == "other"


@given(
    st.one_of(
        st.binary(), TASKS.map(orjson.dumps), st.tuples(VIDEO, TASKS).map(lambda two: orjson.dumps(two[1] | two[0]))
    )
)
def test_no_answer_breaks_the_upstream_side(data: bytes) -> None:
    """Any bytes are a sighting or unreadable, and a sighting can be shown."""
    decoders = (ark.OUTBOUND.decode_created, ark.OUTBOUND.decode_task)
    for decode in decoders:
        try:
            sighting = decode(answer(data))
        except UnreadableAnswer:
            continue
        shown = task(TaskView(record=record(sighting.snapshot), video_url="https://v", progress=3))
        assert shown["status"] in set(TaskStatus)
    with contextlib.suppress(UnreadableAnswer):
        ark.OUTBOUND.decode_list(answer(data))
