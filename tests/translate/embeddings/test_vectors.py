"""Vectors as numbers and as base64, whichever was asked for."""

import struct
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UnreadableAnswer
from proxy.translate.embeddings.vectors import converted

FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8)


def item(vector: object, index: int = 0) -> dict[str, object]:
    """One embedding of an answer."""
    return {"object": "embedding", "index": index, "embedding": vector}


@given(st.lists(FLOATS, min_size=1, max_size=3))
def test_there_and_back(vectors: list[list[float]]) -> None:
    """Numbers of 32 bits survive base64, which is little-endian and holds four bytes for each."""
    data = [item(vector, at) for at, vector in enumerate(vectors)]
    coded = converted(data, "base64")
    assert isinstance(coded, list)
    assert [b64decode(one["embedding"]) for one in coded] == [struct.pack(f"<{len(one)}f", *one) for one in vectors]
    assert converted(coded, "float") == data


def test_what_is_right_already() -> None:
    """Vectors that came as they were asked for are left alone, and so are formats that nobody knows."""
    assert converted([item([1.0])], "float") is None
    assert converted([item("AACAPw==")], "base64") is None
    assert converted([item([1, 2])], "int8") is None
    assert converted([], "base64") is None
    assert converted(None, "base64") is None
    assert converted("data", "float") is None
    assert converted([7, item(None)], "base64") is None


def test_one_object() -> None:
    """A multimodal answer holds one object instead of a list; its other members stay."""
    assert converted(item([1.0]) | {"sparse_embedding": [{"index": 1}]}, "base64") == item("AACAPw==") | {
        "sparse_embedding": [{"index": 1}]
    }


def test_mixed() -> None:
    """Only those that came otherwise are converted."""
    assert converted([item("AACAPw=="), item([1.0], 1)], "base64") == [item("AACAPw=="), item("AACAPw==", 1)]


@pytest.mark.parametrize(
    ("vector", "wanted"),
    [
        (["x"], "base64"),
        ([None], "base64"),
        ([1e39], "base64"),
        ([[1.0]], "base64"),
        ("no base64!", "float"),
        (b64encode(b"12345").decode(), "float"),
        ("é", "float"),
    ],
)
def test_vectors_that_are_none(vector: object, wanted: str) -> None:
    """What is no vector of 32-bit numbers is unreadable."""
    with pytest.raises(UnreadableAnswer):
        converted([item(vector)], wanted)
