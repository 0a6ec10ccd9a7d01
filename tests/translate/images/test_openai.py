"""Image requests at OpenAI-shaped upstreams, from OpenAI's callers and from Ark's (openai-wire.md §3.3)."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.translate.images import ark, openai
from proxy.translate.images.stream import ImageStream
from proxy.translate.wire import Part
from tests.support.calling import ARK, FORM, answer, back, form, received, sent
from tests.support.wire import JPEG, PNG, data_url

EDIT_FORM = form(
    ("model", b"m", None), ("prompt", b"p", None), ("n", b"2", None), ("image[]", PNG, "a.png"), ("image[]", JPEG, "b.jpg"),
    ("mask", PNG, "m.png"), ("stream", b"true", None),
)  # fmt: skip


def to_openai(
    body: dict[str, object], *, lossy: bool = False, model: str = "up"
) -> tuple[dict[str, object], list[str]]:
    """What an OpenAI-shaped upstream gets of an Ark caller's request, and what the caller was warned of."""
    _, call = sent(ark.INBOUND, openai.GENERATE, received({"model": "m", **body}, lossy=lossy), model)
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


def test_openai_callers_bytes() -> None:
    """OpenAI's callers' bytes travel with the model's name alone changed."""
    raw = b'{ "model":"alias", "prompt":"p","n": 2,"user":null }'
    request, call = sent(openai.INBOUND, openai.GENERATE, received(raw), "up")
    assert (call.request.path, call.request.body) == ("/images/generations", raw.replace(b'"alias"', b'"up"'))
    shown = b'{"created":1, "data":[{"b64_json":"AA=="}]}'
    read, out = back(openai.INBOUND, openai.GENERATE, request, answer(shown))
    assert out == shown
    assert read.usage is not None
    assert read.usage.images == 1


def test_edit_form_with_the_same_name() -> None:
    """A form whose model needs no other name travels byte for byte, with its own boundary."""
    request, call = sent(openai.EDIT_INBOUND, openai.EDIT, received(EDIT_FORM, kind=FORM))
    assert (call.request.path, call.request.body, call.request.headers["content-type"]) == (
        "/images/edits",
        EDIT_FORM,
        FORM,
    )
    assert request.stream
    assert isinstance(openai.EDIT.stream(request, ARK), ImageStream)


@pytest.mark.parametrize("kind", [FORM, "application/json"])
def test_edit_form_with_another_name(kind: str) -> None:
    """Where the name changes, or the label lies, the form is sent anew with every field and file."""
    _, call = sent(openai.EDIT_INBOUND, openai.EDIT, received(EDIT_FORM, kind=kind), "up" if kind == FORM else "m")
    assert call.request.body == b""
    assert "content-type" not in call.request.headers
    parts = {(part.name, part.data, part.filename, part.content_type) for part in call.request.parts}
    assert parts == {
        ("model", b"up" if kind == FORM else b"m", None, None), ("prompt", b"p", None, None), ("n", b"2", None, None),
        ("stream", b"true", None, None), ("image[]", PNG, "a.png", "image/png"), ("image[]", JPEG, "b.jpg", "image/jpeg"),
        ("mask", PNG, "m.png", "image/png"),
    }  # fmt: skip


def test_edit_as_json() -> None:
    """The JSON form of an edit passes like any other call; its files must be the caller's."""
    raw = b'{"model":"alias","prompt":"p", "images":[{"file_id":"file-1"}]}'
    request, call = sent(openai.EDIT_INBOUND, openai.EDIT, received(raw), "up")
    assert (call.request.path, call.request.body) == ("/images/edits", raw.replace(b'"alias"', b'"up"'))
    assert [(one.kind, one.id) for one in request.objects] == [("file", "file-1")]


@pytest.mark.parametrize(
    ("body", "sent_as", "warned"),
    [
        (
            {"prompt": "p", "image": None, "size": "1024x1024", "seed": 7},
            {"prompt": "p", "size": "1024x1024", "seed": 7},
            [],
        ),
        ({"watermark": True}, {}, ["watermark"]),
        ({"watermark": False, "optimize_prompt": True}, {}, ["optimize_prompt"]),
        ({"sequential_image_generation": "disabled"}, {}, []),
        (
            {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}},
            {"n": 3},
            ["sequential_image_generation"],
        ),
        ({"response_format": "url"}, {"response_format": "url"}, []),
    ],
)
def test_words(body: dict[str, object], sent_as: dict[str, object], warned: list[str]) -> None:
    """What only Ark says is said in OpenAI's words, or dropped with a warning."""
    assert to_openai(body) == (sent_as, warned)


def test_response_format_of_models_that_have_one() -> None:
    """Models that answer in base64 and nothing else are not asked; who wants a link is told."""
    assert to_openai({"response_format": "b64_json"}, model="gpt-image-1") == ({}, [])
    assert to_openai({"response_format": "url"}, model="gpt-image-1") == ({}, ["response_format"])


@pytest.mark.parametrize(
    "body",
    [{"layer_decomposition": True}, {"tools": [{"type": "web_search"}]}, {"sequential_image_generation": "auto"}],
)
def test_what_is_refused(body: dict[str, object]) -> None:
    """What changes the images and has no counterpart is refused by name, or dropped with leave."""
    with pytest.raises(Refusal) as refused:
        to_openai(body)
    assert [refused.value.param] == list(body)
    assert to_openai(body, lossy=True) == ({}, list(body))


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_make_it_an_edit(count: int) -> None:
    """An Ark caller's pictures go as files to the route for edits."""
    link = data_url("image/png", PNG)
    body = {
        "model": "m",
        "prompt": "p",
        "image": link if count == 1 else [link] * count,
        "watermark": True,
        "stream": True,
    }
    _, call = sent(ark.INBOUND, openai.GENERATE, received(body), "up")
    name = "image" if count == 1 else "image[]"
    assert call.request.path == "/images/edits"
    texts = {Part("prompt", b"p"), Part("model", b"up"), Part("stream", b"true")}
    assert set(call.request.parts[:3]) == texts
    assert call.request.parts[3:] == (Part(name, PNG, "image", "image/png"),) * count
    assert [notice.param for notice in call.notices] == ["watermark"]


@pytest.mark.parametrize("link", ["https://a/b.png", "data:image/png;base64,!!", "data:image/png,AA"])
def test_pictures_that_cannot_be_sent(link: str) -> None:
    """Links cannot be fetched here, and broken data URLs not be read."""
    with pytest.raises(Refusal) as refused:
        to_openai({"image": link})
    assert refused.value.param == "image"
    with pytest.raises(Refusal) as refused:
        to_openai({"image": [data_url("image/png", PNG), link]})
    assert refused.value.param == "image[1]"


def test_ark_callers_answer() -> None:
    """An Ark caller's answer has Ark's names beside OpenAI's."""
    request, _ = sent(ark.INBOUND, openai.GENERATE, received({"model": "m", "prompt": "p"}), "up")
    raw = {
        "created": 7,
        "data": [{"b64_json": "AA=="}],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    }
    read, shown = back(ark.INBOUND, openai.GENERATE, request, answer(raw))
    assert read.usage is not None
    assert (read.usage.images, read.usage.total_tokens) == (1, 3)
    members = orjson.loads(shown)
    assert (members["model"], members["created_at"], members["usage"]["generated_images"]) == ("m", 7, 1)
