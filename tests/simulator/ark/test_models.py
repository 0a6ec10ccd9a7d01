"""The tables of models, pixels and tokens."""

import pytest

from proxy.simulator.ark import models


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("doubao-seedance-2-5-260628", "seedance-2-5-260628"),
        ("dreamina-seedance-2-5-260628", "seedance-2-5-260628"),
        ("doubao-seedance-2-0-260128", "seedance-2-0-260128"),
        ("dreamina-seedance-2-0-fast-260128", "seedance-2-0-fast-260128"),
        ("dreamina-seedance-2-0-mini-260615", "seedance-2-0-mini-260615"),
        ("doubao-seedance-1-5-pro-251215", "seedance-1-5-pro-251215"),
        ("seedance-1-5-pro-251215", "seedance-1-5-pro-251215"),
        ("seedance-1-0-pro-250528", "seedance-1-0-pro-250528"),
        ("doubao-seedance-1-0-lite-i2v-250428", "seedance-1-0-lite-i2v-250428"),
    ],
)
def test_ids_of_both_regions_are_known(wanted: str, name: str) -> None:
    """A CN id and a BytePlus id are the same model; the answer keeps the id as it was sent."""
    found = models.resolve(wanted)
    assert found is not None
    assert (found[0], found[1].name) == (wanted, name)


@pytest.mark.parametrize(
    ("wanted", "full"),
    [
        ("ep-20260101120000-abcde", "doubao-seedance-2-0-260128"),
        ("ep-m-20260101120000-abcde", "doubao-seedance-2-0-260128"),
        ("ep-x-2-5", "doubao-seedance-2-5-260628"),
        ("ep-x-2-0-fast", "doubao-seedance-2-0-fast-260128"),
        ("ep-x-1-0-pro-fast", "doubao-seedance-1-0-pro-fast-251015"),
    ],
)
def test_an_endpoint_is_resolved_to_a_model_name(wanted: str, full: str) -> None:
    """An endpoint id stands for 2.0, or for the version it ends with."""
    found = models.resolve(wanted)
    assert found is not None
    assert found[0] == full


@pytest.mark.parametrize(
    "wanted", ["seedance-2.0-pro", "doubao-seedance-2.0", "dreamina-seedance-1-5-pro-251215", "", "ep"]
)
def test_other_names_are_no_models(wanted: str) -> None:
    """Aliases of resellers, dotted names and invented prefixes are unknown."""
    assert models.resolve(wanted) is None


# ark-wire.md §7.1: width, height, frames (24 × all seconds + 1), reported tokens.
MEASURED = [
    (1280, 720, 5, 108_900),
    (1280, 720, 4, 87_300),
    (1280, 720, 4 + 4, 173_700),
    (1920, 1080, 5, 245_025),
    (854, 480, 4, 38_830),
    (1920, 1080, 4, 196_425),
    (864, 496, 4, 40_594),
]


@pytest.mark.parametrize(("width", "height", "seconds", "reported"), MEASURED)
def test_tokens_fit_every_measured_task(width: int, height: int, seconds: int, reported: int) -> None:
    """The count is exact for all seven data points of the reference."""
    assert models.tokens(width * height, 24 * seconds + 1) == reported


@pytest.mark.parametrize(
    ("wanted", "resolution", "ratio", "size"),
    [
        ("doubao-seedance-2-5-260628", "480p", "16:9", (854, 480)),
        ("doubao-seedance-2-5-260628", "480p", "9:16", (480, 854)),
        ("doubao-seedance-2-0-260128", "480p", "16:9", (864, 496)),
        ("doubao-seedance-2-0-260128", "4k", "21:9", (4398, 1886)),
        ("doubao-seedance-1-5-pro-251215", "480p", "16:9", (864, 496)),
        ("doubao-seedance-1-0-pro-250528", "480p", "16:9", (864, 480)),
        ("doubao-seedance-1-0-pro-250528", "720p", "16:9", (1248, 704)),
        ("doubao-seedance-1-0-pro-250528", "1080p", "9:16", (1088, 1920)),
    ],
)
def test_pixels_differ_per_family(wanted: str, resolution: str, ratio: str, size: tuple[int, int]) -> None:
    """The sizes are those of the table, which has a column per family."""
    found = models.resolve(wanted)
    assert found is not None
    assert models.size(found[1], resolution, ratio) == size


def test_a_ratio_outside_the_table_keeps_the_area() -> None:
    """An adaptive 5:4 has even sides, its ratio, and about the pixels that 16:9 has."""
    found = models.resolve("doubao-seedance-2-5-260628")
    assert found is not None
    width, height = models.size(found[1], "720p", "5:4")
    assert (width % 2, height % 2) == (0, 0)
    assert abs(width / height - 5 / 4) < 0.01
    assert abs(width * height / (1280 * 720) - 1) < 0.01


def test_every_model_has_sizes_for_all_it_offers() -> None:
    """No resolution and ratio that a model allows is missing in the pixel table."""
    for wanted in ("2-5-260628", "2-0-260128", "2-0-fast-260128", "1-5-pro-251215", "1-0-pro-250528"):
        found = models.resolve(f"doubao-seedance-{wanted}")
        assert found is not None
        for resolution in found[1].resolutions:
            for ratio in models.RATIOS:
                width, height = models.size(found[1], resolution, ratio)
                assert width * height > 0
