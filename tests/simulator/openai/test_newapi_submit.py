"""From a create at new-api to the body it sends to Ark."""

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.jobs import Json
from proxy.simulator.openai.body import Form, Upload
from proxy.simulator.openai.newapi_submit import SubmitError, from_form, from_json, payload

TEXT: Json = {"type": "text", "text": "a cat"}
ITEM: Json = {"type": "image_url", "image_url": {"url": "https://a/1.png"}, "role": "first_frame"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["prompt", "model", "images", "image", "duration", "seconds", "metadata", "input_reference", "size", "other"]
)
LIFTED = st.sampled_from(["content", "resolution", "seed", "watermark", "tools", "duration", "model", "other"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"duration": 4}, {"duration": 4}),
        ({"duration": "4"}, {"duration": 4}),
        ({"duration": 4.5}, {}),
        ({"duration": True}, {}),
        ({"duration": -1}, {}),
        ({"seconds": "8"}, {"duration": 8}),
        ({"seconds": "x"}, {}),
        ({"seconds": "8", "duration": 4}, {"duration": 4}),
        ({"metadata": {"duration": 6}}, {"duration": 6}),
        ({"metadata": {"duration": -1}}, {"duration": -1}),
        ({"metadata": {"duration": 6}, "seconds": "8"}, {"duration": 8}),
        ({"metadata": '{"resolution":"480p","seed":7}'}, {"resolution": "480p", "seed": 7}),
        ({"metadata": "no json"}, {}),
        ({"metadata": [1]}, {}),
        (
            {"metadata": {"seed": "7", "watermark": "true", "draft": False}},
            {"seed": 7, "watermark": True, "draft": False},
        ),
        ({"metadata": {"model": "other"}}, {}),
        ({"metadata": {"ratio": None, "unknown": 1}}, {}),
        ({"metadata": {"output_format": "mov", "omni_reference_task_type": "edit"}}, {}),
        ({"metadata": {"tools": [{"type": "web_search", "more": 1}]}}, {"tools": [{"type": "web_search"}]}),
        ({"metadata": {"callback_url": "https://a"}}, {"callback_url": "https://a"}),
        ({"content": [ITEM], "resolution": "480p", "ratio": "1:1", "size": "1280x720"}, {}),
        ({"input_reference": "https://a/1.png"}, {}),
    ],
)
def test_scalars(fields: dict[str, Json], expected: dict[str, Json]) -> None:
    """What reaches Ark of each field; the rest is lost without a word."""
    body = payload(from_json({"prompt": "a cat", "model": "m", **fields}), "up")
    assert body == {"model": "up", "content": [TEXT], **expected}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"images": ["https://a/1.png"]}, [{"type": "image_url", "image_url": {"url": "https://a/1.png"}}]),
        ({"image": "https://a/1.png"}, [{"type": "image_url", "image_url": {"url": "https://a/1.png"}}]),
        ({"image": "x", "images": ["y"]}, [{"type": "image_url", "image_url": {"url": "y"}}]),
        ({"images": ["x"], "metadata": {"content": [ITEM]}}, [ITEM]),
        ({"metadata": {"content": [{"type": "text", "text": "other"}, ITEM]}}, [ITEM]),
        ({"metadata": {"content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}]}}, [{"type": "draft_task"}]),
        ({"metadata": {"content": [{"type": "image_url", "image_url": {"url": "x", "detail": "low"}, "more": 1}]}},
         [{"type": "image_url", "image_url": {"url": "x"}}]),
    ],
)  # fmt: skip
def test_content(fields: dict[str, Json], expected: list[Json]) -> None:
    """Images come without roles, metadata.content in their place, texts are dropped and the prompt comes last."""
    body = payload(from_json({"prompt": "a cat", "model": "m", **fields}), "up")
    assert body["content"] == [*expected, TEXT]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prompt": " "}, "prompt is required"),
        ({"prompt": None}, "prompt is required"),
        ({"prompt": 1}, "number into Go struct field TaskSubmitReq.prompt of type string"),
        ({"seconds": 4}, "number into Go struct field TaskSubmitReq.seconds of type string"),
        ({"input_reference": {"image_url": "x"}}, "object into Go struct field TaskSubmitReq.input_reference"),
        ({"images": "x"}, "string into Go struct field TaskSubmitReq.images"),
        ({"images": [1]}, "number into Go struct field TaskSubmitReq.images"),
        ({"size": True}, "bool into"),
        ({"mode": []}, "array into"),
    ],
)
def test_wrong_types_are_refused(fields: dict[str, Json], said: str) -> None:
    """A field of another type than the structure's is a 400 `invalid_request`."""
    with pytest.raises(SubmitError, match=re.escape(said)) as refused:
        from_json({"prompt": "a cat", "model": "m", **fields})
    assert (refused.value.code, refused.value.status) == ("invalid_request", 400)


@pytest.mark.parametrize(
    "metadata",
    [
        {"resolution": 480}, {"seed": 1.5}, {"seed": True}, {"watermark": 1}, {"tools": "web_search"}, {"content": {}},
        {"content": ["x"]}, {"content": [{"type": 1}]}, {"content": [{"type": "image_url", "image_url": "x"}]},
    ],
)  # fmt: skip
def test_metadata_that_does_not_fit_is_new_apis_own_error(metadata: dict[str, Json]) -> None:
    """It fails while the request is built: a 500 `build_request_failed`."""
    submit = from_json({"prompt": "a cat", "model": "m", "metadata": metadata})
    with pytest.raises(SubmitError) as refused:
        payload(submit, "up")
    assert (refused.value.code, refused.value.status) == ("build_request_failed", 500)


def test_a_form_has_its_own_rules() -> None:
    """Unknown texts are metadata, as numbers where they read as such; metadata, duration and files mean nothing."""
    texts = [
        ("prompt", "a cat"), ("model", "m"), ("seconds", "4"), ("size", "1280x720"), ("duration", "9"),
        ("resolution", "480p"), ("seed", "7"), ("watermark", "false"), ("metadata", '{"ratio":"1:1"}'),
        ("images", "https://a/1.png"), ("other", "1.5"),
    ]  # fmt: skip
    form = Form(texts, [("input_reference", Upload("a.png", "image/png", b"x"))])
    image: Json = {"type": "image_url", "image_url": {"url": "https://a/1.png"}}
    assert payload(from_form(form), "up") == {
        "model": "up",
        "resolution": "480p",
        "seed": 7,
        "watermark": False,
        "duration": 4,
        "content": [image, TEXT],
    }


@pytest.mark.parametrize("texts", [[], [("prompt", "  ")]])
def test_a_form_needs_a_prompt_too(texts: list[tuple[str, str]]) -> None:
    """Blank is absent."""
    with pytest.raises(SubmitError, match="prompt is required"):
        from_form(Form(texts, []))


def _refuses_or_answers(make: Callable[[], dict[str, Json]]) -> None:
    with contextlib.suppress(SubmitError):
        body = make()
        last = body["content"][-1] if isinstance(body["content"], list) else None
        assert isinstance(last, dict)
        assert last["type"] == "text"


@given(st.dictionaries(NAMES, JSON, max_size=6), st.dictionaries(LIFTED, JSON, max_size=4))
def test_any_body_is_refused_or_becomes_a_payload(fields: dict[str, Json], metadata: dict[str, Json]) -> None:
    """No body makes it fall over, and the prompt always ends the content."""
    _refuses_or_answers(lambda: payload(from_json(fields), "up"))
    _refuses_or_answers(lambda: payload(from_json({"prompt": "p", "metadata": metadata}), "up"))
