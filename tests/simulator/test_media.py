"""The sample media and their byte ranges, over a real socket."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.simulator import media
from proxy.simulator.server import background

LARGE = 300_000
SOURCE = media.video(LARGE, "job")


async def _serve(request: Request) -> Response:
    return media.ranged(request, SOURCE, "video/mp4", 1_795_000_000.0)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a server that has one file."""
    app = Starlette(routes=[Route("/file", _serve, methods=["GET", "HEAD"])])
    with background(app) as origin, httpx.Client(base_url=origin, trust_env=False) as client:
        yield client


def _boxes(data: bytes) -> list[tuple[str, int]]:
    """The top-level boxes of an MP4: type and length."""
    boxes, at = [], 0
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("ascii")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        boxes.append((kind, size))
        at += size
    return boxes


def test_the_sample_is_a_whole_small_mp4() -> None:
    """The sample has the boxes a player needs, H.264 and AAC inside, and is small."""
    assert [kind for kind, _ in _boxes(media.SAMPLE)] == ["ftyp", "moov", "free", "mdat"]
    assert b"avc1" in media.SAMPLE
    assert b"mp4a" in media.SAMPLE
    assert len(media.SAMPLE) <= 40_000
    assert media.LAST_FRAME.startswith(b"\xff\xd8\xff")


@given(st.integers(30_000, 500_000), st.text("abc-123", max_size=30))
def test_a_padded_video_has_its_size_and_whole_boxes(size: int, label: str) -> None:
    """Padding gives exactly the size asked for, and the boxes still end where the file does."""
    data = media.video_bytes(size, label)
    assert len(data) == size
    assert sum(length for _, length in _boxes(data)) == size
    assert data.startswith(media.SAMPLE)
    assert label.encode() in data


def test_videos_of_different_jobs_differ() -> None:
    """A label makes a video that is its job's own, and another validator with it."""
    assert media.video(label="a").etag() != media.video(label="b").etag()
    assert media.video(40_000).etag() != media.video(40_001).etag()


def test_a_size_below_the_smallest_is_refused() -> None:
    """A video cannot be cut short: the message tells the smallest size."""
    with pytest.raises(ValueError, match=str(len(media.SAMPLE) + 16)):
        media.video_bytes(100)


@pytest.mark.parametrize(
    ("header", "status", "start", "stop"),
    [
        (None, 200, 0, LARGE),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=5-9", 206, 5, 10),
        ("bytes=299999-", 206, LARGE - 1, LARGE),
        ("bytes=100000-9999999", 206, 100_000, LARGE),
        ("bytes=-500", 206, LARGE - 500, LARGE),
        ("bytes=-9999999", 206, 0, LARGE),
        ("bytes=9-5", 200, 0, LARGE),
        ("bytes=1-2,5-6", 200, 0, LARGE),
        ("lines=1-2", 200, 0, LARGE),
        ("bytes=-", 200, 0, LARGE),
        ("bytes=300000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
    ],
)
def test_ranges(client: httpx.Client, header: str | None, status: int, start: int, stop: int) -> None:
    """GET gives the bytes that RFC 9110 wants for this Range, HEAD the same head without them."""
    whole = SOURCE.read(0, LARGE)
    headers = {} if header is None else {"range": header}
    got, head = client.get("/file", headers=headers), client.head("/file", headers=headers)
    assert got.status_code == head.status_code == status
    assert got.content == whole[start:stop]
    assert head.content == b""
    if status == 416:
        assert got.headers["content-range"] == f"bytes */{LARGE}"
        return
    assert got.headers["content-length"] == head.headers["content-length"] == str(stop - start)
    assert got.headers["accept-ranges"] == "bytes"
    if status == 206:
        assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/{LARGE}"


def test_if_range_asks_for_the_whole_of_another_version(client: httpx.Client) -> None:
    """A range is given only while the file is the one that If-Range names, by its tag or by its date."""
    first = client.get("/file")
    for validator, status in (
        (first.headers["etag"], 206),
        (first.headers["last-modified"], 206),
        ('"another"', 200),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 200),
    ):
        assert client.get("/file", headers={"range": "bytes=0-9", "if-range": validator}).status_code == status
