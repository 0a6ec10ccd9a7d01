"""The content array, per rule."""

import base64

import pytest

from proxy.simulator.ark import content, models
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.models import FIRST, FIRST_LAST, OMNI, TEXT, Model

Item = dict[str, object]
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG....").decode()


def _model(version: str) -> Model:
    found = models.resolve(f"doubao-seedance-{version}")
    assert found is not None
    return found[1]


S25, S20 = _model("2-5-260628"), _model("2-0-260128")
S15, S10 = _model("1-5-pro-251215"), _model("1-0-pro-250528")
FAST, T2V, I2V = _model("1-0-pro-fast-251015"), _model("1-0-lite-t2v-250428"), _model("1-0-lite-i2v-250428")


def _text(text: str = "a cat") -> Item:
    return {"type": "text", "text": text}


def _image(role: str | None = None, url: str = "https://a.example/i.png") -> Item:
    item: Item = {"type": "image_url", "image_url": {"url": url}}
    return item | {"role": role} if role else item


def _video(url: str = "https://a.example/v.mp4") -> Item:
    return {"type": "video_url", "video_url": {"url": url}, "role": "reference_video"}


def _audio(url: str = "https://a.example/a.wav") -> Item:
    return {"type": "audio_url", "audio_url": {"url": url}, "role": "reference_audio"}


REF, START, END = _image("reference_image"), _image("first_frame"), _image("last_frame")


@pytest.mark.parametrize(
    ("items", "model", "scene"),
    [
        ([_text()], S20, TEXT),
        ([_text(), _image()], S20, FIRST),
        ([_image()], S20, FIRST),
        ([_image(None, PNG)], S20, FIRST),
        ([START], FAST, FIRST),
        ([START, END], S10, FIRST_LAST),
        ([END, START, _text()], S15, FIRST_LAST),
        ([_text(), REF, _video(), _audio()], S20, OMNI),
        ([_audio()], S25, OMNI),
        ([_audio(), REF], S20, OMNI),
        ([REF] * 30, S25, OMNI),
        ([REF] * 9, S20, OMNI),
        ([REF] * 4, I2V, OMNI),
        ([_video("asset://asset-1")] * 10, S25, OMNI),
        ([_video("https://a.example/v#seconds=15")], S20, OMNI),
        ([{"type": "text", "text": "a", "later": 1}], T2V, TEXT),
    ],
)
def test_allowed_scenes(items: list[Item], model: Model, scene: str) -> None:
    """What the model does is accepted, as the scene that it is."""
    assert content.check(content.read(items, model), model) == scene


@pytest.mark.parametrize(
    ("items", "model", "param"),
    [
        # exclusive scenes and roles
        ([START, REF], S20, "content"),
        ([START, _video()], S20, "content"),
        ([_image(), _video()], S20, "content[0].image_url"),
        ([_image(), _image()], S20, "content[0].image_url"),
        ([START, START], S20, "content"),
        ([END], S20, "content"),
        ([_image("reference_video")], S20, "content[0].role"),
        ([{"type": "video_url", "video_url": {"url": "https://a.example"}}], S20, "content[0].role"),
        # what the model does not do
        ([START, END], FAST, "content"),
        ([REF], S15, "content"),
        ([REF], S10, "content"),
        ([START], T2V, "content"),
        ([_text()], I2V, "content"),
        # how much
        ([REF] * 31, S25, "content"),
        ([REF] * 10, S20, "content"),
        ([REF] * 5, I2V, "content"),
        ([_video()] * 4, S20, "content"),
        ([_video("https://a.example#seconds=16")], S20, "content[0].video_url"),
        ([_video("https://a.example#seconds=1")], S25, "content[0].video_url"),
        ([_video("https://a.example#seconds=8")] * 2, S20, "content"),
        ([_audio("https://a.example#seconds=8"), _audio("https://a.example#seconds=8"), REF], S20, "content"),
        ([_audio()], S20, "content"),
        # shapes
        ([], S20, "content"),
        ("a cat", S20, "content"),
        (["a cat"], S20, "content[0]"),
        ([{"type": "image"}], S20, "content[0].type"),
        ([{"type": "text"}], S20, "content[0].text"),
        ([{"type": "text", "text": 5}], S20, "content[0].text"),
        ([{"type": "text", "text": ""}], S20, "content.text"),
        ([{"type": "image_url", "image_url": "https://a.example"}], S20, "content[0].image_url"),
        ([{"type": "image_url", "image_url": {}}], S20, "content[0].image_url.url"),
        # addresses and data
        ([_image(None, "/tmp/a.png")], S20, "content[0].image_url"),
        ([_image(None, "data:image/PNG;base64,AAAA")], S20, "content[0].image_url"),
        ([_image(None, "data:image/svg;base64,AAAA")], S20, "content[0].image_url"),
        ([_image(None, "data:image/heic;base64,AAAA")], S10, "content[0].image_url"),
        ([_image(None, "data:image/png;base64,A")], S20, "content[0].image_url"),
        ([_image(None, "data:image/png,AAAA")], S20, "content[0].image_url"),
        ([_audio("data:video/mp4;base64,AAAA"), REF], S20, "content[0].audio_url"),
        ([_audio("data:audio/wav;base64," + "A" * 4 * 5_300_000), REF], S20, "content[0].audio_url"),
    ],
)
def test_refused_content(items: object, model: Model, param: str) -> None:
    """What breaks a rule of §2.4 is a 400 that names the item or the array."""
    with pytest.raises(ArkError) as caught:
        content.check(content.read(items, model), model)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_what_links_say_of_their_media() -> None:
    """Input seconds are those of the links, 5 where they say nothing; images have none; a ratio may be claimed."""
    items = [
        _video("https://a.example/v#seconds=8"),
        _video(),
        _image("reference_image", "https://a.example#ratio=5:4"),
    ]
    read = content.read(items, S25)
    assert (read.input_seconds(), read.ratio()) == (13, "5:4")


def test_several_texts_are_one_prompt_and_a_draft_is_named() -> None:
    """Texts are joined in their order; a draft_task gives its id."""
    read = content.read([_text("one"), _text("two"), {"type": "draft_task", "draft_task": {"id": "cgt-1"}}], S25)
    assert (read.prompt, read.draft_id, read.items) == ("one\ntwo", "cgt-1", 3)
