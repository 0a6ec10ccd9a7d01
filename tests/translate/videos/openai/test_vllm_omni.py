"""vLLM-Omni as upstream (openai-wire.md §2.2, §5.4, column vllm_omni)."""

import base64

import orjson
import pytest

from proxy.errors import Refusal
from proxy.model import Profile
from proxy.translate.videos import Outgoing, Target, VideoRequest, ark, openai
from proxy.translate.wire import Body, Part, Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
TEXT = {"type": "text", "text": "a cat"}
CODEC = openai.OUTBOUND[Profile.VLLM_OMNI]


def media(kind: str, url: str, role: str | None = None) -> dict[str, object]:
    item: dict[str, object] = {"type": kind, kind: {"url": url}}
    return item if role is None else item | {"role": role}


def send(request: VideoRequest) -> Outgoing:
    outgoing = CODEC.encode_create(request, Target(model="wan"))
    assert outgoing.request.body == b""
    return outgoing


def from_ark(*items: dict[str, object], **options: object) -> Outgoing:
    members = {"model": "m", "content": [TEXT, *items], **options}
    return send(ark.INBOUND.decode_create(Body(fields=members, raw=orjson.dumps(members))))


def from_openai(*, form: bool = False, **members: object) -> Outgoing:
    given = {"model": "m", "prompt": "a cat", **members}
    return send(openai.INBOUND.decode_create(Body(fields=given, raw=b"", form=form)))


def sent(outgoing: Outgoing) -> dict[str, str]:
    return {part.name: part.data.decode() for part in outgoing.request.parts if part.filename is None}


def warned(outgoing: Outgoing) -> list[str]:
    return [notice.param for notice in outgoing.notices]


def test_options() -> None:
    """Ark's options have its names and are strings; the prompt goes first."""
    outgoing = from_ark(duration=4, resolution="720p", ratio="16:9", seed=7, generate_audio=True, frames=57)
    assert outgoing.request.parts[0] == Part("prompt", b"a cat")
    assert sent(outgoing) == {
        "prompt": "a cat",
        "model": "wan",
        "seconds": "4",
        "size": "1280x720",
        "num_frames": "57",
        "seed": "7",
        "generate_sound": "true",
    }
    assert outgoing.notices == ()


@pytest.mark.parametrize("name", ["watermark", "return_last_frame", "draft", "service_tier", "priority", "brand_new"])
def test_dropped_with_a_warning(name: str) -> None:
    """What it has no word for is not sent, and the caller is told."""
    outgoing = from_ark(**{name: "1"})
    assert sent(outgoing) == {"prompt": "a cat", "model": "wan"}
    assert warned(outgoing) == [name]


def test_pictures() -> None:
    """One data URL is a file, one link is a reference, and several are a list."""
    file = from_ark(media("image_url", PNG_URL, "first_frame")).request.parts[-1]
    assert file == Part("input_reference", PNG, "upload", "image/png")
    one = from_ark(media("image_url", "https://1"))
    assert orjson.loads(sent(one)["image_reference"]) == {"image_url": "https://1"}
    two = from_ark(media("image_url", "https://1", "first_frame"), media("image_url", PNG_URL, "last_frame"))
    assert orjson.loads(sent(two)["image_reference"]) == [{"image_url": "https://1"}, {"image_url": PNG_URL}]
    assert warned(two) == ["content"]


def test_videos_and_sounds() -> None:
    """Videos and sounds are references of their kind."""
    outgoing = from_ark(
        media("video_url", "https://v"), media("audio_url", "https://a"), media("audio_url", "https://b")
    )
    assert orjson.loads(sent(outgoing)["video_reference"]) == {"video_url": "https://v"}
    assert orjson.loads(sent(outgoing)["audio_reference"]) == [{"audio_url": "https://a"}, {"audio_url": "https://b"}]
    with pytest.raises(Refusal):
        from_ark({"type": "draft_task", "draft_task": {"id": "cgt-1"}})


def test_what_is_left_open() -> None:
    """An open length or ratio is left out with a warning."""
    outgoing = from_ark(duration=-1, ratio="adaptive")
    assert sent(outgoing) == {"prompt": "a cat", "model": "wan"}
    assert warned(outgoing) == ["duration", "ratio"]


def test_openai_callers() -> None:
    """JSON becomes a form; its own parameters pass, objects as JSON texts, and `extra_params` stays one field."""
    outgoing = from_openai(
        seconds="8",
        size="832x480",
        negative_prompt="blur",
        fps=16,
        guidance_scale=4.5,
        lora={"name": "x"},
        extra_params='{"shift": 3, "seed": 5}',
        input_reference={"image_url": "https://i"},
    )
    assert sent(outgoing) == {
        "prompt": "a cat",
        "model": "wan",
        "seconds": "8",
        "size": "832x480",
        "seed": "5",
        "negative_prompt": "blur",
        "fps": "16",
        "guidance_scale": "4.5",
        "lora": '{"name":"x"}',
        "extra_params": '{"shift":3}',
        "image_reference": '{"image_url":"https://i"}',
    }
    form = from_openai(form=True, input_reference=Upload(PNG, "a.png"))
    assert form.request.parts[-1] == Part("input_reference", PNG, "upload", "image/png")
