"""new-api as upstream (openai-wire.md §2.1, §5.4, column newapi)."""

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refusal
from proxy.model import JSON, Profile
from proxy.translate.videos import Outgoing, Target, VideoRequest, ark, openai
from proxy.translate.wire import Body, Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
TEXT: dict[str, object] = {"type": "text", "text": "a cat"}
MEDIA: list[dict[str, object]] = [
    {"type": "image_url", "image_url": {"url": "https://1"}, "role": "first_frame"},
    {"type": "image_url", "image_url": {"url": "asset://2"}, "role": "last_frame"},
    {"type": "video_url", "video_url": {"url": "https://3"}, "role": "reference_video"},
    {"type": "audio_url", "audio_url": {"url": "https://4"}, "role": "reference_audio"},
    {"type": "draft_task", "draft_task": {"id": "cgt-1"}},
    {"type": "new", "x": 1},
]
CODEC = openai.OUTBOUND[Profile.NEWAPI]


def send(request: VideoRequest, callback: str | None = None) -> Outgoing:
    return CODEC.encode_create(request, Target(model="seedance-up", callback_url=callback))


def ark_request(content: Sequence[JSON], **options: object) -> VideoRequest:
    members = {"model": "seedance-2.0", "content": content, **options}
    return ark.INBOUND.decode_create(Body(fields=members, raw=orjson.dumps(members)))


def openai_request(*, form: bool = False, **members: object) -> VideoRequest:
    given = {"model": "seedance-2.0", **members}
    return openai.INBOUND.decode_create(Body(fields=given, raw=b"" if form else orjson.dumps(given), form=form))


def sent(outgoing: Outgoing) -> dict[str, object]:
    assert outgoing.request.parts == ()
    members: dict[str, object] = orjson.loads(outgoing.request.body)
    return members


@pytest.mark.parametrize(
    "raw",
    [
        b'{ "model":"seedance-2.0","prompt":"caf\\u00e9","seconds":"4" ,"mode":"x"}',
        b'{"model":"seedance-2.0","prompt":"x","duration":4,"metadata":{"resolution":"480p","content":[]}}',
        b'{"model":"seedance-2.0","prompt":"x","metadata":"{\\"seed\\":7}"}',
    ],
)
def test_what_it_understands_travels_on(raw: bytes) -> None:
    """A body in its own words keeps every byte but the model's."""
    request = openai.INBOUND.decode_create(Body(fields=orjson.loads(raw), raw=raw))
    assert send(request).request.body == raw.replace(b'"seedance-2.0"', b'"seedance-up"')


def test_everything_of_arks_is_in_metadata() -> None:
    """Options go to metadata under Ark's names, unknown ones too; the length is said twice, once as a string."""
    outgoing = send(ark_request([TEXT], duration=4, resolution="480p", seed=-1, watermark=False, brand_new=1))
    assert sent(outgoing) == {
        "model": "seedance-up",
        "prompt": "a cat",
        "seconds": "4",
        "metadata": {"duration": 4, "resolution": "480p", "seed": -1, "watermark": False, "brand_new": 1},
    }
    assert outgoing.notices == ()


def test_media_are_verbatim() -> None:
    """Content with media goes to metadata whole, roles and unknown types included."""
    content = [TEXT, *MEDIA]
    assert sent(send(ark_request(content))) == {
        "model": "seedance-up",
        "prompt": "a cat",
        "metadata": {"content": content},
    }


def test_text_alone_is_the_prompt() -> None:
    """Without media there is no content, and several texts become one prompt."""
    two: list[dict[str, object]] = [TEXT, {"type": "text", "text": "b"}]
    assert sent(send(ark_request(two))) == {"model": "seedance-up", "prompt": "a cat\nb"}
    mixed = send(ark_request([*two, MEDIA[0]]))
    assert sent(mixed)["prompt"] == "a cat\nb"
    assert [notice.param for notice in mixed.notices] == ["content"]
    with pytest.raises(Refusal) as refused:
        send(ark_request([MEDIA[0]]))
    assert refused.value.param == "content"


def test_an_open_length_is_in_metadata_only() -> None:
    """-1 cannot be seconds there."""
    assert sent(send(ark_request([TEXT], duration=-1))) == {
        "model": "seedance-up",
        "prompt": "a cat",
        "metadata": {"duration": -1},
    }


def test_top_level_words_that_it_ignores_move() -> None:
    """The quick start's body, a numeric length and a size are said where it reads them."""
    outgoing = send(openai_request(content=[TEXT], resolution="480p", duration=4))
    expected = {"model": "seedance-up", "prompt": "a cat", "seconds": "4"}
    assert sent(outgoing) == expected | {"metadata": {"resolution": "480p", "duration": 4}}
    sized = send(openai_request(prompt="x", seconds=4, size="1280x720"))
    assert sent(sized) == {
        "model": "seedance-up",
        "prompt": "x",
        "seconds": "4",
        "size": "1280x720",
        "metadata": {"resolution": "720p", "ratio": "16:9", "duration": 4},
    }
    assert sized.remember["resolution"] == "720p"


def test_files_become_data_urls() -> None:
    """A form becomes JSON, its file a data URL in metadata.content; unknown fields stay at the top."""
    request = openai_request(form=True, prompt="x", input_reference=Upload(PNG), seconds="4", steps="9")
    members = sent(send(request))
    assert members["steps"] == "9"
    metadata = members["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert metadata["content"][1]["role"] == "first_frame"


def test_callbacks() -> None:
    """The caller's address is never forwarded; ours goes to metadata."""
    request = openai_request(prompt="x", metadata={"callback_url": "https://me/cb", "order": "17"})
    assert sent(send(request)) == {"model": "seedance-up", "prompt": "x", "metadata": {"order": "17"}}
    ours = sent(send(request, "https://gw/cb"))
    assert ours["metadata"] == {"order": "17", "callback_url": "https://gw/cb"}


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "duration": st.integers(-1, 30),
        "frames": st.integers(29, 289),
        "seed": st.integers(-1, 2**31),
        "watermark": st.booleans(),
        "generate_audio": st.booleans(),
        "resolution": st.sampled_from(["480p", "720p", "1080p"]),
        "ratio": st.sampled_from(["16:9", "adaptive"]),
        "tools": st.just([{"type": "web_search"}]),
        "service_tier": st.sampled_from(["default", "flex"]),
    },
)


@given(st.lists(st.sampled_from(MEDIA), max_size=4), OPTIONS)
def test_ark_to_newapi_and_back_loses_nothing(media: list[dict[str, object]], options: dict[str, object]) -> None:
    """An Ark create said in new-api's words reads as the same create."""
    request = ark_request([TEXT, *media], **options)
    raw = send(request).request.body
    again = openai.INBOUND.decode_create(Body(fields=orjson.loads(raw), raw=raw))
    assert (again.content, again.options) == (request.content, request.options)
