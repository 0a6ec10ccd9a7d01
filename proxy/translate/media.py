"""What a file is by its first bytes, and data URLs. Names and types that a sender claims are never asked (openai-wire.md §1.4)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Final

_STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
)

_RIFF: Final[Mapping[bytes, str]] = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}

# The major brand of an ISO media file (the box `ftyp`); any other brand is a video.
_BRANDS: Final[Mapping[bytes, str]] = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}

# Boxes that an older QuickTime file, which has no `ftyp`, begins with.
_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"wide"})


def sniff(data: bytes) -> str | None:
    """The mime type, in lower case; None if the bytes are none of the formats that Ark takes."""
    for start, mime in _STARTS:
        if data.startswith(start):
            return mime
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    if data[4:8] in _QUICKTIME:
        return "video/quicktime"
    if _is_mp3(data):
        return "audio/mpeg"
    return "image/bmp" if _is_bmp(data) else None


def data_url(data: bytes, mime: str) -> str:
    """`data:<mime>;base64,…`, the mime type in lower case as Ark wants it (ark-wire.md §2.4)."""
    return f"data:{mime.lower()};base64,{b64encode(data).decode()}"


def _is_mp3(data: bytes) -> bool:
    """The frame header of MPEG audio, layer III: eleven bits set, a version that exists, and the layer."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08


def _is_bmp(data: bytes) -> bool:
    """`BM` alone begins many a text; the four reserved bytes after the size are zero in every bitmap."""
    return data.startswith(b"BM") and data[6:10] == b"\x00\x00\x00\x00"
