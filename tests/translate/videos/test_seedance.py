"""Model families by name."""

import pytest

from proxy.translate.videos import seedance


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("doubao-seedance-2-5-260628", ("2.5", "")),
        ("dreamina-seedance-2-0-260128", ("2.0", "")),
        ("doubao-seedance-2-0-fast-260128", ("2.0", "fast")),
        ("doubao-seedance-2-0-mini-260615", ("2.0", "mini")),
        ("seedance-2.0-pro", ("2.0", "")),
        ("seedance-2.0-fast", ("2.0", "fast")),
        ("doubao-seedance-2.5", ("2.5", "")),
        ("doubao-seedance-1-5-pro-251215", ("1.5", "")),
        ("seedance-1-0-pro-250528", ("1.0", "")),
        ("doubao-seedance-1-0-pro-fast-251015", ("1.0", "fast")),
        ("doubao-seedance-1-0-lite-i2v-250428", ("1.0", "lite")),
        ("Seedance-2-0", ("2.0", "")),
    ],
)
def test_family_by_name(name: str, key: tuple[str, str]) -> None:
    """Every published spelling of a model leads to its family."""
    assert seedance.family(name) is seedance.FAMILIES[key]


@pytest.mark.parametrize(
    "name", ["", "ep-20260101-abcde", "sora-2", "seedance", "seedance-9-9-260101", "seedance-20-5"]
)
def test_an_unknown_name_has_no_limits(name: str) -> None:
    """A name that says nothing is taken for the current line, with every resolution."""
    assert seedance.family(name) is seedance.UNKNOWN
    assert "4k" in seedance.UNKNOWN.resolutions
