"""Where a result comes from: its link without a key, the upstream's route with one; and what passes as a result."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from proxy.guard import ForbiddenAddressError, Guard
from proxy.model import Dialect, Profile, Secret, Snapshot, TaskRecord, TaskStatus, Upstream
from proxy.upstream.client import Client, Stream, Timeouts, pinned_transport, stock_transport
from proxy.upstream.media import LIFETIME, Media, NoSourceError, Verdict, ended_at, judge, kind, link_ends
from proxy.upstream.quota import Quotas
from tests.store.made import TASK
from tests.support.raw import NOBODY, Raw, Request, always, ok, raw

KEY = "canary-3f7a91"
PLAIN = {"accept": "*/*"}


@asynccontextmanager
async def media(limits: dict[str, dict[str, float]] | None = None) -> AsyncIterator[Media]:
    """What opens results, on real sockets."""
    client = Client(stock_transport(NOBODY), pinned_transport(NOBODY), Timeouts(connect=5, send=5, read=5))
    yield Media(client, Guard(), Quotas(limits or {}, lambda: 0.0))
    await client.close()


def upstream(server: Raw, dialect: Dialect = Dialect.ARK, profile: Profile = Profile.STRICT) -> Upstream:
    """The upstream whose API is on this server."""
    return Upstream(
        name="up", dialect=dialect, profile=profile, base_url=f"{server.url}/api/v3", api_keys=(Secret(KEY),)
    )


def record(url: str | None, **facts: object) -> TaskRecord:
    """A finished task with this link."""
    snapshot = Snapshot(status=TaskStatus.SUCCEEDED, status_word="succeeded", video_url=url, updated_at=150)
    return replace(TASK, id="cgt-1", snapshot=snapshot, **facts)  # type: ignore[arg-type]  # fields are named by the test


async def body(opened: AsyncIterator[bytes]) -> bytes:
    """All of it."""
    return b"".join([chunk async for chunk in opened])


async def test_a_link_is_fetched_without_the_key() -> None:
    """A result link outside the upstream's API gets the headers it was asked with and no credential."""
    seen: list[Request] = []
    async with raw(always(ok(b"video", b"content-type: video/mp4"), seen)) as server, media() as opening:
        link = f"{server.url}/bucket/v.mp4?X-Sig=1"
        async with opening.open(upstream(server), record(link), {**PLAIN, "range": "bytes=0-"}) as stream:
            assert await body(stream.chunks) == b"video"
    assert seen[0].line == "GET /bucket/v.mp4?X-Sig=1 HTTP/1.1"
    assert "authorization" not in seen[0].headers
    assert seen[0].headers["range"] == "bytes=0-"


@pytest.mark.parametrize("url", [None, "{}/api/v3/videos/cgt-1/content"])
async def test_a_bytes_route_gets_the_key(url: str | None) -> None:
    """Where there is no link, or it lies inside the upstream's API, the upstream's own route is read with the key."""
    seen: list[Request] = []
    async with raw(always(ok(b"video", b"content-type: video/mp4"), seen)) as server, media() as opening:
        link = url.format(server.url) if url else None
        strict = upstream(server, Dialect.OPENAI)
        async with opening.open(strict, record(link), {**PLAIN, "range": "bytes=1-"}) as stream:
            assert await body(stream.chunks) == b"video"
    assert seen[0].line == "GET /api/v3/videos/cgt-1/content HTTP/1.1"
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert seen[0].headers["range"] == "bytes=1-"


async def test_without_link_and_route_there_is_no_source() -> None:
    """Ark has no route for bytes: a result without a link cannot be had there."""
    async with raw(always(ok())) as server, media() as opening:
        with pytest.raises(NoSourceError, match="gave no link"):
            async with opening.open(upstream(server), record(None), PLAIN):
                pass
        assert server.accepted == 0


async def test_a_link_to_a_private_address_is_not_fetched() -> None:
    """A link passes the guard: another private host than the upstream's own is refused before anything is sent."""
    async with raw(always(ok())) as server, media() as opening:
        with pytest.raises(ForbiddenAddressError):
            async with opening.open(upstream(server), record("http://127.0.0.2:80/v.mp4"), PLAIN):
                pass


@pytest.mark.parametrize(
    ("answer", "link"),
    [
        (b'{"id":"cgt-1","status":"succeeded","content":{"video_url":"http://h/new.mp4"}}', "http://h/new.mp4"),
        (b'{"id":"cgt-1","status":"succeeded","content":{"video_url":"http://h/old.mp4"}}', None),
        (b'{"id":"cgt-1","status":"succeeded"}', None),
        (b"<html>", None),
    ],
)
async def test_a_link_is_renewed_if_the_upstream_has_another(answer: bytes, link: str | None) -> None:
    """The task is read once; the same link, none and an unreadable answer are no renewal."""
    seen: list[Request] = []
    async with raw(always(ok(answer), seen)) as server, media() as opening:
        renewed = await opening.renewed(upstream(server), record("http://h/old.mp4"))
    assert (renewed.snapshot.video_url if renewed and renewed.snapshot else None) == link
    assert len(seen) == 1


async def test_a_renewal_keeps_to_the_account_s_limits() -> None:
    """Without a read left within a second, the upstream is not asked."""
    async with raw(always(ok(b"{}"))) as server, media({"up": {"get": 0.1}}) as opening:
        await opening.renewed(upstream(server), record("http://h/old.mp4"))
        assert await opening.renewed(upstream(server), record("http://h/old.mp4")) is None
        assert server.accepted == 1


async def test_an_upstream_that_does_not_answer_renews_nothing() -> None:
    """Trouble on the way is no renewal, and no error."""
    async with raw(always(ok())) as server:
        gone = upstream(server)
    async with media() as opening:
        assert await opening.renewed(gone, record("http://h/old.mp4")) is None


async def _none() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (200, "video/mp4", Verdict.RESULT),
        (206, "video/mp4", Verdict.RESULT),
        (200, "", Verdict.RESULT),
        (200, "binary/octet-stream", Verdict.RESULT),
        (200, "application/json; charset=utf-8", Verdict.WRONG),
        (200, "text/html", Verdict.WRONG),
        (200, "application/xml", Verdict.WRONG),
        (200, "text/xml", Verdict.WRONG),
        (204, "video/mp4", Verdict.WRONG),
        (302, "", Verdict.WRONG),
        (416, "", Verdict.OUTSIDE),
        (400, "", Verdict.GONE),
        (401, "", Verdict.GONE),
        (403, "application/xml", Verdict.GONE),
        (404, "", Verdict.GONE),
        (410, "", Verdict.GONE),
        (429, "", Verdict.WRONG),
        (500, "video/mp4", Verdict.WRONG),
    ],
)
def test_what_an_answer_is(status: int, said: str, verdict: Verdict) -> None:
    """Only a 200 or 206 of a fitting type is a result; what means a dead link is told from what is merely wrong."""
    assert judge(Stream(status, {"content-type": said} if said else {}, _none())) is verdict


@pytest.mark.parametrize(
    ("said", "known"),
    [("video/quicktime", "video/quicktime"), ("application/octet-stream", "video/mp4"), ("", "video/mp4")],
)
def test_a_type_that_says_nothing_is_a_video(said: str, known: str) -> None:
    """Media stores often call a video octets."""
    assert kind(Stream(200, {"content-type": said} if said else {}, _none())) == known


def test_a_link_ends_a_day_after_the_task() -> None:
    """The end is the upstream's word, else when we saw it, else the beginning."""
    told = record("http://h/v.mp4")
    assert (ended_at(told), link_ends(told)) == (150, 150 + LIFETIME)
    assert ended_at(replace(told, snapshot=None, ended_at=170.9)) == 170
    assert ended_at(replace(told, snapshot=None, ended_at=None)) == int(told.created_at)
