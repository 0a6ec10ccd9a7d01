"""Content items."""

import pytest

from proxy.errors import Refusal
from proxy.model import Dialect
from proxy.translate.videos import VideoRequest, items
from proxy.translate.videos.losses import Losses


def request(*images: str) -> VideoRequest:
    return VideoRequest(model="m", dialect=Dialect.OPENAI, content=(items.text_item("x"),), images=images)


def roles(model: str, *images: str) -> list[object]:
    asked = request(*images)
    losses = Losses(asked)
    content = items.with_roles(asked, model, losses)
    assert bool(losses.notices) == bool(images)
    return [item.get("role") for item in content[1:]]


def test_reading() -> None:
    """Texts, links and videos are found whatever else stands there."""
    content = (
        {"type": "text", "text": "a"},
        {"type": "text", "text": 3},
        {"type": "new"},
        {"type": "text", "text": "b"},
    )
    assert items.prompt(content) == "a\nb"
    assert not items.has_video(content)
    assert items.has_video((items.media_item("video_url", "https://v", "reference_video"),))
    assert items.url(items.media_item("image_url", "https://i", None)) == "https://i"
    assert items.url({"type": "image_url", "image_url": "https://i"}) == "https://i"
    assert items.url({"type": "image_url", "image_url": {"url": 3}}) is None
    assert items.url({}) is None


def test_roles_fit_the_model() -> None:
    """Unlabelled images become references on Seedance 2.x, first and last frame before, and more is refused there."""
    assert roles("seedance-2.0-fast") == []
    assert roles("seedance-2.5", "a", "b", "c") == ["reference_image"] * 3
    assert roles("ep-1", "a", "b") == ["reference_image"] * 2
    assert roles("seedance-1-0-pro-250528", "a", "b") == ["first_frame", "last_frame"]
    with pytest.raises(Refusal) as refused:
        roles("seedance-1-5-pro-251215", "a", "b", "c")
    assert refused.value.param == "images"
