"""Ranges as RFC 9110 §14 has them: every header gives the whole, a part of the file, or a 416, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gateway.ranges import OutsideError, wanted

TAG, DATE = '"abc"', "Tue, 24 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=0-99", (0, 10)),
        ("bytes=3-", (3, 10)),
        ("bytes=9-", (9, 10)),
        ("bytes=-1", (9, 10)),
        ("bytes=-10", (0, 10)),
        ("bytes=-99", (0, 10)),
        ("BYTES=2-3", (2, 4)),
        ("bytes= 2-3", (2, 4)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=0-1,3-4", None),
        ("bytes=１-２", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 40 + "-", None),
        ("", None),
    ],
)
def test_what_a_header_asks_for(header: str, span: tuple[int, int] | None) -> None:
    """One range that fits gives that part of ten bytes, cut at the end; what cannot be read gives the whole."""
    assert wanted({"range": header}, 10, TAG, DATE) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_outside_is_told_with_the_size(header: str) -> None:
    """A range without any byte of the file is an error that carries the Content-Range of a 416."""
    with pytest.raises(OutsideError, match=r"bytes \*/10"):
        wanted({"range": header}, 10, TAG, DATE)


@pytest.mark.parametrize("condition", [TAG, DATE])
def test_a_condition_that_holds_gives_the_range(condition: str) -> None:
    """If-Range with the file's tag or date lets the range stand."""
    assert wanted({"range": "bytes=1-2", "if-range": condition}, 10, TAG, DATE) == (1, 3)


@pytest.mark.parametrize("condition", ['"other"', 'W/"abc"', "abc", "Mon, 23 Nov 2026 00:00:00 GMT", ""])
def test_a_condition_that_fails_gives_the_whole(condition: str) -> None:
    """If-Range with another version makes the range void, also one that lies outside."""
    assert wanted({"range": "bytes=1-2", "if-range": condition}, 10, TAG, DATE) is None
    assert wanted({"range": "bytes=99-", "if-range": condition}, 10, TAG, DATE) is None


def test_no_header_asks_for_the_whole() -> None:
    """Without a range there is none."""
    assert wanted({}, 10, TAG, DATE) is None


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}"), st.integers(0, 10**12))
def test_any_header_is_survived(header: str, size: int) -> None:
    """Whatever is written there, a part lies inside the file and has a byte."""
    try:
        span = wanted({"range": header}, size, TAG, DATE)
    except OutsideError:
        return
    assert span is None or 0 <= span[0] < span[1] <= size
