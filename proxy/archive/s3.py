"""An archive in a bucket of any S3-compatible store, through botocore (the extra `arkbridge[s3]`); nothing but `app` may import this module.

botocore blocks, so its calls run in threads of their own. What is longer than one part goes up as a multipart upload, which the store shows
to nobody before it is complete; parts that a killed attempt left are removed by the next one.
"""

import asyncio
import base64
import hashlib
import mimetypes
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

import botocore.session  # type: ignore[import-untyped]  # it ships no types; the calls used here are typed by _Client
from botocore.config import Config  # type: ignore[import-untyped]  # as above
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above

from proxy.archive import ArchiveError, Kept, blocks, checked
from proxy.model import Secret

T = TypeVar("T")

PART = 5 * 1024 * 1024
"""Bytes of a part: the least that stores take, so that least is held in memory; 10,000 of them make 48 GiB."""

READ = 256 * 1024
THREADS = 16
LONGEST_LINK = 7 * 86400
"""Seconds, the most that a signature of version 4 can last."""

VIRTUAL_ONLY = (".volces.com", ".ivolces.com", ".bytepluses.com", ".ibytepluses.com", ".aliyuncs.com")
"""Stores that want the bucket in the host name; others that are not AWS are asked by path, which needs no wildcard name."""

MISSING = frozenset({"404", "NoSuchKey", "NotFound"})

Answer = Mapping[str, object]


class _Body(Protocol):
    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


class _Client(Protocol):
    """The part of botocore's S3 client that is used here."""

    def put_object(self, **arguments: object) -> Answer: ...
    def create_multipart_upload(self, **arguments: object) -> Answer: ...
    def upload_part(self, **arguments: object) -> Answer: ...
    def complete_multipart_upload(self, **arguments: object) -> Answer: ...
    def abort_multipart_upload(self, **arguments: object) -> Answer: ...
    def list_multipart_uploads(self, **arguments: object) -> Mapping[str, Sequence[Mapping[str, str]]]: ...
    def get_object(self, **arguments: object) -> Mapping[str, _Body]: ...
    def head_object(self, **arguments: object) -> Mapping[str, int]: ...
    def delete_object(self, **arguments: object) -> Answer: ...
    def generate_presigned_url(self, operation: str, **arguments: object) -> str: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where the copies go. Without keys botocore looks for them where AWS's own tools do; without an endpoint it is AWS."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: Secret | None = None
    secret_key: Secret | None = None


class S3Archive:
    """Copies as objects `<prefix>/<name>` of one bucket."""

    kind = "s3"

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client: _Client = _connect(bucket)
        self._calls = _Calls(bucket.name)

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Kept:
        """See `Archive.keep`."""
        place = self._place(name)
        await self._forget_unfinished(place)
        digest, size = hashlib.sha256(), 0
        upload = _Upload(self._calls, self._client, place)
        try:
            async for block in blocks(chunks, PART):
                digest.update(block)
                size += len(block)
                await upload.add(block)
            await upload.finish()
        finally:
            await upload.give_up()
        return Kept(size, digest.hexdigest())

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """See `Archive.open`."""
        answer = await self._calls.run(self._client.get_object, **self._place(name), Range=f"bytes={start}-{end - 1}")
        body = answer["Body"]
        try:
            while start < end:
                block = await self._calls.run(body.read, amt=min(READ, end - start))
                if not block:
                    raise ArchiveError(f"the copy {name} is shorter than it was when it was kept")
                start += len(block)
                yield block
        finally:
            body.close()

    async def size(self, name: str) -> int | None:
        """See `Archive.size`."""
        try:
            answer = await self._calls.run(self._client.head_object, **self._place(name))
        except _MissingError:
            return None
        return answer["ContentLength"]

    async def remove(self, name: str) -> None:
        """See `Archive.remove`."""
        place = self._place(name)
        await self._forget_unfinished(place)
        await self._calls.run(self._client.delete_object, **place)

    def link(self, name: str, shown: str, kind: str, seconds: int) -> str:
        """A presigned GET; the store is not asked."""
        disposition = f'attachment; filename="{quote(shown, safe="-_.")}"'
        wanted = {**self._place(name), "ResponseContentDisposition": disposition, "ResponseContentType": kind}
        return self._client.generate_presigned_url(
            "get_object", Params=wanted, ExpiresIn=max(1, min(seconds, LONGEST_LINK))
        )

    async def close(self) -> None:
        """Close the connections; calls in flight end by themselves."""
        self._calls.close()
        self._client.close()

    def _place(self, name: str) -> dict[str, object]:
        prefix = self._bucket.prefix.strip("/")
        return {"Bucket": self._bucket.name, "Key": f"{prefix}/{checked(name)}" if prefix else checked(name)}

    async def _forget_unfinished(self, place: Mapping[str, object]) -> None:
        """End uploads of this object that nobody goes on with: their parts cost money. A store that cannot list them is left alone."""
        with suppress(ArchiveError):
            found = await self._calls.run(
                self._client.list_multipart_uploads, Bucket=place["Bucket"], Prefix=place["Key"], MaxUploads=100
            )
            for one in found.get("Uploads", ()):
                if one["Key"] == place["Key"]:
                    await self._calls.run(self._client.abort_multipart_upload, **place, UploadId=one["UploadId"])


class _MissingError(ArchiveError):
    """There is no such object."""


class _Calls:
    """Runs botocore's calls in threads and tells their failures by the store's own code, which holds no key and no address."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="archive-s3")

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, call: Callable[..., T], **arguments: object) -> T:
        """What the call returns; raises `ArchiveError`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, **arguments))
        except ClientError as refused:
            code = str(refused.response.get("Error", {}).get("Code", "no code"))
            if code in MISSING:
                raise _MissingError(f"the archive's bucket {self._bucket} has no such copy") from refused
            raise ArchiveError(
                f"the archive's bucket {self._bucket} refused {refused.operation_name} ({code}); check the video.archive_… keys"
            ) from refused
        except (BotoCoreError, OSError) as broken:
            raise ArchiveError(
                f"the archive's bucket {self._bucket} cannot be reached ({type(broken).__name__}); check video.archive_endpoint"
            ) from broken


class _Upload:
    """One object on its way up: whole while it fits into one part, else in parts. One part waits, because only the last may be small."""

    def __init__(self, calls: _Calls, client: _Client, place: Mapping[str, object]) -> None:
        self._calls = calls
        self._client = client
        self._place = place
        self._waiting = b""
        self._id: object = None
        self._parts: list[dict[str, object]] = []

    async def add(self, block: bytes) -> None:
        """Take one more part; every one but the last has `PART` bytes."""
        if self._waiting:
            await self._send_part()
        self._waiting = block

    async def finish(self) -> None:
        """Send what waits and let the object be seen."""
        if self._id is None:
            await self._calls.run(
                self._client.put_object,
                **self._place,
                Body=self._waiting,
                ContentMD5=_md5(self._waiting),
                ContentType=self._type(),
            )
            return
        await self._send_part()
        await self._calls.run(
            self._client.complete_multipart_upload,
            **self._place,
            UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
        )
        self._id = None

    async def give_up(self) -> None:
        """Remove what is there if the upload is not finished."""
        if self._id is not None:
            with suppress(ArchiveError):
                await self._calls.run(self._client.abort_multipart_upload, **self._place, UploadId=self._id)

    async def _send_part(self) -> None:
        if self._id is None:
            begun = await self._calls.run(self._client.create_multipart_upload, **self._place, ContentType=self._type())
            self._id = begun["UploadId"]
        number = len(self._parts) + 1
        sent = await self._calls.run(
            self._client.upload_part,
            **self._place,
            UploadId=self._id,
            PartNumber=number,
            Body=self._waiting,
            ContentMD5=_md5(self._waiting),
        )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def _type(self) -> str:
        return mimetypes.guess_type(str(self._place["Key"]))[0] or "application/octet-stream"


def _md5(block: bytes) -> str:
    """What the store checks the bytes with: every store knows this one, the newer checksums not (RFC 1864)."""
    return base64.b64encode(hashlib.md5(block, usedforsecurity=False).digest()).decode()


def _connect(bucket: Bucket) -> _Client:
    host = urlsplit(bucket.endpoint).hostname or ""
    by_name = host.endswith(VIRTUAL_ONLY) or not host
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual" if by_name and "." not in bucket.name else "path"},
        # checksums that only AWS knows break the others
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=THREADS,
        proxies={},
    )
    client: _Client = botocore.session.Session().create_client(
        "s3",
        region_name=bucket.region or "us-east-1",
        endpoint_url=bucket.endpoint or None,
        aws_access_key_id=bucket.access_key.reveal() if bucket.access_key else None,
        aws_secret_access_key=bucket.secret_key.reveal() if bucket.secret_key else None,
        config=config,
    )
    return client
