"""A result's bytes: streamed through us or redirected to, never held whole (openai-wire.md §5.8).

Result links get no credential of ours; the upstream's own content route gets the key. Only the wait for the next bytes has a limit.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import quote

from proxy.archive import ArchiveError
from proxy.archive.shelf import Found
from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UpstreamRefusal
from proxy.gateway.archived import from_archive
from proxy.gateway.call import Answer, Call
from proxy.gateway.reader import Reader
from proxy.gateway.refusals import judged
from proxy.gateway.rows import is_over
from proxy.gateway.services import Services
from proxy.gateway.tasks import Tasks
from proxy.guard import ForbiddenAddressError
from proxy.model import TaskRecord, TaskStatus, Upstream
from proxy.store import TaskFilter
from proxy.upstream.client import Stream
from proxy.upstream.media import Media, NoSourceError, Verdict, judge, kind, link_ends, public_link

NOT_READY = "Video is not ready yet, use GET /v1/videos/{id} to check status."
MOST_DIGITS = 18
"""Digits of a time in a link: Python refuses to convert thousands of them."""

ACCOUNT = frozenset({401, 402})
"""What an upstream says to a key that it does not take."""

PASSED_ON = ("content-length", "content-range", "accept-ranges", "etag", "last-modified", "content-md5")


@dataclass(frozen=True, slots=True)
class Opened:
    """A result that is being read: its stream and what has to be closed after it."""

    stream: Stream
    stack: AsyncExitStack


class Content:
    """Answers GET and HEAD of /v1/videos/{id}/content, by key or by signed link."""

    def __init__(self, services: Services, reader: Reader, tasks: Tasks) -> None:
        self._services = services
        self._reader = reader
        self._tasks = tasks
        self._media = Media(services.client, services.guard, services.quotas)

    async def send(self, call: Call) -> Answer:
        """The bytes (or the redirect) of one result."""
        record = await self._reader.fresh(await self._find(call))
        call.task_id, call.upstream, call.record = record.id, record.upstream, record
        _require_result(record, dict(call.query))
        archive = self._services.archive
        found = await self._archived(record)
        if archive is not None and found is not None:
            return from_archive(call, record.id or "video", archive.shelf, found)
        if call.headers.get("x-arkbridge-content", "").strip().lower() == "redirect":
            link = public_link(record, self._services.router.upstream(record.upstream))
            if link and self._services.now() < link_ends(record):
                return Answer(status=302, headers=[("location", link), ("cache-control", "no-store")])
        head = call.method == "HEAD"
        opened = await self._open(record, _range_headers(call.headers, head=head))
        return await _head(record, opened) if head else _stream(record, opened)

    async def _archived(self, record: TaskRecord) -> Found | None:
        """Our copy, if there is one. While the upstream's link lives, an archive in trouble is no reason to refuse."""
        if self._services.archive is None:
            return None
        try:
            return await self._services.archive.shelf.find(record)
        except ArchiveError as trouble:
            self._services.events.event("error", "the archive cannot be read", task=record.id, reason=str(trouble))
            if self._services.now() < link_ends(record):
                return None
            raise Refusal(
                Problem.UPSTREAM_UNAVAILABLE, "The archive that keeps this result cannot be read now. Try again later."
            ) from trouble

    async def _find(self, call: Call) -> TaskRecord:
        """By the link's signature, whoever shows it, else by the key."""
        query = dict(call.query)
        has_ended = False
        if "sig" in query:
            expires, now = _moment(query.get("exp", "")), self._services.now()
            for record in await self._services.store.tasks(TaskFilter(ids=(call.params["id"],), limit=50)):
                if self._services.signer.check_link(record.key, expires, query["sig"], now):
                    return record
                has_ended = has_ended or self._services.signer.check_link(record.key, expires, query["sig"], 0)
        if call.identity is None and has_ended:
            raise Refusal(
                Problem.VIDEO_EXPIRED, "This link has ended; read the task again for what is still available."
            )
        return await self._tasks.find(call)

    async def _open(self, record: TaskRecord, headers: Mapping[str, str]) -> Opened:
        """Open the result; a link that is no longer good is asked for again once, by a fresh read of the task."""
        upstream = self._services.router.upstream(record.upstream)
        if upstream is None:
            raise Refusal(
                Problem.VIDEO_EXPIRED,
                f"The upstream {record.upstream} of this video is not configured any more, so its result cannot be fetched.",
            )
        opened = await self._try(upstream, record, headers)
        await _require_account(upstream, record, opened)
        if not self._is_gone(record, opened.stream):
            return await _usable(upstream, opened)
        await opened.stack.aclose()
        renewed = await self._media.renewed(upstream, record)
        if renewed is not None:
            opened = await self._try(upstream, renewed, headers)
            if not self._is_gone(record, opened.stream):
                return await _usable(upstream, opened)
            await opened.stack.aclose()
        if self._services.now() >= link_ends(record):
            raise Refusal(Problem.VIDEO_EXPIRED, "The upstream keeps a result for 24 hours, which are over.")
        raise Refusal(
            Problem.VIDEO_EXPIRED,
            f"The upstream {upstream.name} no longer hands out this result (it answered {opened.stream.status}).",
        )

    def _is_gone(self, record: TaskRecord, stream: Stream) -> bool:
        """Whether the result is gone. Relays say so with any error of theirs once the day is over (openai-wire.md §2.1)."""
        verdict = judge(stream)
        is_over_time = self._services.now() >= link_ends(record)
        return verdict is Verdict.GONE or (verdict is Verdict.WRONG and is_over_time)

    async def _try(self, upstream: Upstream, record: TaskRecord, headers: Mapping[str, str]) -> Opened:
        stack = AsyncExitStack()
        try:
            stream = await stack.enter_async_context(self._media.open(upstream, record, headers))
        except ForbiddenAddressError as forbidden:
            raise Refusal(
                Problem.UPSTREAM_UNREADABLE,
                f"The result link of {upstream.name} may not be fetched: {forbidden}. Its operator can add the link's origin to media_origins.",
            ) from forbidden
        except NotSent as broken:
            raise Refusal(
                Problem.UPSTREAM_UNAVAILABLE,
                f"The result of {upstream.name} cannot be reached ({broken.reason}). Try again.",
            ) from broken
        except OutcomeUnknown as broken:
            raise Refusal(
                Problem.UPSTREAM_UNREADABLE, f"The result of {upstream.name} cannot be read: {broken.reason}."
            ) from broken
        except NoSourceError as without:
            raise Refusal(Problem.VIDEO_EXPIRED, str(without)) from without
        return Opened(stream, stack)


def _moment(text: str) -> int:
    """When a link says that it ends, unix seconds; 0 for what nobody of us wrote."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else 0


async def _require_account(upstream: Upstream, record: TaskRecord, opened: Opened) -> None:
    """A refusal of our key is about our account, and no word on the result."""
    if opened.stream.status in ACCOUNT and public_link(record, upstream) is None:
        await opened.stack.aclose()
        raise judged(upstream, UpstreamRefusal(opened.stream.status, "", ""))


def _require_result(record: TaskRecord, query: Mapping[str, str]) -> None:
    """404 before the end, 400 after a failure, 400 for the variants that no upstream has (contract.md §6)."""
    variant = query.get("variant", "video")
    if variant != "video":
        raise Refusal(
            Problem.INVALID_VALUE,
            f"variant {variant!r} is not available; the only variant here is 'video'.",
            param="variant",
        )
    if not is_over(record.snapshot) or record.snapshot is None:
        raise Refusal(Problem.VIDEO_NOT_READY, NOT_READY)
    if record.snapshot.status is not TaskStatus.SUCCEEDED:
        error = record.snapshot.error
        reason = f"{error.code}: {error.message}" if error else record.snapshot.status.value
        raise Refusal(Problem.VIDEO_FAILED, f"This video has no content because its task ended without one ({reason}).")


def _range_headers(headers: Mapping[str, str], *, head: bool) -> dict[str, str]:
    """What goes on to the media store: the range and nothing of the caller's else. A presigned GET link refuses HEAD, so HEAD asks one byte."""
    sent = {"accept": "*/*", "accept-encoding": "identity"}
    if head:
        return {**sent, "range": "bytes=0-0"}
    return sent | {name: headers[name] for name in ("range", "if-range") if name in headers}


async def _usable(upstream: Upstream, opened: Opened) -> Opened:
    """Only a result is passed on as a result: whatever else came is an error in the caller's shape (field-notes.md B.4)."""
    stream = opened.stream
    verdict = judge(stream)
    if verdict is Verdict.OUTSIDE:
        await opened.stack.aclose()
        size = stream.headers.get("content-range", "bytes */*")
        raise Refusal(
            Problem.RANGE_NOT_SATISFIABLE,
            f"The range lies outside the result ({size}).",
            param="range",
            headers={"content-range": size},
        )
    if verdict is not Verdict.RESULT:
        await opened.stack.aclose()
        said = stream.headers.get("content-type") or "no type"
        raise Refusal(
            Problem.UPSTREAM_UNREADABLE,
            f"The upstream {upstream.name} answered {stream.status} ({said}) where the video should be. Try again later.",
        )
    return opened


def _result_headers(record: TaskRecord, stream: Stream) -> list[tuple[str, str]]:
    name = quote(record.id or "video", safe="-_.")
    headers = [(header, stream.headers[header]) for header in PASSED_ON if header in stream.headers]
    return [*headers, ("content-disposition", f'attachment; filename="{name}.mp4"')]


def _stream(record: TaskRecord, opened: Opened) -> Answer:
    return Answer(
        status=opened.stream.status,
        headers=_result_headers(record, opened.stream),
        chunks=_closing(opened),
        content_type=kind(opened.stream),
    )


async def _closing(opened: Opened) -> AsyncIterator[bytes]:
    async with opened.stack:
        async for chunk in opened.stream.chunks:
            yield chunk


async def _head(record: TaskRecord, opened: Opened) -> Answer:
    """The headers of the whole result, learnt from one byte of it."""
    stream = opened.stream
    await opened.stack.aclose()
    total = stream.headers.get("content-range", "").rpartition("/")[2] if stream.status == 206 else ""
    length = total if total.isdigit() else stream.headers.get("content-length", "")
    headers = [pair for pair in _result_headers(record, stream) if pair[0] not in {"content-length", "content-range"}]
    if length:
        headers.append(("content-length", length))
    return Answer(status=200, headers=headers, content_type=kind(stream))
