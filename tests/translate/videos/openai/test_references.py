"""References in all their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.videos.openai.references import Reference, many, one
from proxy.translate.wire import Upload


def test_a_kind_is_what_a_link_counts_as() -> None:
    """A link is of the kind asked for, whatever it is called inside an object."""
    assert one("https://v", "x", "video_url") == Reference("video_url", "https://v")
    assert one({"audio_url": {"url": " https://a "}}, "x", "audio_url") == Reference("audio_url", "https://a")


def test_lists() -> None:
    """A single reference counts as a list of one; a bad member is named with its place."""
    assert many("https://1", "x") == (Reference("image_url", "https://1"),)
    assert many('["https://1", "https://2"]', "x")[1] == Reference("image_url", "https://2")
    with pytest.raises(Refusal) as refused:
        many(["https://1", 7], "images")
    assert refused.value.param == "images[1]"


def test_file_ids() -> None:
    """A file id says what to do instead; beside a link it is a conflict."""
    with pytest.raises(Refusal, match="send the file itself or a URL"):
        one({"file_id": "file-1"}, "input_reference")
    with pytest.raises(Refusal) as refused:
        one({"file_id": "file-1", "image_url": "https://i"}, "input_reference")
    assert refused.value.problem is Problem.CONFLICTING_PARAMETERS


@given(st.binary())
def test_any_file_is_typed_or_refused(data: bytes) -> None:
    """Arbitrary bytes are a picture, a sound, or a refusal on the field."""
    try:
        found = one(Upload(data), "f").url
    except Refusal as refused:
        found = f"data:{refused.param}"
    assert found == "data:f" or found.startswith(("data:image/", "data:audio/"))
