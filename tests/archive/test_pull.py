"""A download goes on where it broke off, if it is the same file; nothing cut, changed, wrong or too large passes."""

import base64
import hashlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import pytest

from proxy.archive.pull import RESUMES, GoneError, Pull, PullError, TooLargeError
from proxy.errors import ArkbridgeError, OutcomeUnknown
from proxy.guard import Guard
from proxy.model import Dialect, Upstream
from proxy.upstream.client import Client, Stream, Timeouts, pinned_transport, stock_transport
from proxy.upstream.media import Media
from proxy.upstream.quota import Quotas
from tests.archive.shop import Shop
from tests.support.raw import NOBODY, after_request, raw

BODY = bytes(range(256)) * 1024
MD5 = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()


async def pulled(shop: Shop, limit: int = 1 << 30) -> tuple[bytes, Pull]:
    """What a download from the shop gave."""
    async with raw(shop) as server:
        client = Client(stock_transport(NOBODY), pinned_transport(NOBODY), Timeouts(connect=5, send=5, read=0.3))
        upstream = Upstream(name="up", dialect=Dialect.ARK, base_url=server.url)
        media = Media(client, Guard(), Quotas({}, lambda: 0.0))

        def source(headers: Mapping[str, str]) -> AbstractAsyncContextManager[Stream]:
            return media.open_link(upstream, f"{server.url}/v.mp4", headers)

        try:
            async with Pull(source, limit) as pull:
                return b"".join([chunk async for chunk in pull.chunks()]), pull
        finally:
            await client.close()


async def refused(shop: Shop, limit: int = 1 << 30) -> ArkbridgeError:
    """Why a download from the shop failed."""
    with pytest.raises(ArkbridgeError) as failed:
        await pulled(shop, limit)
    return failed.value


async def test_a_download_that_does_not_break_is_one_request() -> None:
    """The usual case: one GET without a range, with nothing that would compress."""
    shop = Shop(BODY, headers=[f"content-md5: {MD5}"])
    body, pull = await pulled(shop)
    assert (body, pull.size, pull.content_type) == (BODY, len(BODY), "video/mp4")
    (request,) = shop.seen
    assert "range" not in request.headers
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("cuts", [[1000], [0], [len(BODY) - 1], [1000, 2000], [0, 0], [-5000], [100_000, -1]])
async def test_a_broken_download_goes_on_where_it_broke(cuts: list[int]) -> None:
    """A break (or a stall) is followed by a request for the rest of the same file, and no byte comes twice."""
    shop = Shop(BODY, cuts=cuts, headers=[f"content-md5: {MD5}"])
    body, _ = await pulled(shop)
    assert body == BODY
    assert len(shop.seen) == len(cuts) + 1
    assert all(request.headers["if-range"] == '"one"' for request in shop.seen[1:])
    assert shop.seen[1].headers["range"] == f"bytes={abs(cuts[0])}-"


async def test_a_weak_tag_is_no_condition() -> None:
    """A weak ETag may not stand in If-Range; the answer is compared instead."""
    shop = Shop(BODY, cuts=[1000], tags=['W/"one"'])
    body, _ = await pulled(shop)
    assert body == BODY
    assert "if-range" not in shop.seen[1].headers


@pytest.mark.parametrize(
    "shop", [Shop(BODY, cuts=[1000], tags=()), Shop(BODY, cuts=[1000], headers=["last-modified: x"])]
)
async def test_a_file_without_a_tag_is_the_same_by_its_size(shop: Shop) -> None:
    """Where the server tells no ETag, size and date decide."""
    assert (await pulled(shop))[0] == BODY


@pytest.mark.parametrize(
    "shop",
    [
        Shop(BODY, cuts=[1000], ranges=False),
        Shop(BODY, cuts=[1000], tags=['"one"', '"two"']),
        Shop(BODY, cuts=[1000], tags=['W/"one"', 'W/"two"']),
        Shop(BODY, cuts=[1000], shift=1),
        Shop(BODY, cuts=[1000], shift=-1),
    ],
    ids=["no ranges", "another file", "another file, weak", "a gap", "an overlap"],
)
async def test_what_is_not_the_rest_is_not_taken(shop: Shop) -> None:
    """A server that ignores the range, has another file now or sends other bytes fails the attempt: the next one starts at 0."""
    error = await refused(shop)
    assert isinstance(error, PullError)
    assert "cannot be continued" in str(error)


async def test_a_download_goes_on_a_few_times_only() -> None:
    """Every range may count as one of the link's 100 downloads, so one attempt makes few of them."""
    shop = Shop(BODY, cuts=[100] * 50)
    assert isinstance(await refused(shop), OutcomeUnknown)
    assert len(shop.seen) == RESUMES + 1


async def test_without_a_length_a_break_cannot_be_healed() -> None:
    """A body that only ends with its connection is taken as it comes."""
    assert (await pulled(Shop(BODY, length=False)))[0] == BODY
    shop = Shop(BODY, length=False, cuts=[-1000])
    assert isinstance(await refused(shop), OutcomeUnknown)
    assert len(shop.seen) == 1


async def test_a_wrong_checksum_is_refused() -> None:
    """Bytes that do not agree with the announced Content-MD5 are not the result."""
    error = await refused(Shop(BODY, headers=["content-md5: AAAAAAAAAAAAAAAAAAAAAA=="]))
    assert "Content-MD5" in str(error)


async def test_a_wrong_checksum_is_refused_after_a_break() -> None:
    """The checksum of the whole is kept over a break."""
    error = await refused(Shop(BODY, cuts=[1000], headers=["content-md5: AAAAAAAAAAAAAAAAAAAAAA=="]))
    assert "Content-MD5" in str(error)


async def test_an_empty_result_is_none() -> None:
    """No bytes are no video."""
    assert isinstance(await refused(Shop(b"")), PullError)


@pytest.mark.parametrize("length", [True, False])
async def test_the_cap_holds_whatever_is_announced(*, length: bool) -> None:
    """A result over the cap is refused before its body where its length is told, else as soon as it is passed."""
    assert isinstance(await refused(Shop(BODY, length=length), len(BODY) - 1), TooLargeError)
    assert (await pulled(Shop(BODY, length=length), len(BODY)))[0] == BODY


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", GoneError),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", GoneError),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", PullError),
        (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", PullError),
        (b"HTTP/1.1 206 Partial Content\r\ncontent-type: video/mp4\r\ncontent-length: 1\r\n\r\nx", PullError),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}", PullError),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 2\r\n\r\n<p", PullError),
    ],
)
async def test_only_a_result_is_taken(answer: bytes, kind: type[ArkbridgeError]) -> None:
    """An error, a redirect, a part nobody asked for and a page are not the result (field-notes.md B.4, "Wrong bytes")."""
    async with raw(after_request(answer)) as server:
        client = Client(stock_transport(NOBODY), pinned_transport(NOBODY))
        upstream = Upstream(name="up", dialect=Dialect.ARK, base_url=server.url)
        media = Media(client, Guard(), Quotas({}, lambda: 0.0))

        def source(headers: Mapping[str, str]) -> AbstractAsyncContextManager[Stream]:
            return media.open_link(upstream, f"{server.url}/v.mp4", headers)

        with pytest.raises(kind) as refused:
            async with Pull(source, 1 << 20):
                pass
        assert type(refused.value) is kind
        await client.close()
