"""The size in pixels of an uploaded image, from its first bytes (PNG, JPEG, WebP); nothing is decoded."""

import struct
from typing import Final

_WEBP_KINDS: Final = {b"VP8 ": "lossy", b"VP8L": "lossless", b"VP8X": "extended"}
# JPEG: the markers of a frame header (SOF0 to SOF15 without DHT, JPG and DAC)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def mime(data: bytes) -> str | None:
    """The type by magic bytes: image/png, image/jpeg or image/webp; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the header does not tell them."""
    readers = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}
    kind = mime(data)
    if kind is None:
        return None
    try:
        return readers[kind](data)
    except (struct.error, IndexError):
        return None


def _png(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = _WEBP_KINDS.get(data[12:16])
    if kind == "lossy":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == "lossless":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == "extended":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return width, height
    return None
