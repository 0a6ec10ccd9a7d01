"""Remix, edit and extension as a create with a reference video (openai-wire.md §5.9, ark-wire.md §2.3)."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import Change, ChangeRequest, Outgoing, Target, VideoRequest, changes
from proxy.translate.wire import Body, WireRequest

LINK = "https://up/video.mp4"
MODELS = {"2.0": "doubao-seedance-2-0-fast-260128", "2.5": "doubao-seedance-2-5-260628"}
FACTS = {"resolution": "480p", "ratio": "9:16", "duration": 7}
CONTENT = (
    {"type": "text", "text": "make it rain"},
    {"type": "video_url", "video_url": {"url": LINK}, "role": "reference_video"},
)


def source(facts: JSON | None = None, request: Mapping[str, object] | None = None) -> TaskRecord:
    """A finished video, and what its upstream told of it."""
    return TaskRecord(
        key="k",
        caller="c",
        key_prefix="p",
        upstream="ark",
        dialect=Dialect.OPENAI,
        operation="videos.create",
        original_model="our-video",
        request_model="m",
        request_id="r",
        created_at=1.0,
        id="cgt-1",
        request=request or {},
        snapshot=Snapshot(
            status=TaskStatus.SUCCEEDED, status_word="succeeded", facts=FACTS if facts is None else facts
        ),
    )


def asked(change: Change, seconds: int | None = None, **more: object) -> ChangeRequest:
    """A request to change `cgt-1`; `more` are further members of its body."""
    own: dict[str, object] = {} if change is Change.REMIX else {"video": {"id": "cgt-1"}}
    members: dict[str, object] = {"prompt": "make it rain", **own, **more}
    if seconds is not None:
        members["seconds"] = str(seconds)
    return ChangeRequest(
        change=change,
        source="cgt-1",
        prompt="make it rain",
        seconds=seconds,
        body=Body(fields=members, raw=orjson.dumps(members)),
    )


def made(request: ChangeRequest, series: str = "2.0", of: TaskRecord | None = None) -> VideoRequest:
    """The create it becomes."""
    return changes.as_create(request, of or source(), LINK, Target(model=MODELS[series]))


CASES: list[tuple[str, Change, int | None, JSON]] = [
    ("2.0", Change.REMIX, None, {"resolution": "480p", "ratio": "9:16", "duration": 7}),
    ("2.0", Change.EDIT, None, {"resolution": "480p", "ratio": "9:16", "duration": 7}),
    ("2.0", Change.EXTEND, 5, {"resolution": "480p", "ratio": "9:16", "duration": 5}),
    (
        "2.5",
        Change.REMIX,
        None,
        {"resolution": "480p", "ratio": "adaptive", "duration": -1, "omni_reference_task_type": "edit"},
    ),
    (
        "2.5",
        Change.EDIT,
        None,
        {"resolution": "480p", "ratio": "adaptive", "duration": -1, "omni_reference_task_type": "edit"},
    ),
    (
        "2.5",
        Change.EXTEND,
        5,
        {"resolution": "480p", "ratio": "adaptive", "duration": 5, "omni_reference_task_type": "extend"},
    ),
]


@pytest.mark.parametrize(("series", "change", "seconds", "options"), CASES)
def test_each_change(series: str, change: Change, seconds: int | None, options: JSON) -> None:
    """Each is the prompt and the source as reference video, in the source's frame, by the rules of the model's series."""
    request = made(asked(change, seconds), series)
    assert (request.model, request.dialect, request.content) == ("our-video", Dialect.OPENAI, CONTENT)
    assert request.options == options
    assert request.body is None


def test_what_was_asked_for_stands_in() -> None:
    """Where the upstream told nothing of its video, the source's own create says the frame and length."""
    request = {"resolution": "1080p", "ratio": "1:1", "duration": 6}
    assert made(asked(Change.REMIX), of=source({}, request)).options == request
    assert made(asked(Change.REMIX), of=source(FACTS, request)).options == FACTS
    assert made(asked(Change.REMIX), of=source({"duration": 8}, {"duration": -1})).options == {"duration": 8}


def test_an_unknown_length_is_left_out() -> None:
    """A length that the model was to choose, or that nobody knows, is not asked for again."""
    for length in (-1, 0, None, "soon", True):
        assert made(asked(Change.EDIT), of=source({"duration": length})).options == {}


@pytest.mark.parametrize("seconds", [-1, 0, 400])
@pytest.mark.parametrize("series", MODELS)
def test_an_extensions_length_is_the_upstreams_to_judge(series: str, seconds: int) -> None:
    """No length of an extension is left out or changed: the caller hears of it from the upstream."""
    assert made(asked(Change.EXTEND, seconds), series).options["duration"] == seconds


@pytest.mark.parametrize("model", ["doubao-seedance-1-5-pro-251215", "doubao-seedance-1-0-pro-250528"])
@pytest.mark.parametrize("change", list(Change))
def test_models_without_references(model: str, change: Change) -> None:
    """A model that takes no reference video is a 400 that names the model (§5.9)."""
    with pytest.raises(Refusal) as refused:
        changes.as_create(asked(change, 5), source(), LINK, Target(model=model))
    assert (refused.value.problem, refused.value.param) == (Problem.INVALID_VALUE, "model")
    assert "our-video" in refused.value.message


@pytest.mark.parametrize(("change", "param"), [(Change.REMIX, "id"), (Change.EDIT, "video"), (Change.EXTEND, "video")])
def test_without_a_link(change: Change, param: str) -> None:
    """A source that no upstream can fetch any more is a 410 that names it as the caller did."""
    with pytest.raises(Refusal) as refused:
        changes.as_create(asked(change, 5), source(), None, Target(model=MODELS["2.0"]))
    assert (refused.value.problem, refused.value.param) == (Problem.VIDEO_EXPIRED, param)


def test_nothing_is_dropped_in_silence() -> None:
    """Every member that a change does not take is named in a notice; nulls and what is taken are not."""
    more: dict[str, Any] = {"size": "1x1", "model": "x", "seconds": "9", "gone": None, "callback_url": "https://me/cb"}
    assert [notice.param for notice in made(asked(Change.REMIX, **more)).notices] == ["size", "model", "seconds"]
    assert [notice.param for notice in made(asked(Change.REMIX, video="x")).notices] == ["video"]
    assert made(asked(Change.EDIT)).notices == ()
    (notice,) = made(asked(Change.EXTEND, 5)).notices
    assert notice.param == "seconds"
    assert "new part" in notice.done


def test_remembered() -> None:
    """The new task knows its source; an extension says so in its metadata, and the upstream is not told (§5.9)."""
    outgoing = Outgoing(request=WireRequest(method="POST", path="/x"), remember={"prompt": "p"})
    for change in (Change.REMIX, Change.EDIT):
        kept = changes.remembered(outgoing, asked(change)).remember
        assert kept == {"prompt": "p", "remixed_from": "cgt-1"}
    kept = changes.remembered(outgoing, asked(Change.EXTEND, 5)).remember
    assert kept == {"prompt": "p", "remixed_from": "cgt-1", "metadata": {"extended_from": "cgt-1"}}
    assert made(asked(Change.EXTEND, 5)).metadata == {}
