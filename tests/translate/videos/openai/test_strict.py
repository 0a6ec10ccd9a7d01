"""OpenAI's own API as upstream (openai-wire.md §5.4, column openai)."""

import base64

import orjson
import pytest

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Profile
from proxy.translate.videos import Outgoing, Target, VideoRequest, ark, openai
from proxy.translate.wire import Body, Part, Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
TEXT = {"type": "text", "text": "a cat"}
CODEC = openai.OUTBOUND[Profile.STRICT]


def image(role: str | None = None, url: str = "https://i") -> dict[str, object]:
    item: dict[str, object] = {"type": "image_url", "image_url": {"url": url}}
    return item if role is None else item | {"role": role}


def send(request: VideoRequest) -> Outgoing:
    return CODEC.encode_create(request, Target(model="sora-2"))


def from_ark(
    *media: dict[str, object], options: JSON | None = None, lossy: bool = False, text: bool = True
) -> Outgoing:
    members = {"model": "seedance-2.0", "content": [*([TEXT] if text else []), *media], **(options or {})}
    return send(ark.INBOUND.decode_create(Body(fields=members, raw=orjson.dumps(members)), lossy=lossy))


def from_openai(raw: bytes, *, lossy: bool = False) -> Outgoing:
    return send(openai.INBOUND.decode_create(Body(fields=orjson.loads(raw), raw=raw), lossy=lossy))


def sent(outgoing: Outgoing) -> dict[str, object]:
    members: dict[str, object] = orjson.loads(outgoing.request.body)
    return members


def warned(outgoing: Outgoing) -> list[str]:
    return [notice.param for notice in outgoing.notices]


def test_a_plain_body_travels_on() -> None:
    """Every byte of a plain OpenAI body survives but the model's name and nulls, whatever the values."""
    raw = b'{ "model":"video","prompt":"caf\\u00e9", "seconds" : "7","size":"640x360","x":1.50,"user":"u", "n":null }'
    outgoing = from_openai(raw)
    assert (
        outgoing.request.body
        == b'{ "model":"sora-2","prompt":"caf\\u00e9", "seconds" : "7","size":"640x360","x":1.50,"user":"u" }'
    )
    assert (outgoing.request.method, outgoing.request.path) == ("POST", "/videos")
    assert outgoing.notices == ()
    assert outgoing.remember["prompt"] == "café"
    assert outgoing.remember["size"] == "640x360"
    object_form = (
        b'{"model":"sora-2","prompt":"x","input_reference":{"image_url":"https://i"},"characters":[{"id":"c"}]}'
    )
    assert from_openai(object_form).request.body == object_form
    with_metadata = b'{"model":"sora-2","prompt":"x","metadata":{"order":"17"}}'
    assert from_openai(with_metadata).request.body == with_metadata


def test_a_form_is_rebuilt() -> None:
    """A plain form becomes parts of ours: the prompt first, the file last with its real type."""
    members = {"model": "video", "input_reference": Upload(PNG, "upload", ""), "seconds": "8", "prompt": "a cat"}
    outgoing = send(openai.INBOUND.decode_create(Body(fields=members, raw=b"--x", form=True)))
    assert outgoing.request.body == b""
    assert outgoing.request.parts == (
        Part("prompt", b"a cat"),
        Part("model", b"sora-2"),
        Part("seconds", b"8"),
        Part("input_reference", PNG, "upload", "image/png"),
    )


def test_an_ark_shaped_body_is_translated() -> None:
    """The quick start's body, sent to an OpenAI upstream, becomes a prompt and seconds."""
    raw = b'{"model":"v","content":[{"type":"text","text":"a cat"}],"resolution":"480p","duration":4,"brand_new":1}'
    outgoing = from_openai(raw)
    assert sent(outgoing) == {"prompt": "a cat", "model": "sora-2", "seconds": "4", "brand_new": 1}
    assert warned(outgoing) == ["resolution"]
    lifted = from_openai(b'{"model":"v","prompt":"x","metadata":{"ratio":"16:9","resolution":"720p"}}')
    assert sent(lifted) == {"prompt": "x", "model": "sora-2", "size": "1280x720"}


@pytest.mark.parametrize("role", [None, "first_frame"])
def test_the_first_frame(role: str | None) -> None:
    """One image without a role or a first frame is the reference: a link in JSON, a data URL as a file."""
    assert sent(from_ark(image(role)))["input_reference"] == {"image_url": "https://i"}
    outgoing = from_ark(image(role, PNG_URL), options={"duration": 8})
    assert outgoing.request.parts == (
        Part("prompt", b"a cat"),
        Part("model", b"sora-2"),
        Part("seconds", b"8"),
        Part("input_reference", PNG, "upload", "image/png"),
    )


@pytest.mark.parametrize(
    "media",
    [
        [image("last_frame")],
        [image("reference_image")],
        [image(), image()],
        [image("first_frame"), image("last_frame")],
        [{"type": "video_url", "video_url": {"url": "https://v"}, "role": "reference_video"}],
        [{"type": "audio_url", "audio_url": {"url": "https://a"}}],
        [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}],
    ],
)
def test_other_media_are_refused(media: list[dict[str, object]]) -> None:
    """What OpenAI has no word for is a 400 on content."""
    with pytest.raises(Refusal) as refused:
        from_ark(*media)
    assert (refused.value.problem, refused.value.param) == (Problem.UNSUPPORTED_PARAMETER, "content")


def test_a_prompt_is_needed() -> None:
    """Content without text is a 400."""
    with pytest.raises(Refusal) as refused:
        from_ark(image(), text=False)
    assert refused.value.param == "content"


def test_refusals_name_the_callers_field() -> None:
    """A refused reference is named as the OpenAI caller wrote it."""
    with pytest.raises(Refusal) as refused:
        from_openai(b'{"model":"v","prompt":"x","video_urls":["https://v"]}')
    assert refused.value.param == "video_urls"
    with pytest.raises(Refusal) as refused:
        from_openai(b'{"model":"v","prompt":"x","metadata":{"seed":7}}')
    assert refused.value.param == "metadata.seed"


@pytest.mark.parametrize(("duration", "seconds"), [(4, "4"), (8, "8"), (12, "12"), (20, "20")])
def test_lengths(duration: int, seconds: str) -> None:
    """A length that OpenAI offers is said as a string."""
    assert sent(from_ark(options={"duration": duration}))["seconds"] == seconds


def test_other_lengths() -> None:
    """Another length is a 400, or the nearest one when losses are allowed; -1 is left to the upstream."""
    with pytest.raises(Refusal) as refused:
        from_ark(options={"duration": 5})
    assert refused.value.param == "duration"
    lossy = from_ark(options={"duration": 5}, lossy=True)
    assert (sent(lossy)["seconds"], warned(lossy)) == ("4", ["duration"])
    chosen = from_ark(options={"duration": -1})
    assert "seconds" not in sent(chosen)
    assert warned(chosen) == ["duration"]


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("720p", "16:9", "1280x720"),
        ("720p", "9:16", "720x1280"),
        ("1080p", "16:9", "1920x1080"),
        ("1080p", "9:16", "1080x1920"),
    ],
)
def test_sizes(resolution: str, ratio: str, size: str) -> None:
    """A framing that OpenAI has is a size, also for a model whose own pixels differ a little."""
    assert sent(from_ark(options={"resolution": resolution, "ratio": ratio}))["size"] == size
    members = {"model": "v", "content": [TEXT], "resolution": resolution, "ratio": ratio}
    request = ark.INBOUND.decode_create(Body(fields=members, raw=orjson.dumps(members)))
    old = CODEC.encode_create(request, Target(model="seedance-1-0-pro-250528"))
    assert sent(old)["size"] == size


@pytest.mark.parametrize(
    ("resolution", "ratio", "param", "instead"),
    [
        ("480p", "16:9", "resolution", "1280x720"),
        ("720p", "3:4", "ratio", "720x1280"),
        ("4k", "9:16", "resolution", "720x1280"),
    ],
)
def test_other_framings(resolution: str, ratio: str, param: str, instead: str) -> None:
    """A framing that OpenAI has not is a 400, or the nearest 720p when losses are allowed."""
    with pytest.raises(Refusal) as refused:
        from_ark(options={"resolution": resolution, "ratio": ratio})
    assert refused.value.param == param
    lossy = from_ark(options={"resolution": resolution, "ratio": ratio}, lossy=True)
    assert (sent(lossy)["size"], warned(lossy)) == (instead, [param])


def test_adaptive_framing() -> None:
    """An open ratio is left out with a warning."""
    outgoing = from_ark(options={"ratio": "adaptive", "resolution": "720p"})
    assert "size" not in sent(outgoing)
    assert sorted(warned(outgoing)) == ["ratio", "resolution"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generate_audio", True),
        ("watermark", False),
        ("camera_fixed", True),
        ("service_tier", "flex"),
        ("priority", 3),
        ("safety_identifier", "u"),
        ("output_format", "mov"),
        ("omni_reference_task_type", "edit"),
        ("return_last_frame", False),
        ("draft", False),
        ("tools", []),
        ("seed", -1),
        ("brand_new", 1),
    ],
)
def test_dropped_with_a_warning(name: str, value: object) -> None:
    """What is cosmetic, asks for nothing, or is unknown, is not sent and the caller is told."""
    outgoing = from_ark(options={name: value})
    assert name not in sent(outgoing)
    assert warned(outgoing) == [name]


@pytest.mark.parametrize(
    ("name", "value", "mayhap"),
    [
        ("frames", 57, False),
        ("seed", 7, True),
        ("return_last_frame", True, True),
        ("draft", True, True),
        ("tools", [{"type": "web_search"}], True),
    ],
)
def test_refused(name: str, value: object, mayhap: bool) -> None:
    """What changes the result is a 400 by name; those marked † become a warning when losses are allowed."""
    with pytest.raises(Refusal) as refused:
        from_ark(options={name: value})
    assert refused.value.param == name
    if mayhap:
        assert warned(from_ark(lossy=True, options={name: value})) == [name]
    else:
        with pytest.raises(Refusal):
            from_ark(lossy=True, options={name: value})


def test_what_we_do_ourselves() -> None:
    """The expiry and the caller's callback are ours to keep: not sent, not warned of, remembered."""
    outgoing = from_ark(options={"execution_expires_after": 3600, "callback_url": "https://me/cb"})
    assert sent(outgoing) == {"prompt": "a cat", "model": "sora-2"}
    assert outgoing.notices == ()
    assert outgoing.remember["execution_expires_after"] == 3600
    assert outgoing.remember["callback_url"] == "https://me/cb"


def test_ark_to_openai_and_back() -> None:
    """What both sides can say survives the way through OpenAI's words."""
    members = sent(from_ark(image("first_frame"), options={"duration": 8, "resolution": "720p", "ratio": "9:16"}))
    again = openai.INBOUND.decode_create(Body(fields=members, raw=b""))
    back = orjson.loads(ark.OUTBOUND.encode_create(again, Target(model="seedance-2.0")).request.body)
    assert back == {
        "model": "seedance-2.0",
        "content": [TEXT, image("first_frame")],
        "duration": 8,
        "resolution": "720p",
        "ratio": "9:16",
    }
