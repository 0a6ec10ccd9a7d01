"""Tolerant reading of answers."""

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UnreadableAnswer
from proxy.translate.videos import reading


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"3", b'"x"', b"\xff", b'{"a":' * 250 + b"1" + b"}" * 250])
def test_what_is_no_answer(data: bytes) -> None:
    """Anything but an object that can be kept is unreadable."""
    with pytest.raises(UnreadableAnswer):
        reading.answer(data)


@given(st.binary())
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Arbitrary bytes are an object or unreadable."""
    with contextlib.suppress(UnreadableAnswer):
        assert isinstance(reading.answer(data), dict)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[
            (4, 4),
            (4.0, 4),
            ("4", 4),
            ("-1", -1),
            (4.5, None),
            ("4.5", None),
            ("--5", None),
            (True, None),
            (None, None),
        ],
        *[(1e300, None), ("9" * 30, None), ([4], None)],
    ],
)
def test_whole_numbers(value: object, number: int | None) -> None:
    """Whole numbers in any spelling, and nothing else."""
    assert reading.whole(value) == number


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1779869660, 1779869660),
        (1779869660123, 1779869660),
        (1779869660.5, 1779869660),
        ("1779869660", 1779869660),
        ("2026-05-27T08:14:20Z", 1779869660),
        ("2026-05-27T16:14:20+08:00", 1779869660),
        ("2026-05-27T08:14:20", 1779869660),
        ("yesterday", None),
        (0, None),
        (-5, None),
        (None, None),
        (1e300, None),
        (True, None),
    ],
)
def test_moments(value: object, seconds: int | None) -> None:
    """Seconds, milliseconds and ISO 8601 are times; zero is what servers say that do not know."""
    assert reading.moment(value) == seconds


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())))
def test_no_value_breaks_a_reader(value: object) -> None:
    """Every reader takes every value, and what comes out can be written as JSON."""
    orjson.dumps([reading.word(value), reading.whole(value), reading.moment(value), reading.members(value)])
