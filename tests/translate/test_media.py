"""What files are by their first bytes."""

from base64 import b64decode
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.translate.media import data_url, sniff

FIRST_BYTES: Mapping[str, tuple[bytes, str | None]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    "JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    "JPEG from a camera": (b"\xff\xd8\xff\xe1\x00\x10Exif", "image/jpeg"),
    "WEBP": (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    "GIF 87": (b"GIF87a\x01\x00", "image/gif"),
    "GIF 89": (b"GIF89a\x01\x00", "image/gif"),
    "BMP": (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00", "image/bmp"),
    "TIFF, little end first": (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    "TIFF, big end first": (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"),
    "HEIF": (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00", "image/heif"),
    "AVIF": (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "image/avif"),
    "MP4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00", "video/mp4"),
    "MP4 of an unknown brand": (b"\x00\x00\x00\x18ftypzzzz\x00\x00\x02\x00", "video/mp4"),
    "M4A": (b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00", "audio/mp4"),
    "MOV": (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "video/quicktime"),
    "MOV of before ftyp": (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
    "WAV": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    "MP3 with a tag": (b"ID3\x04\x00\x00", "audio/mpeg"),
    "MP3": (b"\xff\xfb\x90\x00", "audio/mpeg"),
    "MP3 with checksums": (b"\xff\xfa\x90\x00", "audio/mpeg"),
    "MP3, version 2": (b"\xff\xf3\x90\x00", "audio/mpeg"),
    "another RIFF": (b"RIFF\x24\x00\x00\x00AVI LIST", None),
    "AAC": (b"\xff\xf1\x50\x80", None),
    "UTF-16": (b"\xff\xfea\x00", None),
    "a text that begins like a bitmap": (b"BMW is a maker of cars", None),
    "PDF": (b"%PDF-1.7", None),
    "JSON": (b'{"a":1}', None),
    "nothing": (b"", None),
    "one byte": (b"\xff", None),
}


@pytest.mark.parametrize("name", FIRST_BYTES)
def test_sniff(name: str) -> None:
    """Every format that Ark takes is known by its first bytes, and nothing else is taken for one."""
    data, mime = FIRST_BYTES[name]
    assert sniff(data) == mime
    assert sniff(data + bytes(1000)) == mime


@given(st.binary(max_size=40), st.sampled_from(["image/png", "Image/PNG", "audio/wav"]))
def test_data_url(data: bytes, mime: str) -> None:
    """A data URL holds the very bytes, under a mime type in lower case, as Ark wants it."""
    head, _, tail = data_url(data, mime).partition(",")
    assert head == f"data:{mime.lower()};base64"
    assert b64decode(tail, validate=True) == data


@given(st.binary(max_size=20))
def test_sniff_takes_any_bytes(data: bytes) -> None:
    """Whatever the bytes, the answer is a mime type or none."""
    mime = sniff(data)
    assert mime is None or mime.partition("/")[0] in {"image", "video", "audio"}
