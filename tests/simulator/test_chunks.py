"""Where usage stands in a stream."""

import pytest

from proxy.simulator import chunks
from proxy.simulator.chunks import Chunk
from proxy.simulator.faults import FaultError


def _bodies(place: str) -> list[object]:
    made = [Chunk({"choices": [name]}, so_far) for name, so_far in (("a", 1), ("b", 2), ("finish", 2))]
    found = chunks.spread(made, place, lambda so_far: so_far, {"choices": []})
    return [(*(body["choices"] or ["-"]), body.get("usage")) for body in found]  # type: ignore[misc]  # lists, all of them


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("none", [("a", None), ("b", None), ("finish", None)]),
        ("empty", [("a", None), ("b", None), ("finish", None), ("-", 2)]),
        ("early", [("a", None), ("b", None), ("-", 2), ("finish", None)]),
        ("last", [("a", None), ("b", 2), ("finish", None)]),
        ("finish", [("a", None), ("b", None), ("finish", 2)]),
        ("each", [("a", 1), ("b", 2), ("finish", 2)]),
        ("each+empty", [("a", 1), ("b", 2), ("finish", 2), ("-", 2)]),
    ],
)
def test_every_place(place: str, expected: list[object]) -> None:
    """The whole usage stands where it was asked for, and only there."""
    assert _bodies(place) == expected


@pytest.mark.parametrize(
    ("words", "asked", "each", "place"),
    [
        ({}, False, False, "none"),
        ({}, True, False, "empty"),
        ({}, False, True, "each"),
        ({}, True, True, "each+empty"),
        ({"usage": "last"}, True, True, "last"),
        ({"usage": "each"}, False, False, "each"),
    ],
)
def test_the_place_that_is_meant(words: dict[str, str], asked: bool, each: bool, place: str) -> None:
    """A directive wins over what the stream options ask for."""
    assert chunks.place_of(words, asked=asked, each=each) == place


def test_an_unknown_place_is_told() -> None:
    """A mistyped place names those that there are."""
    with pytest.raises(FaultError, match="finish"):
        chunks.place_of({"usage": "nowhere"}, asked=True)
