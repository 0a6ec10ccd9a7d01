"""Answers of OpenAI-like servers, shape by shape (openai-wire.md §2.10, §2.11, §5.5)."""

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect, TaskError, TaskRecord, TaskStatus
from proxy.translate.videos import Sighting, TaskView, ark, openai, status
from proxy.translate.videos.openai import answers
from proxy.translate.wire import WireResponse


def response(value: object, code: int = 200) -> WireResponse:
    return WireResponse(status=code, body=value if isinstance(value, bytes) else orjson.dumps(value))


def read(**members: object) -> Sighting:
    return answers.task(response({"id": "v", "status": "completed"} | members))


# A task as new-api's own route shows it (openai-wire.md §2.1), around Ark's body.
WRAPPED: dict[str, object] = {
    "code": "success",
    "message": "",
    "data": {
        "id": 4711,
        "created_at": 1779869661,
        "updated_at": 1779869790,
        "task_id": "task_abc",
        "platform": "45",
        "user_id": 3,
        "status": "SUCCESS",
        "fail_reason": "",
        "result_url": "https://cdn/v.mp4",
        "submit_time": 1779869660,
        "finish_time": 1779869780,
        "progress": "100%",
        "data": {
            "id": "cgt-1",
            "status": "succeeded",
            "content": {"video_url": "https://tos/v.mp4"},
            "usage": {"completion_tokens": 40594, "total_tokens": 40594},
            "resolution": "480p",
            "ratio": "16:9",
            "duration": 4,
            "seed": 42,
        },
    },
}


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        ({"id": "a", "task_id": "b"}, "a"),
        ({"task_id": "b"}, "b"),
        ({"request_id": "c"}, "c"),
        ({"data": {"task_id": "d", "id": 7}}, "d"),
        ({"data": {"id": "e"}}, "e"),
        ({"id": 7, "task_id": "b"}, "b"),
        ({"id": 7}, "7"),
    ],
)
def test_ids(body: dict[str, object], task_id: str) -> None:
    """The id is found wherever a server puts it."""
    sighting = answers.created(response(body))
    assert sighting.id == task_id
    assert sighting.snapshot.status is TaskStatus.QUEUED


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"code": "x", "message": "y", "data": None}, {"object": "video"}])
def test_a_create_without_an_id(body: dict[str, object]) -> None:
    """A 200 without an id cannot be read."""
    with pytest.raises(UnreadableAnswer):
        answers.created(response(body))


@pytest.mark.parametrize(("word", "state"), list(status.WORDS.items()))
def test_every_word(word: str, state: TaskStatus) -> None:
    """Each word is read in any case of letters, and kept."""
    for written in (word, word.upper()):
        snapshot = read(status=written).snapshot
        assert (snapshot.status, snapshot.status_word) == (state, written)
        assert (snapshot.error is not None) == (state is TaskStatus.FAILED)


def test_an_unknown_word() -> None:
    """An unknown word is in progress, never an end."""
    assert read(status="unknown").snapshot.status is TaskStatus.RUNNING


@pytest.mark.parametrize(
    ("code", "state"),
    [("expired", TaskStatus.EXPIRED), ("timeout", TaskStatus.EXPIRED), ("cancelled", TaskStatus.CANCELLED)],
)
def test_failure_codes(code: str, state: TaskStatus) -> None:
    """A failure whose code names Ark's state is in that state, and keeps its error."""
    snapshot = read(status="failed", error={"code": code, "message": "m"}).snapshot
    assert (snapshot.status, snapshot.error) == (state, TaskError(code, "m"))


@pytest.mark.parametrize(
    "members",
    [
        {"metadata": {"url": "https://cdn/v"}},
        {"url": "https://cdn/v"},
        {"video_url": "https://cdn/v"},
        {"result_url": "https://cdn/v"},
        {"video": {"url": "https://cdn/v"}},
        {"videos": [{"url": "https://cdn/v"}]},
        {"outputs": {"video_url": "https://cdn/v"}},
        {"output": {"video_url": "https://cdn/v"}},
        {"content": {"video_url": "https://cdn/v"}},
        {"results": ["https://cdn/v"]},
        {"data": {"result_url": "https://cdn/v"}},
        {"fail_reason": "https://cdn/v"},
        {"metadata": {"url": ""}, "video_url": "https://cdn/v"},
    ],
)
def test_links(members: dict[str, object]) -> None:
    """The link is found wherever a server puts it."""
    assert read(**members).snapshot.video_url == "https://cdn/v"


@pytest.mark.parametrize(
    "link",
    ["https://up/v1/videos/v/content", "/v1/videos/v/content", "file:///etc/passwd", "done", "https://[", 7, None],
)
def test_what_is_no_link(link: object) -> None:
    """The upstream's own content route needs its key, and other schemes and paths are no links."""
    assert read(url=link).snapshot.video_url is None
    assert read(unsigned_urls=["https://up/x"]).snapshot.video_url is None
    assert read(status="running", url="https://cdn/v").snapshot.video_url is None
    assert read(url="https://gw/v1/videos/v/content?exp=1&sig=a").snapshot.video_url is not None


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(45, 45), (45.9, 45), ("45%", 45), (None, None), ("half", None), (1e300, 100), (-3, 0), (True, None)],
)
def test_progress(progress: object, percent: int | None) -> None:
    """Percentages in any spelling."""
    assert read(progress=progress).snapshot.progress == percent


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"error": {"code": "a", "message": "b"}}, TaskError("a", "b")),
        ({"error": "b"}, TaskError("video_failed", "b")),
        ({"error": {"message": "b"}}, TaskError("video_failed", "b")),
        ({"error": {"code": 500, "message": "b"}}, TaskError("500", "b")),
        ({"fail_reason": "b"}, TaskError("video_failed", "b")),
        ({"error": None}, TaskError("video_failed", "the upstream gave no reason")),
        ({}, TaskError("video_failed", "the upstream gave no reason")),
    ],
)
def test_errors(members: dict[str, object], error: TaskError) -> None:
    """A failed task has an error whatever the server says of it; a running one has none."""
    assert read(status="failed", **members).snapshot.error == error
    assert read(status="running", **members).snapshot.error is None


def test_messages_are_cleaned() -> None:
    """A relay's escaped JSON becomes the sentence inside, without endpoints."""
    nested = 'upstream: {\\"error\\":{\\"message\\":\\"ep-20260101-abcde refused\\"}}'
    assert read(status="failed", error={"code": "x", "message": nested}).snapshot.error == TaskError("x", "*** refused")


@pytest.mark.parametrize("value", [1779869660, 1779869660000, "2026-05-27T08:14:20Z"])
def test_times(value: object) -> None:
    """Times in any spelling are unix seconds."""
    snapshot = read(created_at=value, completed_at=value).snapshot
    assert (snapshot.created_at, snapshot.updated_at) == (1779869660, 1779869660)
    assert read(finished_at=value).snapshot.updated_at == 1779869660


def test_a_relays_wrapper() -> None:
    """A wrapped task is read through its wrapper, with the facts of the raw task inside."""
    sighting = answers.task(response(WRAPPED))
    snapshot = sighting.snapshot
    assert sighting.id == "task_abc"
    assert (snapshot.status, snapshot.status_word, snapshot.progress) == (TaskStatus.SUCCEEDED, "SUCCESS", 100)
    assert (snapshot.video_url, snapshot.created_at, snapshot.updated_at) == (
        "https://cdn/v.mp4",
        1779869661,
        1779869780,
    )
    assert snapshot.usage is not None
    assert snapshot.usage.total_tokens == 40594
    assert {name: snapshot.facts[name] for name in ("resolution", "ratio", "duration", "seed")} == {
        "resolution": "480p",
        "ratio": "16:9",
        "duration": 4,
        "seed": 42,
    }


def test_a_relays_newer_shape() -> None:
    """The flat shape of newer releases is read as well (openai-wire.md §2.1, rc.30)."""
    body = {
        "created_at": 1,
        "fail_reason": "https://cdn/v",
        "finished_at": 2,
        "platform": "x",
        "progress": "100%",
        "status": "SUCCESS",
        "task_id": "t",
    }
    sighting = answers.task(response(body))
    assert (sighting.id, sighting.snapshot.video_url, sighting.snapshot.updated_at) == ("t", "https://cdn/v", 2)


def test_facts() -> None:
    """Length and framing come from seconds and size, metadata's own words go first."""
    told = read(seconds="8", size="1792x1024").snapshot.facts
    assert (told["duration"], told["resolution"], told["ratio"], told["size"]) == (8, "1080p", "16:9", "1792x1024")
    metadata = {"duration": 4, "resolution": "480p", "ratio": "1:1", "seed": 7, "framespersecond": 24}
    told = read(seconds="8", size="1280x720", metadata=metadata).snapshot.facts
    assert {name: told[name] for name in metadata} == metadata


@pytest.mark.parametrize(
    "members",
    [
        {"usage": {"completion_tokens": 5, "total_tokens": 5}},
        {"metadata": {"usage": {"completion_tokens": 5, "total_tokens": 5}}},
        {"data": {"data": {"usage": {"completion_tokens": 5, "total_tokens": 5}}}},
    ],
)
def test_usage(members: dict[str, object]) -> None:
    """Tokens are found wherever a server puts them; zeros and prices are no tokens."""
    usage = read(**members).snapshot.usage
    assert usage is not None
    assert (usage.output_tokens, usage.total_tokens) == (5, 5)
    assert read(usage={"completion_tokens": 0, "total_tokens": 0}).snapshot.usage is None
    assert read(usage={"cost": 0.5}).snapshot.usage is None


def test_an_empty_202_is_running() -> None:
    """A 202 without a body means that the task still runs."""
    sighting = answers.task(response(b"", 202))
    assert (sighting.id, sighting.snapshot.status) == ("", TaskStatus.RUNNING)
    with pytest.raises(UnreadableAnswer):
        answers.task(response(b""))


def test_lists() -> None:
    """SGLang's list without `has_more` is read; nameless members are left out."""
    listed = {"data": [{"id": "a", "status": "queued"}, {"id": "b"}, 7], "object": "list"}
    assert [sighting.id for sighting in answers.listed(response(listed))] == ["a"]
    with pytest.raises(UnreadableAnswer):
        answers.listed(response({"object": "list"}))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
NAMES = (
    *("id", "task_id", "status", "data", "metadata", "url", "video", "videos", "results", "progress", "error", "usage"),
    *("created_at", "completed_at", "seconds", "size", "object", "fail_reason", "expires_at", "model", "content"),
)
VIDEO = st.fixed_dictionaries({"id": st.text(min_size=1), "status": st.sampled_from(sorted(status.WORDS))})
BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))


@given(
    st.one_of(
        st.binary(), BODIES.map(orjson.dumps), st.tuples(VIDEO, BODIES).map(lambda two: orjson.dumps(two[1] | two[0]))
    )
)
def test_no_answer_breaks_the_reader(data: bytes) -> None:
    """Any bytes are a sighting or unreadable, and a sighting can be shown to callers of both dialects."""
    for decode in (answers.created, answers.task):
        try:
            snapshot = decode(response(data)).snapshot
        except UnreadableAnswer:
            continue
        record = TaskRecord(
            key="k",
            caller="c",
            key_prefix="p",
            upstream="u",
            dialect=Dialect.OPENAI,
            operation="videos.create",
            original_model="m",
            request_model="m",
            request_id="r",
            created_at=1.0,
            id="v",
            snapshot=snapshot,
        )
        shown = orjson.loads(openai.INBOUND.encode_task(TaskView(record=record)))
        assert shown["status"] in {"queued", "in_progress", "completed", "failed"}
        assert isinstance(shown["error"], dict) == (shown["status"] == "failed")
        assert orjson.loads(ark.INBOUND.encode_task(TaskView(record=record)))["status"] in set(TaskStatus)
    with contextlib.suppress(UnreadableAnswer):
        answers.listed(response(data))
