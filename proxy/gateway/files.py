"""Lists of files, and the bytes of one, which only OpenAI hands out (openai-wire.md §3.6). Bytes are streamed, never held whole."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UpstreamRefusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.calls import not_offered
from proxy.gateway.listing import Listing, named
from proxy.gateway.objects import Objects, unknown
from proxy.gateway.refusals import judged, scrubbed, unavailable
from proxy.gateway.services import Services
from proxy.gateway.uploads import CODECS
from proxy.model import Upstream
from proxy.translate import errors, passing
from proxy.translate.calls import CallRequest
from proxy.translate.wire import WireRequest, WireResponse
from proxy.upstream.breaker import Blame, blame
from proxy.upstream.client import Stream

PASSED_ON = ("content-length", "content-disposition", "etag", "last-modified")

LONGEST_ERROR = 64 * 1024
"""Bytes that are read of an error where a file should be."""

ANY_TYPE = "application/octet-stream"


class Files:
    """Lists and downloads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._objects = Objects(services)

    async def list(self, call: Call) -> Answer:
        """A page of the caller's own files, wherever they live."""
        inbound = CODECS.inbound[call.dialect]
        query = inbound.query(call.query)
        found = await Listing(self._services, call, query).files()
        return Answer(body=inbound.page(found[: query.limit], more=len(found) > query.limit))

    async def content(self, call: Call) -> Answer:
        """The bytes of the caller's file."""
        request = named(call, call.params["id"])
        upstream = await self._objects.home(call, request)
        if upstream is None:
            raise unknown(request.objects[0])
        path = CODECS.outbound[upstream.dialect].content(call.params["id"])
        if path is None:
            raise not_offered(call, upstream)
        call.upstream = upstream.name
        try:
            return await self._open(call, upstream, request, path)
        except UpstreamRefusal as refusal:
            raise await self._objects.missed(call, request, refusal) from None

    async def _open(self, call: Call, upstream: Upstream, request: CallRequest, path: str) -> Answer:
        sent = {"accept": "*/*", "accept-encoding": "identity"} | passing.headers_to(upstream.dialect, request.received)
        stack, started = AsyncExitStack(), self._services.now()
        try:
            opened = self._services.client.open(upstream, WireRequest(method="GET", path=path, headers=sent))
            stream = await stack.enter_async_context(opened)
        except (NotSent, OutcomeUnknown) as broken:
            self._services.breaker.saw(upstream.name, Blame.UPSTREAM)
            raise unreachable(broken) from broken
        call.upstream_seconds = self._services.now() - started
        call.upstream_request_id = stream.headers.get("x-request-id")
        self._services.breaker.saw(upstream.name, blame(stream.status))
        if stream.status >= 300:
            async with stack:
                response = await _error(stream)
            raise judged(upstream, errors.decode(scrubbed(upstream, response)))
        headers = [(name, stream.headers[name]) for name in PASSED_ON if name in stream.headers]
        kind = stream.headers.get("content-type", ANY_TYPE)
        return Answer(headers=headers, chunks=_closing(stream, stack), content_type=kind)


async def _closing(stream: Stream, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for chunk in stream.chunks:
            yield chunk


async def _error(stream: Stream) -> WireResponse:
    """The beginning of an error, which is enough of it."""
    body = bytearray()
    try:
        async for chunk in stream.chunks:
            body += chunk
            if len(body) > LONGEST_ERROR:
                break
    except OutcomeUnknown:
        body.clear()
    return WireResponse(status=stream.status, headers=stream.headers, body=bytes(body))


def unreachable(broken: NotSent | OutcomeUnknown) -> Refusal:
    """Nothing came of a read, which may be made again."""
    if isinstance(broken, NotSent):
        return unavailable(broken)
    return Refusal(
        Problem.UPSTREAM_UNREADABLE,
        f"The file cannot be read at the upstream {broken.upstream}: {broken.reason}. Try again.",
    )
