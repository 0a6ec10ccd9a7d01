"""Image requests at Ark, from its own callers and from OpenAI's (openai-wire.md §3.3)."""

import orjson
import pytest

from proxy.errors import Problem, Refusal
from proxy.translate.images import ark, openai
from proxy.translate.images.stream import ImageStream
from tests.support.calling import FORM, OPENAI, answer, back, form, received, sent
from tests.support.wire import JPEG, PNG, data_url

PROMPT = {"model": "m", "prompt": "a cat"}


def to_ark(body: dict[str, object], *, lossy: bool = False) -> tuple[dict[str, object], list[str]]:
    """What Ark gets of an OpenAI caller's request, and what the caller was warned of."""
    _, call = sent(openai.INBOUND, ark.GENERATE, received({"model": "m", **body}, lossy=lossy))
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


def test_ark_callers_bytes() -> None:
    """Ark's callers' bytes travel with the model's name alone changed, nulls included."""
    raw = b'{"model": "alias", "prompt":"p","image":null,"stream":null,"sequential_image_generation":"auto" }'
    request, call = sent(ark.INBOUND, ark.GENERATE, received(raw), "up")
    assert (call.request.path, call.request.body) == ("/images/generations", raw.replace(b'"alias"', b'"up"'))
    shown = b'{"model" :"up","data":[{"error":{"code":"x"}}]}'
    assert back(ark.INBOUND, ark.GENERATE, request, answer(shown))[1] == shown.replace(b'"up"', b'"alias"')


PASSING: dict[str, object] = {
    "size": "2048x2048",
    "response_format": "b64_json",
    "output_format": "jpeg",
    "image": ["https://a/1.png", "data:image/png;base64,AA=="],
    "background": "transparent",
    "seed": 7,
    "guidance_scale": 2.5,
    "watermark": False,
    "optimize_prompt_options": {"mode": "fast"},
    "tools": [{"type": "web_search"}],
    "layer_decomposition": True,
    "stream": True,
}


@pytest.mark.parametrize("name", PASSING)
def test_what_both_know_passes(name: str) -> None:
    """What Ark has passes as it was, its own extras among it."""
    assert to_ark({name: PASSING[name]}) == ({name: PASSING[name]}, [])


@pytest.mark.parametrize(
    ("body", "sent_as", "warned"),
    [
        ({"n": 1}, {}, []),
        ({"size": "auto"}, {}, []),
        ({"quality": "high"}, {}, ["quality"]),
        ({"style": "vivid"}, {}, ["style"]),
        ({"background": "auto"}, {}, []),
        ({"moderation": "low"}, {}, ["moderation"]),
        ({"output_compression": 80}, {}, ["output_compression"]),
        ({"partial_images": 2}, {}, ["partial_images"]),
        ({"user": "u"}, {}, ["user"]),
        ({"quality": "auto", "partial_images": 0}, {}, []),
    ],
)
def test_words(body: dict[str, object], sent_as: dict[str, object], warned: list[str]) -> None:
    """What Ark has no word for is dropped with a warning, unless it asks for what is done anyhow."""
    assert to_ark(body) == (sent_as, warned)


def test_several_images() -> None:
    """More than one image is refused by name; a caller who allows losses gets a sequence."""
    with pytest.raises(Refusal) as refused:
        to_ark({"n": 3})
    assert (refused.value.problem, refused.value.param) == (Problem.UNSUPPORTED_PARAMETER, "n")
    options = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}}
    assert to_ark({"n": 3}, lossy=True) == (options, ["n"])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 0}, "n"),
        ({"n": "many"}, "n"),
        ({"n": 2, "sequential_image_generation": "auto"}, "n"),
        ({"output_format": "webp"}, "output_format"),
        ({"mask": "data:image/png;base64,AA=="}, "mask"),
    ],
)
def test_what_is_refused(body: dict[str, object], param: str) -> None:
    """What cannot be said at Ark is refused by name."""
    with pytest.raises(Refusal) as refused:
        to_ark(body)
    assert refused.value.param == param


def test_webp_with_leave() -> None:
    """A caller who allows losses gets another format; a mask is refused even so."""
    assert to_ark({"output_format": "webp"}, lossy=True) == ({}, ["output_format"])
    with pytest.raises(Refusal):
        to_ark({"mask": "x"}, lossy=True)


def test_base64_for_gpt_image_names() -> None:
    """Who uses a name of OpenAI's newer models looks for `b64_json` without asking."""
    body = {"model": "gpt-image-1", "prompt": "p"}
    _, call = sent(openai.INBOUND, ark.GENERATE, received(body), "doubao-seedream-4-0")
    assert orjson.loads(call.request.body)["response_format"] == "b64_json"
    _, call = sent(openai.INBOUND, ark.GENERATE, received(body | {"response_format": "url"}), "doubao-seedream-4-0")
    assert orjson.loads(call.request.body)["response_format"] == "url"


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ((("image", PNG, "a.png"),), [data_url("image/png", PNG)]),
        (
            (("image[]", PNG, "a.png"), ("image[]", JPEG, "b.jpg")),
            [data_url("image/png", PNG), data_url("image/jpeg", JPEG)],
        ),
    ],
)
def test_edit_as_a_form(files: tuple[tuple[str, bytes, str], ...], links: list[str]) -> None:
    """An edit is a generation with pictures at Ark; the form's texts have their types."""
    body = form(("model", b"m", None), ("prompt", b"p", None), ("n", b"1", None), ("watermark", b"false", None), *files)
    request, call = sent(openai.EDIT_INBOUND, ark.EDIT, received(body, kind=FORM), "up")
    assert call.request.path == "/images/generations"
    assert orjson.loads(call.request.body) == {"model": "up", "prompt": "p", "watermark": False, "image": links}
    assert call.request.headers == {"content-type": "application/json"}
    assert isinstance(ark.EDIT.stream(request, OPENAI), ImageStream)


def test_edit_as_json() -> None:
    """The JSON form of an edit is read too."""
    body = PROMPT | {"images": [{"image_url": "https://a/1.png"}], "size": "auto"}
    _, call = sent(openai.EDIT_INBOUND, ark.EDIT, received(body))
    assert orjson.loads(call.request.body) == PROMPT | {"image": ["https://a/1.png"]}


def test_edit_with_a_mask() -> None:
    """Ark takes no masks, as files neither."""
    body = form(("model", b"m", None), ("image", PNG, "a.png"), ("mask", PNG, "m.png"))
    with pytest.raises(Refusal) as refused:
        sent(openai.EDIT_INBOUND, ark.EDIT, received(body, kind=FORM))
    assert refused.value.param == "mask"


def test_edit_without_a_picture() -> None:
    """An edit of nothing is refused."""
    with pytest.raises(Refusal) as refused:
        sent(openai.EDIT_INBOUND, ark.EDIT, received(PROMPT))
    assert (refused.value.problem, refused.value.param) == (Problem.MISSING_PARAMETER, "image")


def test_openai_callers_answer() -> None:
    """An OpenAI caller's answer is Ark's with OpenAI's names beside it."""
    request, _ = sent(openai.INBOUND, ark.GENERATE, received(PROMPT), "up")
    usage = {"generated_images": 1, "output_tokens": 4, "total_tokens": 4}
    raw = {"model": "up", "created": 7, "data": [{"url": "u"}], "usage": usage}
    read, shown = back(openai.INBOUND, ark.GENERATE, request, answer(raw))
    assert read.usage is not None
    assert read.usage.images == 1
    assert orjson.loads(shown) == raw | {"model": "m", "usage": usage | {"input_tokens": 0}}
