"""Sizes both ways, for the whole table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refusal
from proxy.model import Dialect
from proxy.translate.videos import VideoRequest, seedance, sizes
from proxy.translate.videos.losses import Losses

MODELS = {"2.5": "doubao-seedance-2-5-260628", "2.0": "doubao-seedance-2-0-260128", "1.0": "seedance-1-0-pro-250528"}
ROWS = [(series, *key, pixels) for series, table in sizes.TABLE.items() for key, pixels in table.items()]


def framed(size: str, model: str = "", *, lossy: bool = False, **options: str) -> tuple[dict[str, str], list[str]]:
    request = VideoRequest(model="m", dialect=Dialect.OPENAI, size=size, options=options, lossy=lossy)
    losses = Losses(request)
    return sizes.framed(request, model or MODELS["2.0"], losses), [notice.done for notice in losses.notices]


@pytest.mark.parametrize(("series", "resolution", "ratio", "pixels"), ROWS)
def test_every_row_goes_round(series: str, resolution: str, ratio: str, pixels: tuple[int, int]) -> None:
    """A size made of resolution and ratio leads back to them, exactly and without a warning."""
    size = sizes.size_of(MODELS[series], resolution, ratio)
    assert size == f"{pixels[0]}x{pixels[1]}"
    assert sizes.fit(pixels) == sizes.Fit(resolution, ratio, exact=True)


def test_no_size_means_two_things() -> None:
    """The reverse table is unambiguous over all families."""
    assert len(sizes.EXACT) == len({pixels for *_, pixels in ROWS}) + 1


@pytest.mark.parametrize(
    ("size", "resolution", "ratio", "exact"),
    [
        ("1280x720", "720p", "16:9", True),
        ("720x1280", "720p", "9:16", True),
        ("1920x1080", "1080p", "16:9", True),
        ("1080X1920", "1080p", "9:16", True),
        ("854x480", "480p", "16:9", True),
        ("480x854", "480p", "9:16", True),
        ("640x480", "480p", "4:3", True),
        ("1024x1024", "720p", "1:1", False),
        ("1792x1024", "1080p", "16:9", False),
        ("1024x1792", "1080p", "9:16", False),
        ("3840x2160", "4k", "16:9", True),
    ],
)
def test_sizes_of_openai_callers(size: str, resolution: str, ratio: str, exact: bool) -> None:
    """The examples of openai-wire.md §5.2; what is not delivered as asked is warned of."""
    added, warnings = framed(size)
    assert added == {"resolution": resolution, "ratio": ratio}
    assert (not warnings) == exact


@pytest.mark.parametrize("size", ["", "x", "0x720", "1280", "1280x", "auto", "1280x720x3", "999999x1"])
def test_what_is_no_size(size: str) -> None:
    """Only two positive numbers are a size."""
    assert sizes.parse(size) is None


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_the_nearest_rule_always_answers(width: int, height: int) -> None:
    """Any size has a nearest ratio and tier."""
    fit = sizes.fit((width, height))
    assert fit.ratio in sizes.RATIOS
    assert fit.resolution in sizes.TIERS


def test_explicit_values_win_with_a_warning() -> None:
    """A size that contradicts an explicit resolution gives way, and only fills in what was not said."""
    added, warnings = framed("1920x1080", resolution="480p")
    assert added == {"ratio": "16:9"}
    assert warnings == ["resolution 480p was taken instead of 1920x1080"]
    assert framed("1920x1080", resolution="1080p", ratio="16:9") == ({}, [])


@pytest.mark.parametrize(("model", "best"), [("seedance-2.0-fast", "720p"), ("seedance-2.0-mini", "720p")])
def test_a_tier_the_model_has_not(model: str, best: str) -> None:
    """A size above the model is a 400 that names the best it has, or that one when losses are allowed; never for unknown models."""
    with pytest.raises(Refusal, match=best) as refused:
        framed("1792x1024", model)
    assert refused.value.param == "size"
    assert framed("1792x1024", model, lossy=True)[0] == {"resolution": best, "ratio": "16:9"}
    assert framed("1792x1024", "ep-1")[0]["resolution"] == "1080p"


def test_what_the_tables_do_not_say() -> None:
    """Adaptive ratios, ratios outside the enum and values that are no text have no size."""
    for ratio in ("adaptive", "5:4", None, 3):
        assert sizes.size_of(MODELS["2.0"], "720p", ratio) is None
    assert sizes.size_of("seedance-2.5", "480P", "16:9") == "854x480"
    assert seedance.family("seedance-1.5").series == "2.0"
