"""Pictures of few bytes."""

import struct
import zlib

import pytest

from proxy.simulator import pictures
from proxy.simulator.openai import images


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (100, 61), (2048, 1536)])
def test_a_picture_has_the_size_that_it_says(size: tuple[int, int]) -> None:
    """Both formats carry the width and height asked for, in few bytes."""
    for form in ("png", "jpeg"):
        data = pictures.picture(form, *size, "label")
        assert images.mime(data) == f"image/{form}"
        assert images.dimensions(data) == size
        assert len(data) < 20_000


def test_a_png_is_whole() -> None:
    """Every chunk has its checksum, and the rows are all there."""
    data, at, kinds = pictures.png(10, 3, "x"), 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        if kind == b"IDAT":
            assert zlib.decompress(body) == bytes(3 * 3)
        kinds.append(kind)
        at += 12 + length
    assert kinds == [b"IHDR", b"tEXt", b"IDAT", b"IEND"]


def test_a_jpeg_has_two_bits_for_each_block() -> None:
    """15 blocks are 30 zero bits, and what is left of the last byte is ones."""
    data = pictures.jpeg(40, 24, "x")
    scan = data[data.index(b"\xff\xda") + 10 : -2]
    assert (scan, data[-2:]) == (b"\0\0\0\x03", b"\xff\xd9")


def test_labels_tell_pictures_apart() -> None:
    """Two pictures of one size differ by their labels; a WebP is always the same."""
    assert pictures.picture("png", 8, 8, "a") != pictures.picture("png", 8, 8, "b")
    assert pictures.picture("jpeg", 8, 8, "a") != pictures.picture("jpeg", 8, 8, "b")
    assert images.mime(pictures.picture("webp", 8, 8, "a")) == "image/webp"
