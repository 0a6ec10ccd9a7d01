"""Embeddings that a test can compute: each number is a byte of SHAKE-256 of the text, put between -1 and 1.

They are multiples of 1/128, so a list of floats and the base64 of 32-bit floats hold exactly the same numbers, and a
longer vector begins with the shorter one.
"""

import base64
import hashlib
import struct

USUAL_SIZE = 8


def vector(text: str, size: int) -> list[float]:
    """The embedding of a text in `size` dimensions."""
    return [(byte - 128) / 128 for byte in hashlib.shake_256(text.encode()).digest(size)]


def packed(numbers: list[float]) -> str:
    """The numbers as base64 of little-endian 32-bit floats (openai-wire.md §3.4)."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode("ascii")
