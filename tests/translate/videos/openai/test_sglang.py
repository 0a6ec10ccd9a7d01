"""SGLang-Diffusion as upstream (openai-wire.md §2.3, §5.4, column sglang)."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.model import JSON, Profile
from proxy.translate.videos import Outgoing, Target, VideoRequest, ark, openai
from proxy.translate.wire import Body, Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
TEXT = {"type": "text", "text": "a cat"}
CODEC = openai.OUTBOUND[Profile.SGLANG]


def send(request: VideoRequest) -> Outgoing:
    return CODEC.encode_create(request, Target(model="wan"))


def from_ark(*items: dict[str, object], **options: object) -> Outgoing:
    members = {"model": "m", "content": [TEXT, *items], **options}
    return send(ark.INBOUND.decode_create(Body(fields=members, raw=orjson.dumps(members))))


def from_openai(more: JSON | None = None, *, form: bool = False, **members: object) -> Outgoing:
    given = {"model": "m", "prompt": "a cat", **(more or {}), **members}
    raw = b"" if form else orjson.dumps(given)
    return send(openai.INBOUND.decode_create(Body(fields=given, raw=raw, form=form)))


def sent(outgoing: Outgoing) -> dict[str, object]:
    members: dict[str, object] = orjson.loads(outgoing.request.body)
    return members


def test_a_plain_body_travels_on() -> None:
    """A plain JSON body keeps its bytes; only the model and the spelling of the length change."""
    raw = b'{ "model":"m","prompt":"caf\\u00e9","seconds":"8","seed":7,"num_inference_steps":1e1 }'
    outgoing = send(openai.INBOUND.decode_create(Body(fields=orjson.loads(raw), raw=raw)))
    assert outgoing.request.body == (
        b'{ "model":"wan","prompt":"caf\\u00e9","seconds":8,"seed":7,"num_inference_steps":1e1 }'
    )


def test_a_nested_model_does_not_pass() -> None:
    """It merges nested bodies over the outer one, so a nested model must not reach it."""
    outgoing = from_openai(extra_body={"model": "dear", "fps": 16}, extra_json={"model": "dear"})
    assert sent(outgoing) == {"prompt": "a cat", "model": "wan", "fps": 16}


def test_options() -> None:
    """Ark's options have its names; the length is a number."""
    outgoing = from_ark(duration=4, resolution="480p", ratio="16:9", seed=7, frames=57)
    assert sent(outgoing) == {
        "prompt": "a cat",
        "model": "wan",
        "seconds": 4,
        "size": "864x496",
        "num_frames": 57,
        "seed": 7,
    }
    assert outgoing.notices == ()


@pytest.mark.parametrize("name", ["generate_audio", "watermark", "draft", "return_last_frame", "brand_new"])
def test_dropped_with_a_warning(name: str) -> None:
    """What it has no word for is not sent, and the caller is told."""
    outgoing = from_ark(**{name: "1"})
    assert sent(outgoing) == {"prompt": "a cat", "model": "wan"}
    assert [notice.param for notice in outgoing.notices] == [name]


def test_what_is_left_open() -> None:
    """An open length or ratio is left out with a warning, for callers of both dialects."""
    outgoing = from_ark(duration=-1, ratio="adaptive")
    assert sent(outgoing) == {"prompt": "a cat", "model": "wan"}
    assert [notice.param for notice in outgoing.notices] == ["duration", "ratio"]
    assert "seconds" not in sent(from_openai(seconds="-1"))


def test_references() -> None:
    """A first frame, link or data URL, and a video are said by link."""
    video: dict[str, object] = {"type": "video_url", "video_url": {"url": "https://v"}}
    outgoing = from_ark({"type": "image_url", "image_url": {"url": "https://i"}}, video)
    assert (sent(outgoing)["reference_url"], sent(outgoing)["video_url"]) == ("https://i", "https://v")
    form = from_openai(form=True, input_reference=Upload(PNG), seconds="4")
    assert str(sent(form)["reference_url"]).startswith("data:image/png;base64,")
    assert sent(form)["seconds"] == 4


@pytest.mark.parametrize(
    "items",
    [
        [{"type": "image_url", "image_url": {"url": "https://i"}, "role": "last_frame"}],
        [{"type": "image_url", "image_url": {"url": "https://i"}, "role": "reference_image"}],
        [{"type": "audio_url", "audio_url": {"url": "https://a"}}],
        [
            {"type": "image_url", "image_url": {"url": "https://i"}},
            {"type": "image_url", "image_url": {"url": "https://j"}},
        ],
        [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}],
    ],
)
def test_other_media_are_refused(items: list[dict[str, object]]) -> None:
    """What it has no word for is a 400 on content."""
    with pytest.raises(Refusal) as refused:
        from_ark(*items)
    assert refused.value.param == "content"


def test_paths_on_its_disk_are_not_for_callers() -> None:
    """A reference never reaches the field that names a path there, and path fields are refused."""
    outgoing = from_openai(input_reference="https://i")
    assert "input_reference" not in sent(outgoing)
    assert sent(outgoing)["reference_url"] == "https://i"
    for name in ("input_reference", "video_path"):
        with pytest.raises(Refusal) as refused:
            from_openai({name: "/etc/passwd"})
        assert refused.value.param == name
