"""Routes that all OpenAI-like upstreams share."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refusal, UnreadableAnswer
from proxy.model import Dialect, Profile
from proxy.translate.videos import Inbound, Target, ark, openai
from proxy.translate.wire import Body, WireResponse


@pytest.mark.parametrize("profile", list(Profile))
def test_reads_and_content(profile: Profile) -> None:
    """Every profile reads a task and its bytes on the same routes; ids are quoted."""
    codec = openai.OUTBOUND[profile]
    assert (codec.encode_read("a/b").method, codec.encode_read("a/b").path) == ("GET", "/videos/a%2Fb")
    content = codec.encode_content("a")
    assert content is not None
    assert (content.method, content.path) == ("GET", "/videos/a/content")
    assert codec.decode_created(WireResponse(status=200, body=b'{"id":"a"}')).id == "a"
    assert codec.decode_task(WireResponse(status=200, body=b'{"id":"a","status":"queued"}')).id == "a"
    with pytest.raises(UnreadableAnswer):
        codec.decode_task(WireResponse(status=200, body=b'{"id":"a"}'))


@pytest.mark.parametrize(
    ("profile", "flags"),
    [
        (Profile.STRICT, (False, True, True, False)),
        (Profile.NEWAPI, (True, False, False, False)),
        (Profile.VLLM_OMNI, (False, True, True, True)),
        (Profile.SGLANG, (True, True, True, False)),
    ],
)
def test_what_each_can_do(profile: Profile, flags: tuple[bool, ...]) -> None:
    """Links, lists, deletes and cancelling differ by profile (openai-wire.md §2.1 to §2.3)."""
    codec = openai.OUTBOUND[profile]
    assert (codec.has_links, codec.has_list, codec.has_delete, codec.cancels_running) == flags


def test_lists() -> None:
    """A list asks for as many as a page can hold; new-api has none."""
    strict = openai.OUTBOUND[Profile.STRICT]
    for query, expected in (
        ({"page_size": "500"}, (("limit", "100"),)),
        ({"page_size": "7"}, (("limit", "7"),)),
        ({}, ()),
    ):
        listed = strict.encode_list(query)
        assert listed is not None
        assert (listed.path, listed.query) == ("/videos", expected)
    body = b'{"object":"list","data":[{"id":"a","status":"queued"}]}'
    assert [sighting.id for sighting in strict.decode_list(WireResponse(status=200, body=body))] == ["a"]
    assert openai.OUTBOUND[Profile.NEWAPI].encode_list({}) is None


def test_deletes() -> None:
    """A delete goes to the task's route; new-api has none and says so."""
    delete = openai.OUTBOUND[Profile.VLLM_OMNI].encode_delete("a")
    assert (delete.method, delete.path) == ("DELETE", "/videos/a")
    with pytest.raises(Refusal, match="neither cancel nor delete"):
        openai.OUTBOUND[Profile.NEWAPI].encode_delete("a")


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-1, 30), st.floats(), st.text(), st.just("data:image/png;base64,AAEC")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
ITEMS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "video_url", "audio_url", "draft_task", "new"])},
    optional={
        "text": st.sampled_from(["a", ""]),
        "role": st.one_of(st.sampled_from(["first_frame", "last_frame", "reference_image"]), VALUES),
        **{
            kind: st.fixed_dictionaries({"url": st.one_of(st.just("https://i"), VALUES)})
            for kind in ("image_url", "video_url")
        },
    },
)
CREATES = st.fixed_dictionaries(
    {"model": st.just("seedance-2.0")},
    optional={
        "prompt": st.one_of(st.just("a"), VALUES),
        "content": st.lists(ITEMS, max_size=3),
        "duration": st.one_of(st.sampled_from([4, 5, -1]), VALUES),
        "seconds": st.sampled_from(["4", "8", 4]),
        "size": st.sampled_from(["1280x720", "1024x1024", "1080p", "16:9", "1x99999"]),
        "resolution": st.sampled_from(["720p", "9p"]),
        "ratio": st.sampled_from(["16:9", "adaptive", "5:4"]),
        "images": st.lists(st.sampled_from(["https://1", "asset://2", "data:,"]), max_size=3),
        **dict.fromkeys(
            ("metadata", "seed", "tools", "input_reference", "extra_params", "callback_url", "n", "x"), VALUES
        ),
    },
)


@given(CREATES, st.sampled_from(list(Dialect)), st.booleans(), st.booleans())
def test_no_request_breaks_a_profile(members: dict[str, object], dialect: Dialect, form: bool, lossy: bool) -> None:
    """Whatever callers of either dialect send, every profile says it or refuses it; what is sent is JSON or parts, with our model."""
    codec: Inbound = openai.INBOUND if dialect is Dialect.OPENAI else ark.INBOUND
    raw = orjson.dumps(members)
    try:
        request = codec.decode_create(Body(fields=orjson.loads(raw), raw=raw, form=form), lossy=lossy)
    except Refusal:
        return
    for outbound in openai.OUTBOUND.values():
        try:
            outgoing = outbound.encode_create(request, Target(model="up", callback_url="https://gw/cb"))
        except Refusal:
            continue
        wire = outgoing.request
        sent = {part.name: part.data.decode() for part in wire.parts} if wire.parts else orjson.loads(wire.body)
        assert sent["model"] == "up"
        assert isinstance(sent["prompt"], str)
        assert bool(wire.parts) != bool(wire.body)
        orjson.dumps(outgoing.remember)
