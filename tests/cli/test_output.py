"""Tables, JSON and CSV."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli.output import cell, csv_text, moment


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (1, "1"),
        (Decimal("0.50"), "0.50"),
        ("橘猫", "橘猫"),
        ("a\nb\x1b[2J\u202e", "a\\nb\\x1b[2J\\u202e"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
    ],
)
def test_cells(value: object, text: str) -> None:
    """A cell is one line of what a terminal only shows."""
    assert cell(value) == text


@given(st.text())
def test_no_text_steers_the_terminal(text: str) -> None:
    """Whatever a caller wrote, its cell is printable."""
    assert cell(text).isprintable()


def test_csv() -> None:
    """CSV has a heading and quotes what needs it; without rows it is empty."""
    assert csv_text([{"a": 'x,"y"', "b": None}, {"a": "橘", "b": 1}]) == 'a,b\n"x,""y""",\n橘,1\n'
    assert csv_text([]) == ""


def test_moments() -> None:
    """Times are UTC to the second."""
    assert moment(None) is None
    assert moment(1_795_488_000.9) == "2026-11-24T02:40:00Z"
