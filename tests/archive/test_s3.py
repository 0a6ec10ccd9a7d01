"""The bucket, against moto's server: whole objects in parts, ranges, links, and nothing left of what was not finished."""

import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from proxy.archive import ArchiveError, Kept
from proxy.archive.s3 import PART, READ, Bucket, S3Archive
from proxy.model import Secret
from tests.archive.moto import NAME, Moto, bucket
from tests.support.raw import NOBODY

COPY = "4fd1c0de.mp4"
KEY = f"kept/here/{COPY}"


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """The S3 server of this file."""
    with Moto(tmp_path_factory.mktemp("moto")) as running:
        yield running
        running.client.close()


@pytest.fixture
async def archive(moto: Moto) -> AsyncIterator[S3Archive]:
    """An archive on an empty bucket."""
    for key in moto.objects():
        moto.client.delete_object(Bucket=NAME, Key=key)
    for one in moto.client.list_multipart_uploads(Bucket=NAME).get("Uploads", []):
        moto.client.abort_multipart_upload(Bucket=NAME, Key=one["Key"], UploadId=one["UploadId"])
    made = S3Archive(bucket(moto.url))
    yield made
    await made.close()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """The parts, one after another."""
    for part in parts:
        yield part


async def failing(*parts: bytes) -> AsyncIterator[bytes]:
    """The parts, then a failure."""
    for part in parts:
        yield part
    raise LookupError("the source broke")


async def read(archive: S3Archive, start: int, end: int) -> bytes:
    """The bytes [start, end) of the copy."""
    return b"".join([block async for block in archive.open(COPY, start, end)])


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 9])
async def test_what_is_kept_can_be_read_again(moto: Moto, archive: S3Archive, size: int) -> None:
    """Copies of any size arrive whole, in parts where they are larger than one, with the type that their name says."""
    body = os.urandom(size)
    kept = await archive.keep(COPY, chunks(body[:7], body[7:]))
    assert kept == Kept(size, hashlib.sha256(body).hexdigest())
    assert await archive.size(COPY) == size
    assert moto.objects() == [KEY]
    assert moto.unfinished() == []
    assert moto.body(KEY) == body
    head = moto.client.head_object(Bucket=NAME, Key=KEY)
    assert head["ContentType"] == "video/mp4"
    assert head["ETag"].strip('"').endswith(f"-{-(-size // PART)}") == (size > PART)


async def test_ranges_are_read(archive: S3Archive) -> None:
    """Any part of a copy can be read alone."""
    body = os.urandom(2 * READ + 9)
    await archive.keep(COPY, chunks(body))
    assert await read(archive, 0, len(body)) == body
    assert await read(archive, 5, 6) == body[5:6]
    assert await read(archive, READ - 1, 2 * READ + 1) == body[READ - 1 : 2 * READ + 1]


async def test_a_source_that_breaks_leaves_nothing(moto: Moto, archive: S3Archive) -> None:
    """What the source raises passes through; no object is seen, no part stays, a copy of before is untouched."""
    with pytest.raises(LookupError):
        await archive.keep(COPY, failing(bytes(2 * PART + 1)))
    assert (moto.objects(), moto.unfinished()) == ([], [])
    await archive.keep(COPY, chunks(b"before"))
    with pytest.raises(LookupError):
        await archive.keep(COPY, failing(b"after"))
    assert await read(archive, 0, 6) == b"before"


async def test_what_a_killed_attempt_left_goes(moto: Moto, archive: S3Archive) -> None:
    """The next attempt for that copy, or its removal, ends the upload that was left, and no other's."""
    other = f"{KEY}.other"
    for key in (KEY, other):
        moto.client.create_multipart_upload(Bucket=NAME, Key=key)
    await archive.keep(COPY, chunks(b"x"))
    assert moto.unfinished() == [other]
    moto.client.create_multipart_upload(Bucket=NAME, Key=KEY)
    await archive.remove(COPY)
    assert (moto.objects(), moto.unfinished()) == ([], [other])


async def test_removing_what_is_not_there_is_no_error(archive: S3Archive) -> None:
    """A removal may be made twice."""
    await archive.remove(COPY)
    assert await archive.size(COPY) is None


async def test_without_a_prefix_copies_lie_at_the_top(moto: Moto, archive: S3Archive) -> None:
    """The prefix is optional, with or without its slashes."""
    for prefix, key in (("", COPY), ("/deep/", f"deep/{COPY}")):
        made = S3Archive(bucket(moto.url, prefix))
        await made.keep(COPY, chunks(b"x"))
        await made.close()
        assert key in moto.objects()


async def test_a_link_hands_out_the_copy(moto: Moto, archive: S3Archive) -> None:
    """A presigned link works without a key, names the file and its type, tells no secret, and ends."""
    await archive.keep(COPY, chunks(b"the video"))
    link = archive.link(COPY, 'video "1".mp4', "video/mp4", 60)
    query = parse_qs(urlsplit(link).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["60"]
    assert "canary-secret-77" not in link
    async with httpx.AsyncClient(trust_env=False, verify=NOBODY) as client:
        answer = await client.get(link, headers={"range": "bytes=4-"})
    assert (answer.status_code, answer.content) == (206, b"video")
    assert answer.headers["content-disposition"] == 'attachment; filename="video%20%221%22.mp4"'
    assert answer.headers["content-type"] == "video/mp4"


async def test_a_link_cannot_outlive_what_can_be_signed(archive: S3Archive) -> None:
    """The signature's own limit of seven days holds."""
    link = archive.link(COPY, "v.mp4", "video/mp4", 10**9)
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["604800"]


async def test_a_missing_copy_is_an_error_when_read(archive: S3Archive) -> None:
    """Reading never ends in silence."""
    with pytest.raises(ArchiveError, match="no such copy"):
        await read(archive, 0, 1)


async def test_a_refusal_is_told_without_secrets(moto: Moto) -> None:
    """A bucket that is not there is an error with the store's own code and the keys to check, and without any key."""
    archive = S3Archive(
        Bucket(
            name="no-such", endpoint=moto.url, access_key=Secret("AKIDCANARY"), secret_key=Secret("canary-secret-77")
        )
    )
    with pytest.raises(ArchiveError, match=r"refused PutObject \(NoSuchBucket\); check the video\.archive_") as refused:
        await archive.keep(COPY, chunks(b"x"))
    await archive.close()
    assert "canary" not in f"{refused.value!r}".lower()
    assert "canary" not in repr(bucket(moto.url)).lower()


async def test_a_store_that_is_not_there_is_trouble() -> None:
    """A connection that is refused is an `ArchiveError` that names the key to check."""
    archive = S3Archive(bucket("http://127.0.0.1:9"))
    with pytest.raises(ArchiveError, match=r"cannot be reached .*video\.archive_endpoint"):
        await archive.size(COPY)
    await archive.close()


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("", "results.s3.eu-test-1.amazonaws.com"),
        ("https://tos-s3-cn-beijing.volces.com", "results.tos-s3-cn-beijing.volces.com"),
        ("https://tos-s3-ap-southeast-1.bytepluses.com", "results.tos-s3-ap-southeast-1.bytepluses.com"),
        ("https://oss-cn-hangzhou.aliyuncs.com", "results.oss-cn-hangzhou.aliyuncs.com"),
        ("http://minio.internal:9000", "minio.internal:9000"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),
    ],
)
async def test_the_bucket_stands_where_the_store_wants_it(endpoint: str, host: str) -> None:
    """AWS, TOS and OSS want the bucket in the host name, a store of one's own in the path."""
    archive = S3Archive(bucket(endpoint))
    parts = urlsplit(archive.link(COPY, "v.mp4", "video/mp4", 60))
    await archive.close()
    assert parts.netloc == host
    assert parts.path == (f"/{KEY}" if host.startswith("results.") else f"/results/{KEY}")


async def test_nothing_is_held_whole(archive: S3Archive) -> None:
    """Keeping and reading a large copy takes a few parts of memory, however large it is."""
    size = 40 * 1024 * 1024

    async def large() -> AsyncIterator[bytes]:
        for _ in range(size // 65536):
            yield bytes(65536)

    await archive.size(COPY)
    tracemalloc.start()
    await archive.keep(COPY, large())
    async for _ in archive.open(COPY, 0, size):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * PART
