"""What is remembered of a create."""

from proxy.model import Dialect
from proxy.translate.videos import VideoRequest, items
from proxy.translate.videos.memory import remember


def test_what_is_kept() -> None:
    """Typed options, framing, texts and the caller's own words are kept; media and unknown fields are not."""
    request = VideoRequest(
        model="m",
        dialect=Dialect.OPENAI,
        content=(
            items.text_item("a"),
            items.media_item("video_url", "https://v", "reference_video"),
            items.text_item("b"),
        ),
        options={"duration": 4, "seed": 7, "mode": "x"},
        size="1280x720",
        metadata={"order": "17"},
        callback_url="https://me/cb",
    )
    assert remember(request, {"resolution": "720p", "ratio": "16:9"}) == {
        "duration": 4,
        "seed": 7,
        "resolution": "720p",
        "ratio": "16:9",
        "prompt": "a\nb",
        "size": "1280x720",
        "seconds": "4",
        "metadata": {"order": "17"},
        "callback_url": "https://me/cb",
        "has_video_input": True,
    }


def test_nothing_asked_nothing_kept() -> None:
    """What was not said is absent, and a length left to the model is no length."""
    request = VideoRequest(model="m", dialect=Dialect.ARK, options={"duration": -1})
    assert remember(request, {}) == {"duration": -1, "has_video_input": False}
