"""Embeddings by rule."""

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator import vectors


@given(st.text(), st.integers(1, 64))
def test_floats_and_base64_hold_the_same_numbers(text: str, size: int) -> None:
    """Every number survives 32 bits, so both encodings can be compared exactly."""
    numbers = vectors.vector(text, size)
    packed = base64.b64decode(vectors.packed(numbers))
    assert len(numbers) == size
    assert list(struct.unpack(f"<{size}f", packed)) == numbers
    assert all(-1 <= number < 1 for number in numbers)


def test_a_vector_depends_on_the_text_alone() -> None:
    """Other texts have others, and a longer one begins with the shorter one."""
    assert vectors.vector("a", 8) == vectors.vector("a", 16)[:8]
    assert vectors.vector("a", 8) != vectors.vector("b", 8)
