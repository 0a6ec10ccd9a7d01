"""Where a result's bytes come from, and whether what came is the result (openai-wire.md §5.8, field-notes.md B.4).

A result link gets no credential of ours; the upstream's own content route gets the key. Nothing is ever held whole here.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import Enum, auto
from urllib.parse import urlsplit

from proxy.errors import ArkbridgeError, TransportError, UnreadableAnswer
from proxy.guard import ForbiddenAddressError, Guard, origin
from proxy.model import TaskRecord, Upstream
from proxy.translate.registry import FAMILIES
from proxy.upstream.client import Client, Stream
from proxy.upstream.quota import Quotas

LIFETIME = 86400
"""Seconds a result stays fetchable at the upstream (ark-wire.md §0, item 10)."""

VIDEOS = next(family for family in FAMILIES if family.name == "videos")

GONE = frozenset({400, 401, 403, 404, 410})
"""Answers of a media store that mean that the link is no longer good."""

NO_RESULT = ("application/json", "text/html", "application/xml", "text/xml")
"""Types that an error comes in, and a result never."""


class Verdict(Enum):
    """What an answer is, where a result was asked for."""

    RESULT = auto()
    GONE = auto()
    OUTSIDE = auto()
    WRONG = auto()


class NoSourceError(ArkbridgeError):
    """The upstream gave no link to the result and has no route for it."""


def is_protected(url: str, upstream: Upstream) -> bool:
    """Whether a result URL lies inside the upstream's API, so that it needs our key and must not reach a caller (field-notes.md B.4)."""
    try:
        if origin(url) != origin(upstream.base_url):
            return False
    except ForbiddenAddressError:  # no web address, so not one of the upstream's API
        return False
    return urlsplit(url).path.startswith(urlsplit(upstream.base_url).path.rstrip("/") + "/")


def public_link(record: TaskRecord, upstream: Upstream | None) -> str | None:
    """The upstream's own link to the result, if there is one that works without a key."""
    url = record.snapshot.video_url if record.snapshot else None
    if not url or (upstream is not None and is_protected(url, upstream)):
        return None
    return url


def ended_at(record: TaskRecord) -> int:
    """When the task ended, unix seconds: as the upstream says it, else when we saw it."""
    snapshot = record.snapshot
    return int((snapshot.updated_at if snapshot else None) or record.ended_at or record.created_at)


def link_ends(record: TaskRecord) -> int:
    """Until when the upstream keeps the result, unix seconds: the end of the task plus 24 hours."""
    return ended_at(record) + LIFETIME


def judge(stream: Stream) -> Verdict:
    """Only a result is passed on or kept as a result: an error in a 200 is none (field-notes.md B.4, "Wrong bytes")."""
    if stream.status in GONE:
        return Verdict.GONE
    if stream.status == 416:
        return Verdict.OUTSIDE
    if stream.status not in {200, 206} or stream.headers.get("content-type", "").startswith(NO_RESULT):
        return Verdict.WRONG
    return Verdict.RESULT


def kind(stream: Stream) -> str:
    """The type of a result; the general ones say less than what we know."""
    said = stream.headers.get("content-type", "")
    return "video/mp4" if said in {"", "application/octet-stream", "binary/octet-stream"} else said


class Media:
    """Opens results, by a guarded link or by the upstream's content route."""

    def __init__(self, client: Client, guard: Guard, quotas: Quotas) -> None:
        self._client = client
        self._guard = guard
        self._quotas = quotas

    @asynccontextmanager
    async def open(self, upstream: Upstream, record: TaskRecord, headers: Mapping[str, str]) -> AsyncIterator[Stream]:
        """The video of a finished task; raises `ForbiddenAddressError`, `TransportError` or `NoSourceError`."""
        link = public_link(record, upstream)
        if link is not None:
            async with self.open_link(upstream, link, headers) as stream:
                yield stream
            return
        request = VIDEOS.toward(upstream).encode_content(record.id or "")
        if request is None:
            raise NoSourceError(f"The upstream {upstream.name} gave no link to this result.")
        request = replace(request, headers={**request.headers, **headers})
        async with self._client.open(upstream, request) as stream:
            yield stream

    @asynccontextmanager
    async def open_link(self, upstream: Upstream, link: str, headers: Mapping[str, str]) -> AsyncIterator[Stream]:
        """A link that this upstream gave, without a credential; raises `ForbiddenAddressError` or `TransportError`."""
        hosts = (urlsplit(upstream.base_url).hostname or "",)
        destination = await self._guard.admit(link, hosts=hosts, origins=upstream.media_origins)
        async with self._client.fetch(upstream.name, destination, headers) as stream:
            yield stream

    async def renewed(self, upstream: Upstream, record: TaskRecord) -> TaskRecord | None:
        """The task with the link that the upstream gives now, or None if that is the same one or cannot be had."""
        if not await self._quotas.take(upstream.name, "get"):
            return None
        outbound = VIDEOS.toward(upstream)
        try:
            response = await self._client.send(upstream, outbound.encode_read(record.id or ""), brief=True)
            link = outbound.decode_task(response).snapshot.video_url if response.status == 200 else None
        except (TransportError, UnreadableAnswer):
            return None
        if link is None or record.snapshot is None or link == record.snapshot.video_url:
            return None
        return replace(record, snapshot=replace(record.snapshot, video_url=link))
