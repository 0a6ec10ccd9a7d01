"""Whole image answers, from either family to the other."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.translate.images.answers import for_ark, for_openai, usage

ARK_USAGE = {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384, "tool_usage": {"web_search": 1}}
ARK_ANSWER: dict[str, object] = {
    "model": "doubao-seedream-4-0",
    "created": 1757323224,
    "data": [
        {"url": "https://a/1.png", "size": "2048x2048", "output_format": "png"},
        {"error": {"code": "OutputImageSensitiveContentDetected", "message": "m"}},
    ],
    "usage": ARK_USAGE,
}
OPENAI_USAGE = {"input_tokens": 5, "input_tokens_details": {"text_tokens": 5}, "output_tokens": 10, "total_tokens": 15}
OPENAI_ANSWER: dict[str, object] = {
    "created": 1757323224,
    "background": "opaque",
    "data": [{"b64_json": "AA=="}, {"b64_json": "AQ=="}],
    "size": "1024x1024",
    "usage": OPENAI_USAGE,
}
SCALARS = st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=2)
ANYTHING: st.SearchStrategy[object] = (
    SCALARS
    | st.lists(SCALARS | st.builds(dict), max_size=2)
    | st.dictionaries(st.sampled_from(list(ARK_USAGE)), SCALARS)
)


def test_images_are_counted() -> None:
    """Ark counts its images itself; where nobody counts, those without an error are counted."""
    counted = usage(ARK_ANSWER)
    assert counted is not None
    assert (counted.images, counted.output_tokens, counted.total_tokens) == (1, 16384, 16384)
    other = usage(OPENAI_ANSWER)
    assert other is not None
    assert (other.images, other.input_tokens, other.total_tokens) == (2, 5, 15)
    bare = usage({"data": [{"url": "u"}, {"error": {"code": "x"}}]})
    assert bare is not None
    assert (bare.images, bare.total_tokens) == (1, None)
    assert usage({}) is None


def test_for_openai() -> None:
    """OpenAI's callers find what they look for; Ark's own fields and the errors of single images stay, and so do the bytes."""
    raw = orjson.dumps(ARK_ANSWER)
    shown = orjson.loads(for_openai(raw, ARK_ANSWER, "alias"))
    assert shown == ARK_ANSWER | {"model": "alias", "usage": shown["usage"]}
    assert shown["usage"] == {**ARK_USAGE, "input_tokens": 0}
    assert orjson.dumps(ARK_ANSWER["data"]) in for_openai(raw, ARK_ANSWER, "")


def test_created_from_created_at() -> None:
    """The SDK's word for the moment becomes the vendor's, whichever came."""
    raw = b'{"created_at":7,"data":[]}'
    assert orjson.loads(for_openai(raw, orjson.loads(raw), "")) == {"created_at": 7, "data": [], "created": 7}
    assert orjson.loads(for_openai(b'{"data":[]}', {"data": []}, "")) == {"data": []}


def test_for_ark() -> None:
    """Ark's callers find the model, both words for the moment, the count of images and the size of each."""
    shown = orjson.loads(for_ark(orjson.dumps(OPENAI_ANSWER), OPENAI_ANSWER, "alias"))
    assert (shown["model"], shown["created"], shown["created_at"]) == ("alias", 1757323224, 1757323224)
    assert shown["data"] == [{"size": "1024x1024", "b64_json": "AA=="}, {"size": "1024x1024", "b64_json": "AQ=="}]
    assert shown["usage"] == {"generated_images": 2, **OPENAI_USAGE}
    assert shown["background"] == "opaque"


@pytest.mark.parametrize("turn", [for_ark, for_openai])
@given(body=st.dictionaries(st.sampled_from([*ARK_ANSWER, *OPENAI_ANSWER]), ANYTHING))
def test_any_answer(turn: object, body: dict[str, object]) -> None:
    """Whatever an upstream answers can be shown."""
    shown = (for_ark if turn is for_ark else for_openai)(orjson.dumps(body), body, "alias")
    assert body.keys() <= orjson.loads(shown).keys()
