"""Real pictures of any size and few bytes: a black PNG and a grey JPEG, each with a label by which two of them differ."""

import base64
import math
import struct
import zlib
from typing import Final

# One pixel, lossless: nothing asks for the size of a WebP here.
WEBP = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def picture(form: str, width: int, height: int, label: str) -> bytes:
    """A picture in one of the three formats; a WebP has always the same one pixel."""
    if form == "webp":
        return WEBP
    return png(width, height, label) if form == "png" else jpeg(width, height, label)


def png(width: int, height: int, label: str) -> bytes:
    """A black PNG of one bit a pixel."""
    rows = bytes((1 + math.ceil(width / 8)) * height)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tEXt", b"Comment\0" + label.encode("latin-1", "replace"))]
    chunks += [(b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def jpeg(width: int, height: int, label: str) -> bytes:
    """A grey baseline JPEG. Both Huffman tables hold the one code `0`, so a block of 8 by 8 pixels is two zero bits."""
    whole, rest = divmod(2 * math.ceil(width / 8) * math.ceil(height / 8), 8)
    scan = bytes(whole) + (bytes([0xFF >> rest]) if rest else b"")
    one_code = b"\x01" + bytes(15) + b"\x00"
    segments = [
        (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        (0xFE, label.encode()),
        (0xDB, b"\0" + b"\x01" * 64),
        (0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"),
        (0xC4, b"\0" + one_code + b"\x10" + one_code),
        (0xDA, b"\x01\x01\0\0\x3f\0"),
    ]
    return b"\xff\xd8" + b"".join(_segment(*segment) for segment in segments) + scan + b"\xff\xd9"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
