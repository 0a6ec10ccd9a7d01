"""Single values to their types."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate import coerce
from proxy.translate.wire import Upload

Reader = Callable[[object, str], object]

GOOD: tuple[tuple[Reader, object, object], ...] = (
    (coerce.integer, 4, 4),
    (coerce.integer, 4.0, 4),
    (coerce.integer, "4", 4),
    (coerce.integer, "4.0", 4),
    (coerce.integer, "-1", -1),
    (coerce.integer, 2**63 - 1, 2**63 - 1),
    (coerce.integer, str(-(2**63)), -(2**63)),
    (coerce.number, 4, 4.0),
    (coerce.number, 0.5, 0.5),
    (coerce.number, "0.5", 0.5),
    (coerce.number, "-1e2", -100.0),
    (coerce.boolean, True, True),
    (coerce.boolean, False, False),
    (coerce.boolean, "true", True),
    (coerce.boolean, "False", False),
    (coerce.boolean, "1", True),
    (coerce.boolean, "0", False),
    (coerce.boolean, 1, True),
    (coerce.boolean, 0, False),
    (coerce.text, "a", "a"),
    (coerce.array, [1, "a"], [1, "a"]),
    (coerce.array, [], []),
    (coerce.mapping, {"a": 1}, {"a": 1}),
    (coerce.mapping, {}, {}),
)


@pytest.mark.parametrize(("read", "value", "expected"), GOOD)
def test_accepted(read: Reader, value: object, expected: object) -> None:
    """Every way of writing a value that people and SDKs use gives that value, in its type."""
    read_value = read(value, "field")
    assert read_value == expected
    assert type(read_value) is type(expected)


FILE = Upload(b"secret bytes", "a", "b")

BAD: tuple[tuple[Reader, object, str], ...] = (
    (coerce.integer, True, "field is true; send a whole number, such as 4."),
    (coerce.integer, None, "field is null; send a whole number, such as 4."),
    (coerce.integer, 4.5, "field is 4.5; send a whole number, such as 4."),
    (coerce.integer, "4.5", 'field is "4.5"; send a whole number, such as 4.'),
    (coerce.integer, "4x", 'field is "4x"; send a whole number, such as 4.'),
    (coerce.integer, "", 'field is ""; send a whole number, such as 4.'),
    (coerce.integer, "٤", 'field is "٤"; send a whole number, such as 4.'),
    (coerce.integer, "4\n", 'field is "4\n"; send a whole number, such as 4.'),
    (coerce.integer, 2**63, "field is a number beyond 64 bits; send a whole number, such as 4."),
    (coerce.integer, -(2**63) - 1, "field is a number beyond 64 bits; send a whole number, such as 4."),
    (coerce.integer, float("inf"), "field is a number beyond 64 bits; send a whole number, such as 4."),
    (coerce.integer, "9" * 19, f'field is "{"9" * 19}"; send a whole number, such as 4.'),
    (coerce.integer, "9" * 5000, f'field is "{"9" * 60}…"; send a whole number, such as 4.'),
    (coerce.number, True, "field is true; send a number, such as 0.5."),
    (coerce.number, "nan", 'field is "nan"; send a number, such as 0.5.'),
    (coerce.number, float("nan"), "field is nan; send a number, such as 0.5."),
    (coerce.number, 10**400, "field is a number beyond 64 bits; send a number, such as 0.5."),
    (coerce.number, "1e99", 'field is "1e99"; send a number, such as 0.5.'),
    (coerce.boolean, 2, "field is 2; send true or false."),
    (coerce.boolean, 1.0, "field is 1.0; send true or false."),
    (coerce.boolean, "yes", 'field is "yes"; send true or false.'),
    (coerce.boolean, None, "field is null; send true or false."),
    (coerce.text, "", 'field is ""; send a text that is not empty.'),
    (coerce.text, 4, "field is 4; send a text that is not empty."),
    (coerce.text, FILE, "field is a file; send a text that is not empty."),
    (coerce.text, ["a"], "field is a list; send a text that is not empty."),
    (coerce.array, {"a": 1}, "field is an object; send a list."),
    (coerce.array, "a", 'field is "a"; send a list.'),
    (coerce.mapping, [1], "field is a list; send an object."),
    (coerce.mapping, None, "field is null; send an object."),
)


@pytest.mark.parametrize(("read", "value", "message"), BAD)
def test_refused(read: Reader, value: object, message: str) -> None:
    """What does not fit is a 400 by name that says what came and what is accepted."""
    with pytest.raises(Refusal) as caught:
        read(value, "field")
    assert (caught.value.problem, caught.value.param) == (Problem.INVALID_VALUE, "field")
    assert caught.value.message == message


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.none())
    | st.dictionaries(st.text(), st.none())
)


@given(ANY)
def test_readers_only_refuse(value: object) -> None:
    """Whatever the value, a reader gives a value of its type or a refusal with a short message."""
    readers: tuple[tuple[Reader, type], ...] = (
        (coerce.integer, int),
        (coerce.number, float),
        (coerce.boolean, bool),
        (coerce.text, str),
        (coerce.array, list),
        (coerce.mapping, dict),
    )
    for read, kind in readers:
        try:
            found = read(value, "field")
        except Refusal as refusal:
            assert len(refusal.message) < 200  # noqa: PT017  # a refusal is one of the two good ends
        else:
            assert type(found) is kind


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_survive_a_form(value: int) -> None:
    """Every whole number of 64 bits comes back from the text that a form makes of it."""
    assert coerce.integer(str(value), "field") == value
