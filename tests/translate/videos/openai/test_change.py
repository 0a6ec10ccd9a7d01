"""What OpenAI callers ask of a video they have: read, and passed on to an upstream that has the routes (openai-wire.md §1.1, §5.9)."""

import orjson
import pytest

from proxy.errors import Problem, Refusal
from proxy.model import Dialect, Profile, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import Change, ChangeRequest, Target, openai
from proxy.translate.videos.openai import change as codec
from proxy.translate.wire import JSON_TYPE, Body, Part, Upload

MP4 = Upload(b"\0\0\0\x18ftypisom", "v.mp4", "video/mp4")
GIVEN: dict[Change, dict[str, object]] = {
    Change.REMIX: {"prompt": "rain"},
    Change.EDIT: {"prompt": "rain", "video": {"id": "video_1"}},
    Change.EXTEND: {"prompt": "rain", "video": {"id": "video_1"}, "seconds": "8"},
}
SOURCE = TaskRecord(
    key="k",
    caller="c",
    key_prefix="p",
    upstream="up",
    dialect=Dialect.OPENAI,
    operation="videos.create",
    original_model="m",
    request_model="m",
    request_id="r",
    created_at=1.0,
    id="video_1",
    snapshot=Snapshot(status=TaskStatus.SUCCEEDED, status_word="completed"),
)
PATHS = {Change.REMIX: "/videos/video_1/remix", Change.EDIT: "/videos/edits", Change.EXTEND: "/videos/extensions"}


def body(members: dict[str, object], *, form: bool = False) -> Body:
    """A body of these members."""
    return Body(fields=members, raw=b"--x" if form else orjson.dumps(members), form=form)


def decode(change: Change, members: dict[str, object], *, form: bool = False) -> ChangeRequest:
    """The request that a body is."""
    source = "video_1" if change is Change.REMIX else None
    return openai.INBOUND.decode_change(change, body(members, form=form), source)


def refused(change: Change, members: dict[str, object]) -> tuple[Problem, str | None]:
    """Why a body is refused."""
    with pytest.raises(Refusal) as caught:
        decode(change, members)
    return caught.value.problem, caught.value.param


@pytest.mark.parametrize("change", list(Change))
@pytest.mark.parametrize("form", [False, True])
def test_read(change: Change, form: bool) -> None:
    """All three are read from JSON and from a form, the source from the path or the body; only an extension has a length."""
    request = decode(change, {**GIVEN[change], "lossy": None}, form=form)
    assert (request.change, request.source, request.prompt) == (change, "video_1", "rain")
    assert request.seconds == (8 if change is Change.EXTEND else None)
    assert request.callback_url is None


@pytest.mark.parametrize("video", ["video_1", '{"id": "video_1"}', ' {"id":"video_1","x":null}', {"id": "video_1"}])
def test_ways_to_name_the_video(video: object) -> None:
    """The source is an id, an object with one, or the text of such an object, as forms of other clients have it."""
    assert decode(Change.EDIT, {"prompt": "rain", "video": video}, form=True).source == "video_1"


WRONG: list[tuple[Change, dict[str, object], Problem, str]] = [
    (Change.REMIX, {}, Problem.MISSING_PARAMETER, "prompt"),
    (Change.REMIX, {"prompt": None}, Problem.MISSING_PARAMETER, "prompt"),
    (Change.REMIX, {"prompt": " \n"}, Problem.INVALID_VALUE, "prompt"),
    (Change.REMIX, {"prompt": 7}, Problem.INVALID_VALUE, "prompt"),
    (Change.EDIT, {"prompt": "x"}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": None}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": ""}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": {"id": 7}}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": {}}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": ["video_1"]}, Problem.MISSING_PARAMETER, "video"),
    (Change.EDIT, {"prompt": "x", "video": "{"}, Problem.INVALID_VALUE, "video"),
    (Change.EDIT, {"prompt": "x", "video": MP4}, Problem.INVALID_VALUE, "video"),
    (Change.EXTEND, {"prompt": "x", "seconds": "4", "video": MP4}, Problem.INVALID_VALUE, "video"),
    (Change.EXTEND, {"prompt": "x", "video": "video_1"}, Problem.MISSING_PARAMETER, "seconds"),
    (Change.EXTEND, {"prompt": "x", "video": "video_1", "seconds": "soon"}, Problem.INVALID_VALUE, "seconds"),
    (Change.REMIX, {"prompt": "x", "callback_url": 7}, Problem.INVALID_VALUE, "callback_url"),
]


@pytest.mark.parametrize(("change", "members", "problem", "param"), WRONG)
def test_what_cannot_be_read(change: Change, members: dict[str, object], problem: Problem, param: str) -> None:
    """What is absent or wrong is a 400 that names it."""
    if any(isinstance(value, Upload) for value in members.values()):
        with pytest.raises(Refusal) as caught:
            decode(change, dict(members), form=True)
        assert (caught.value.problem, caught.value.param) == (problem, param)
        assert 'video={"id"' in caught.value.message
        return
    assert refused(change, members) == (problem, param)


def test_the_callers_callback() -> None:
    """A callback address is kept for us to call; an empty one is none."""
    given = GIVEN[Change.REMIX]
    assert decode(Change.REMIX, {**given, "callback_url": "https://me/cb"}).callback_url == "https://me/cb"
    assert decode(Change.REMIX, {**given, "callback_url": ""}).callback_url is None


@pytest.mark.parametrize("change", list(Change))
def test_json_travels_on(change: Change) -> None:
    """Every byte of a JSON body goes on to the upstream's own route, unknown members too, but for nulls and our callback."""
    raw = orjson.dumps(GIVEN[change])[:-1] + b' , "new" : {"a":[1.50]}}'
    given = raw[:-1] + b',"none":null,"callback_url":"https://me/cb"}'
    request = openai.INBOUND.decode_change(
        change, Body(fields=orjson.loads(given), raw=given), "video_1" if change is Change.REMIX else None
    )
    outgoing = codec.native(request)
    assert (outgoing.request.method, outgoing.request.path) == ("POST", PATHS[change])
    assert outgoing.request.headers == {"content-type": JSON_TYPE}
    assert outgoing.request.body == raw


def test_a_bare_id_becomes_an_object() -> None:
    """An id where OpenAI wants an object is written as one, and a length as the text that it wants."""
    outgoing = codec.native(decode(Change.EXTEND, {"prompt": "rain", "video": "video_1", "seconds": 8}))
    assert orjson.loads(outgoing.request.body) == GIVEN[Change.EXTEND]


def test_a_form_is_rebuilt() -> None:
    """A form goes on as a form, the callback aside."""
    members = {**GIVEN[Change.EXTEND], "new": ["a", "b"], "callback_url": "https://me/cb"}
    outgoing = codec.native(decode(Change.EXTEND, members, form=True))
    assert (outgoing.request.path, outgoing.request.body) == ("/videos/extensions", b"")
    assert outgoing.request.parts == (
        Part("prompt", b"rain"),
        Part("video[id]", b"video_1"),
        Part("seconds", b"8"),
        Part("new[]", b"a"),
        Part("new[]", b"b"),
    )


def test_the_id_in_a_path_is_made_safe() -> None:
    """A source's id cannot lead to another route of the upstream."""
    request = openai.INBOUND.decode_change(Change.REMIX, body({"prompt": "x"}), "a/../b?c")
    assert codec.native(request).request.path == "/videos/a%2F..%2Fb%3Fc/remix"


@pytest.mark.parametrize("change", list(Change))
def test_remembered(change: Change) -> None:
    """The new task knows its prompt, its source, that a video went in, and whom to call."""
    outgoing = codec.native(decode(change, {**GIVEN[change], "callback_url": "https://me/cb"}))
    assert outgoing.remember == {
        "prompt": "rain",
        "remixed_from": "video_1",
        "has_video_input": True,
        "callback_url": "https://me/cb",
    }
    assert "callback_url" not in codec.native(decode(change, GIVEN[change])).remember


@pytest.mark.parametrize("profile", [Profile.VLLM_OMNI, Profile.SGLANG])
@pytest.mark.parametrize("change", list(Change))
def test_upstreams_without_the_routes(profile: Profile, change: Change) -> None:
    """vLLM-Omni and SGLang have none of the three, and that is said by code and name (§2.2, §2.3)."""
    outbound = openai.OUTBOUND[profile]
    with pytest.raises(Refusal) as caught:
        outbound.encode_change(decode(change, GIVEN[change]), SOURCE, None, Target(model="m"))
    assert caught.value.problem is Problem.UNSUPPORTED_OPERATION
    assert change.value in caught.value.message
