"""Pixels from image headers."""

import struct

import pytest

from proxy.simulator.media import LAST_FRAME
from proxy.simulator.openai.images import dimensions, mime

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1280, 720)
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 720, 1280) + b"\x03"
LOSSY = b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + struct.pack("<HH", 1280, 720)
LOSSLESS = b"RIFF\x00\x00\x00\x00WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 1279 | 719 << 14)
EXTENDED = b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + (1279).to_bytes(3, "little") + (719).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (LOSSY, "image/webp"),
        (LOSSLESS, "image/webp"),
        (EXTENDED, "image/webp"),
    ],
)
def test_each_format_tells_its_size(data: bytes, kind: str) -> None:
    """Type and pixels are found in the header, wherever the format has them."""
    assert (mime(data), dimensions(data)) == (kind, (1280, 720))


@pytest.mark.parametrize("data", [b"", b"GIF89a", PNG[:14], PNG[:18], JPEG[:11], LOSSY[:20], b"\xff\xd8\xff"])
def test_what_tells_no_size_has_none(data: bytes) -> None:
    """A cut or foreign header is no error, only unknown."""
    assert dimensions(data) is None


def test_a_real_jpeg_is_measured() -> None:
    """The simulator's own frame goes through the same eyes."""
    assert mime(LAST_FRAME) == "image/jpeg"
    assert dimensions(LAST_FRAME) is not None
