"""An upload: the caller's form is translated and sent on while it comes in. No more of a file is held than a chunk.

Whatever goes wrong on the caller's side while a file is on its way ends the request to the upstream before its end, so that no file is
made there.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UnreadableAnswer, UpstreamRefusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.calls import unanswered
from proxy.gateway.objects import Objects
from proxy.gateway.refusals import judged, scrubbed, unavailable
from proxy.gateway.services import Services
from proxy.model import Upstream
from proxy.translate import errors, passing
from proxy.translate.calls import CallRequest, Received
from proxy.translate.files import LARGEST, PATH, Fields, FileCodecs, Target, has_files
from proxy.translate.files.relay import MOST_TEXT, Relay, too_large, written
from proxy.translate.multipart import boundary_of, read_body
from proxy.translate.parts import FormWriter
from proxy.translate.registry import FAMILIES
from proxy.translate.wire import JSON_TYPE, Body, WireRequest, WireResponse
from proxy.upstream.breaker import Blame, blame

FIRST_BYTES = 512
"""How much is read before it is decided what a body is; the first line of a multipart body is shorter."""

MOST_DIGITS = 18
"""Digits of an announced size that are looked at: Python refuses to convert thousands of them."""

CODECS: FileCodecs = next(family.files for family in FAMILIES if family.files is not None)


@dataclass(frozen=True, slots=True)
class Parcel:
    """An upload on its way: its label, its first bytes, and, unless they are all, what makes the others from the caller's."""

    content_type: str
    head: bytes
    relay: Relay | None = None


class Uploads:
    """Makes files."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._objects = Objects(services)

    async def create(self, call: Call) -> Answer:
        """The upstream's object of the new file, in the caller's words."""
        upstream = self._place()
        call.upstream = upstream.name
        _require_size(call)
        received = Received(body=Body(fields={}, raw=b""), query=call.query, headers=call.headers, lossy=call.lossy)
        request = CallRequest(model="", dialect=call.dialect, received=received)
        outbound = CODECS.outbound[upstream.dialect]
        fields = outbound.fields(request, self._target(upstream))
        try:
            async with aclosing(call.incoming or _nothing()) as incoming:
                response = await self._send(call, upstream, fields, incoming)
        finally:
            call.notices.extend(fields.notices)
        try:
            answer = outbound.decode(response, request)
        except UpstreamRefusal as refusal:
            raise judged(upstream, refusal) from None
        except UnreadableAnswer as broken:
            raise Refusal(
                Problem.UPSTREAM_UNREADABLE, f"The upstream {upstream.name} answered something that cannot be read."
            ) from broken
        await self._objects.keep(call, request, upstream, answer)
        return Answer(body=CODECS.inbound[call.dialect].encode(answer, request))

    def _place(self) -> Upstream:
        """Files name no model, so they go to the first upstream of the configuration that has files and takes new work."""
        for upstream in self._services.router.upstreams.values():
            if has_files(upstream) and not upstream.retired:
                return upstream
        raise Refusal(
            Problem.UNSUPPORTED_OPERATION,
            "No upstream that is configured here has files: those of the dialect ark have, and of the dialect openai those without a profile.",
        )

    def _target(self, upstream: Upstream) -> Target:
        return Target(int(self._services.now()), lambda model: self._services.router.name_at(upstream, model))

    async def _send(
        self, call: Call, upstream: Upstream, fields: Fields, incoming: AsyncIterator[bytes]
    ) -> WireResponse:
        """The upstream's 2xx answer; raises `Refusal` for every other one."""
        parcel = await self._parcel(call, upstream, fields, incoming)
        received = Received(body=Body(fields={}, raw=b""), headers=call.headers)
        headers = {"content-type": parcel.content_type} | passing.headers_to(upstream.dialect, received)
        request = WireRequest(method="POST", path=PATH, headers=headers, body=parcel.head)
        started = self._services.now()
        try:
            async with aclosing(_flowing(parcel.head, parcel.relay, incoming)) as flowing:
                content = flowing if parcel.relay is not None else None
                response = await self._services.client.send(upstream, request, fresh=True, content=content)
        except NotSent as broken:
            self._services.breaker.saw(upstream.name, Blame.UPSTREAM)
            raise unavailable(broken) from broken
        except OutcomeUnknown as broken:
            self._services.breaker.saw(upstream.name, Blame.UPSTREAM)
            raise unanswered(broken) from broken
        call.upstream_seconds = self._services.now() - started
        call.upstream_request_id = response.headers.get("x-request-id")
        self._services.breaker.saw(upstream.name, blame(response.status))
        if response.status >= 300:
            raise judged(upstream, errors.decode(scrubbed(upstream, response)))
        return response

    async def _parcel(self, call: Call, upstream: Upstream, fields: Fields, incoming: AsyncIterator[bytes]) -> Parcel:
        """What is to be sent, as soon as it is known that it can be: at the beginning of a file, else at the end of the body."""
        label = call.headers.get("content-type", "")
        start = await _collected(incoming, b"", FIRST_BYTES)
        boundary = boundary_of(label, start)
        writer = FormWriter("arkbridge-" + self._services.new_key())
        if boundary is not None:
            return await _form(Relay(boundary, fields, writer), start, incoming, writer.content_type)
        raw = await _collected(incoming, start, MOST_TEXT)
        if len(raw) > MOST_TEXT:
            message = f"A body that is no multipart form has at most {MOST_TEXT} bytes here; send the file as multipart/form-data."
            raise Refusal(Problem.TOO_LARGE, message)
        body = read_body(label, raw)
        if call.dialect is upstream.dialect:
            return Parcel(label or JSON_TYPE, body.raw)
        return Parcel(writer.content_type, written(fields, body.fields, writer))


async def _form(relay: Relay, start: bytes, incoming: AsyncIterator[bytes], content_type: str) -> Parcel:
    head = [relay.feed(start)]
    while not relay.has_file:
        chunk = await anext(incoming, None)
        if chunk is None:
            return Parcel(content_type, b"".join([*head, relay.close()]))
        head.append(relay.feed(chunk))
    return Parcel(content_type, b"".join(head), relay)


async def _flowing(head: bytes, relay: Relay | None, incoming: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The bytes to send, made as fast as the upstream takes them; what is wrong with the caller's is raised here, in the middle."""
    yield head
    if relay is not None:
        async for chunk in incoming:
            if passed := relay.feed(chunk):
                yield passed
        yield relay.close()


async def _collected(incoming: AsyncIterator[bytes], begun: bytes, least: int) -> bytes:
    """The body up to the chunk that makes it longer than `least`, or its end."""
    raw = bytearray(begun)
    while len(raw) <= least:
        chunk = await anext(incoming, None)
        if chunk is None:
            break
        raw += chunk
    return bytes(raw)


async def _nothing() -> AsyncGenerator[bytes, None]:
    """No body."""
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk


def _require_size(call: Call) -> None:
    """Refuse what announces itself as too large before a byte of it is read."""
    said = call.headers.get("content-length", "").strip()
    announced = int(said[:MOST_DIGITS]) if said.isascii() and said.isdigit() else 0
    if announced > LARGEST + MOST_TEXT:
        raise too_large(LARGEST, announced)
