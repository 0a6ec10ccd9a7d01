"""What servers with one prompt and one size are told."""

import pytest

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect
from proxy.translate.videos import VideoRequest
from proxy.translate.videos.losses import Losses
from proxy.translate.videos.openai import translation

MODEL = "seedance-2.0"


def losses(
    *content: JSON, options: JSON | None = None, size: str | None = None, dialect: Dialect = Dialect.ARK
) -> Losses:
    names = {"first_frame": "input_reference"}
    return Losses(
        VideoRequest(model="m", dialect=dialect, content=content, size=size, options=options or {}, names=names)
    )


def text(value: str) -> JSON:
    return {"type": "text", "text": value}


def test_prompts() -> None:
    """Texts are joined by lines; without one there is no prompt."""
    found = losses(text("a"), text("b"))
    assert translation.prompt(found.request, found) == "a\nb"
    with pytest.raises(Refusal) as refused:
        translation.prompt(losses().request, losses())
    assert refused.value.param == "content"


def test_lengths() -> None:
    """A length is said, -1 is left out with a warning, and none is none."""
    cases: tuple[tuple[JSON, int | None, int], ...] = (
        ({"duration": 4}, 4, 0),
        ({"duration": -1}, None, 1),
        ({}, None, 0),
    )
    for options, expected, warned in cases:
        found = losses(options=options)
        assert translation.seconds(found.request, found) == expected
        assert len(found.notices) == warned


@pytest.mark.parametrize(
    ("options", "size", "expected", "warned"),
    [
        ({}, None, None, []),
        ({}, "1024x1024", "1024x1024", []),
        ({"resolution": "720p", "ratio": "9:16"}, None, "720x1280", []),
        ({"resolution": "480p", "ratio": "16:9"}, None, "864x496", []),
        ({"ratio": "1:1"}, None, "960x960", []),
        ({"resolution": "720p"}, None, None, ["resolution"]),
        ({"resolution": "720p", "ratio": "adaptive"}, None, None, ["resolution", "ratio"]),
        ({"resolution": "720p"}, "1280x720", "1280x720", []),
        ({"resolution": "1080p"}, "1280x720", "1920x1080", ["size"]),
        ({"ratio": "1:1"}, "1280x720", "960x960", ["size"]),
    ],
)
def test_sizes(options: dict[str, object], size: str | None, expected: str | None, warned: list[str]) -> None:
    """Resolution and ratio make a size by the table, explicit ones win over a size, and an open ratio is left out with a warning."""
    found = losses(size=size, options=options)
    assert translation.size(found.request, MODEL, found) == expected
    assert [notice.param for notice in found.notices] == warned


@pytest.mark.parametrize(
    ("options", "param"), [({"resolution": "9p", "ratio": "1:1"}, "resolution"), ({"ratio": "5:4"}, "ratio")]
)
def test_what_has_no_size(options: dict[str, object], param: str) -> None:
    """A resolution or ratio outside the tables cannot be translated."""
    found = losses(options=options)
    with pytest.raises(Refusal) as refused:
        translation.size(found.request, MODEL, found)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "item",
    [
        {"type": "draft_task", "draft_task": {"id": "cgt-1"}},
        {"type": "new"},
        {"type": "image_url"},
        {"type": "image_url", "image_url": {"url": "asset://a"}},
        {},
    ],
)
def test_media_of_ark_alone(item: JSON) -> None:
    """Drafts, unknown items and asset links exist at Ark only."""
    found = losses(text("x"), item)
    with pytest.raises(Refusal) as refused:
        translation.media(found.request, MODEL, found)
    assert (refused.value.problem, refused.value.param) == (Problem.UNSUPPORTED_PARAMETER, "content")


def test_media() -> None:
    """Items that are not text come with their links."""
    item = {"type": "image_url", "image_url": {"url": "https://i"}, "role": "first_frame"}
    found = losses(text("x"), item)
    assert translation.media(found.request, MODEL, found) == (item,)


def test_strangers() -> None:
    """An OpenAI caller's unknown fields go on; an Ark caller's are reported."""
    ours = losses(dialect=Dialect.OPENAI, options={"steps": 3, "seed": 1})
    assert translation.strangers(ours.request, ours, "it") == {"steps": 3}
    theirs = losses(options={"steps": 3, "seed": 1})
    assert translation.strangers(theirs.request, theirs, "it") == {}
    assert [notice.param for notice in theirs.notices] == ["steps"]


def test_data_urls() -> None:
    """Data URLs are opened, base64 or not; other links are left alone, broken ones are a 400."""
    assert translation.opened("data:image/png;base64,AAEC", "x") == translation.Picture(b"\x00\x01\x02", "image/png")
    assert translation.opened("data:,a%20b", "x") == translation.Picture(b"a b", "application/octet-stream")
    assert translation.opened("https://i", "x") is None
    for broken in ("data:image/png;base64,@@@", "data:image/png;base64", "data:image/png;base64,"):
        with pytest.raises(Refusal) as refused:
            translation.opened(broken, "input_reference")
        assert refused.value.param == "input_reference"
