"""Reading single fields."""

from collections.abc import Callable

import pytest

from proxy.simulator.ark import fields
from proxy.simulator.ark.errors import ArkError


def test_absent_fields_are_none() -> None:
    """A field that is not there, or null, has no value and no error."""
    for body in ({}, {"x": None}):
        assert fields.integer(body, "x", 0, 9) is None
        assert fields.flag(body, "x") is None
        assert fields.text(body, "x") is None
        assert fields.word(body, "x", ("a",)) is None
        assert fields.number(body, "x", 0, 9) is None
        assert fields.inside(body, "x") == {}
    assert fields.without_nulls({"x": None, "y": 0}) == {"y": 0}


def test_good_values_are_given() -> None:
    """Values of the right type and range come back as they are, the bounds included."""
    assert [fields.integer({"x": value}, "x", 0, 9) for value in (0, 9)] == [0, 9]
    assert fields.flag({"x": False}, "x") is False
    assert fields.text({"x": "abc"}, "x", 3) == "abc"
    assert fields.word({"x": "a"}, "x", ("a", "b")) == "a"
    assert [fields.number({"x": value}, "x", 0, 2) for value in (0, 1.5, 2)] == [0, 1.5, 2]
    assert fields.inside({"x": {"y": 1, "z": None}}, "x") == {"x.y": 1}


@pytest.mark.parametrize(
    "read",
    [
        lambda: fields.integer({"x": "5"}, "x", 0, 9),
        lambda: fields.integer({"x": 5.0}, "x", 0, 9),
        lambda: fields.integer({"x": True}, "x", 0, 9),
        lambda: fields.integer({"x": 10}, "x", 0, 9),
        lambda: fields.integer({"x": -1}, "x", 0, 9),
        lambda: fields.flag({"x": "true"}, "x"),
        lambda: fields.flag({"x": 1}, "x"),
        lambda: fields.text({"x": 1}, "x"),
        lambda: fields.text({"x": "abcd"}, "x", 3),
        lambda: fields.word({"x": "A"}, "x", ("a",)),
        lambda: fields.number({"x": 2.1}, "x", 0, 2),
        lambda: fields.number({"x": "1"}, "x", 0, 2),
        lambda: fields.number({"x": True}, "x", 0, 2),
        lambda: fields.inside({"x": []}, "x"),
    ],
)
def test_bad_values_are_refused_by_name(read: Callable[[], object]) -> None:
    """A wrong type or range is a 400 that names the field."""
    with pytest.raises(ArkError) as caught:
        read()
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "InvalidParameter", "x")
