"""The life of a call that is answered at once, whole or as a stream (architecture.md, "Streamed chat").

An attempt that bought nothing may be made again with another key or upstream, before anything was sent to the caller. The ledger row is
durable before the caller sees the end of the answer; a caller who leaves closes the upstream and still leaves a row.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UnreadableAnswer, UpstreamRefusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.objects import Objects
from proxy.gateway.refusals import judged, scrubbed, unavailable
from proxy.gateway.rows import call_row
from proxy.gateway.services import Services
from proxy.model import Dialect, TaskStatus, Upstream, Usage
from proxy.translate import errors
from proxy.translate.calls import CallOutbound, CallRequest, CallSend, CallStream, Received
from proxy.translate.calls import Calls as Codecs
from proxy.translate.multipart import read_body
from proxy.translate.registry import FAMILIES
from proxy.translate.wire import WireResponse
from proxy.upstream.breaker import Blame, blame
from proxy.upstream.client import Stream

TRIES = 3
"""Attempts at one call, the first included."""

BUYS_NOTHING = frozenset({429, 503, 529})
"""Statuses after which another attempt cannot buy twice: the upstream refused the work (ark-wire.md §4.2: refused requests are not billed)."""

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An opened call: who answers, with what codec, and what has to be closed."""

    upstream: Upstream
    model: str
    outbound: CallOutbound
    stream: Stream
    stack: AsyncExitStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a sent call ended, for its row; `first_byte_ms` is until the first event of a stream went to the caller."""

    status: TaskStatus
    code: str | None = None
    usage: Usage | None = None
    model: str | None = None
    measured: str = "measured"
    stream: bool = False
    first_byte_ms: float | None = None


class Calls:
    """One method for whole answers and streams; which it is, the request says."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._objects = Objects(services)
        self._families = {family.name: family for family in FAMILIES}

    async def carry(self, call: Call) -> Answer:
        """Answer one call."""
        codecs = self._families[call.operation.family].calls[call.operation.verb]
        body = read_body(call.headers.get("content-type", ""), call.body)
        received = Received(body=body, params=call.params, query=call.query, headers=call.headers, lossy=call.lossy)
        inbound = codecs.inbound.get(call.dialect)
        if inbound is None:
            raise Refusal(Problem.UNKNOWN_PATH, f"{call.operation.name} has no form in this dialect.")
        request = inbound.decode(received)
        call.original_model = request.model
        call.notices.extend(request.notices)
        home = await self._objects.home(call, request)
        try:
            attempt = await self._open(call, codecs, request, home)
        except UpstreamRefusal as refusal:
            raise await self._objects.missed(call, request, refusal) from None
        except OutcomeUnknown as broken:
            await self._write(call, failed("upstream_ambiguous", stream=request.stream))
            raise unanswered(broken) from broken
        request = replace(request, request_model=attempt.model)
        if request.stream and attempt.stream.headers.get("content-type", "").startswith(EVENT_STREAM):
            return self._stream(call, request, attempt)
        return await self._whole(call, codecs, request, attempt)

    # -- opening

    async def _open(self, call: Call, codecs: Codecs, request: CallRequest, home: Upstream | None) -> Attempt:
        """An answer that is no failure worth another attempt; raises `Refusal` for every failure."""
        self._services.retries.call()
        candidates = self._candidates(request, home)
        failure: Refusal | None = None
        for number in range(TRIES):
            upstream, model = candidates[number % len(candidates)]
            if failure is not None and not self._services.retries.take():
                break
            outbound = codecs.outbound.get(upstream.dialect)
            if outbound is None:
                raise not_offered(call, upstream)
            call.upstream, call.request_model = upstream.name, model
            send = outbound.encode(request, model)
            try:
                return await self._try(call, upstream, model, outbound, send)
            except _AgainError as again:
                failure = again.refusal
                if again.final and len(candidates) == 1 and len(upstream.api_keys) < 2:
                    break
            call.notices.extend(notice for notice in send.notices if notice not in call.notices)
        raise failure or Refusal(Problem.UPSTREAM_UNAVAILABLE, "No upstream could be asked.")

    def _candidates(self, request: CallRequest, home: Upstream | None) -> Sequence[tuple[Upstream, str]]:
        """Where the call may go, best first: the home of the objects it names, else every route of its model."""
        if home is not None:
            return ((home, self._services.router.name_at(home, request.model)),)
        # Only a look: to be admitted claims the one trial after a pause, and who is listed here may never be asked.
        is_open = self._services.breaker.is_open
        return self._services.router.candidates(request.model, lambda name: not is_open(name))

    async def _try(self, call: Call, upstream: Upstream, model: str, outbound: CallOutbound, send: CallSend) -> Attempt:
        stack, started = AsyncExitStack(), self._services.now()
        try:
            stream = await stack.enter_async_context(self._services.client.open(upstream, send.request))
        except NotSent as broken:
            self._services.breaker.saw(upstream.name, Blame.UPSTREAM)
            raise _AgainError(unavailable(broken), final=False) from broken
        except OutcomeUnknown:
            self._services.breaker.saw(upstream.name, Blame.UPSTREAM)
            raise
        call.upstream_seconds = self._services.now() - started
        call.upstream_request_id = stream.headers.get("x-request-id")
        self._services.breaker.saw(upstream.name, blame(stream.status))
        call.notices.extend(notice for notice in send.notices if notice not in call.notices)
        if stream.status < 300:
            return Attempt(upstream, model, outbound, stream, stack)
        refusal = errors.decode(scrubbed(upstream, await _read(stream, stack)))
        shown = judged(upstream, refusal)
        if stream.status in BUYS_NOTHING or shown is not refusal or call.operation.free:
            raise _AgainError(shown, final=stream.status < 500 and shown is refusal)
        raise shown

    # -- whole answers

    async def _whole(self, call: Call, codecs: Codecs, request: CallRequest, attempt: Attempt) -> Answer:
        try:
            response = await _read(attempt.stream, attempt.stack)
            answer = attempt.outbound.decode(response, request)
        except OutcomeUnknown as broken:
            await self._write(call, failed("upstream_ambiguous"))
            raise unanswered(broken) from broken
        except UpstreamRefusal as refusal:
            await self._write(call, failed(refusal.code or "upstream_error"))
            raise judged(attempt.upstream, refusal) from refusal
        except UnreadableAnswer as broken:
            await self._write(call, failed("upstream_unreadable"))
            raise Refusal(
                Problem.UPSTREAM_UNREADABLE,
                f"The upstream {attempt.upstream.name} answered something that cannot be read.",
            ) from broken
        await self._objects.keep(call, request, attempt.upstream, answer)
        await self._write(call, Outcome(status=TaskStatus.SUCCEEDED, usage=answer.usage, model=answer.model))
        headers = _usage_headers(answer.usage)
        return Answer(body=codecs.inbound[call.dialect].encode(answer, request), headers=headers)

    # -- streams

    def _stream(self, call: Call, request: CallRequest, attempt: Attempt) -> Answer:
        translator = attempt.outbound.stream(request, call.dialect)
        chunks = self._relay(call, request, attempt, translator)
        return Answer(chunks=chunks, content_type=EVENT_STREAM, headers=[("cache-control", "no-cache")])

    async def _relay(
        self, call: Call, request: CallRequest, attempt: Attempt, translator: CallStream
    ) -> AsyncIterator[bytes]:
        """Pass on what the translator gives; what ends the stream is held until the row is durable."""
        held, outcome = b"", Outcome(status=TaskStatus.CANCELLED, stream=True)
        try:
            async with attempt.stack:
                async for chunk in attempt.stream.chunks:
                    passed = translator.feed(chunk)
                    if passed and outcome.first_byte_ms is None:
                        outcome = replace(outcome, first_byte_ms=max(0.0, self._services.now() - call.started) * 1000)
                    if translator.ended:
                        held += passed
                    elif passed:
                        yield passed
            held += translator.close()
            status = TaskStatus.FAILED if translator.error_code else TaskStatus.SUCCEEDED
            outcome = replace(outcome, status=status, code=translator.error_code)
        except OutcomeUnknown as broken:
            outcome = replace(outcome, status=TaskStatus.FAILED, code="upstream_ambiguous")
            held += _broken_event(call, broken)
        finally:
            finish = self._finish(call, request, attempt, translator, outcome)
            await asyncio.shield(self._services.supervisor.run(finish))
        if held:
            yield held

    async def _finish(
        self, call: Call, request: CallRequest, attempt: Attempt, translator: CallStream, outcome: Outcome
    ) -> None:
        if translator.id:
            await self._objects.keep_id(call, attempt.upstream, translator.id)
        usage, measured = translator.usage, "measured"
        if usage is None and (translator.events or outcome.status is TaskStatus.CANCELLED):
            usage, measured = estimated(request, translator), "estimated"
        await self._write(call, replace(outcome, usage=usage, model=translator.model, measured=measured))

    async def _write(self, call: Call, outcome: Outcome) -> None:
        """The ledger row, durable when this returns, or queued if the store stopped writing after something was bought."""
        if call.operation.free:
            return
        row = replace(
            call_row(call, outcome.usage, self._services.now(), status=outcome.status, code=outcome.code),
            response_model=outcome.model,
            measured=outcome.measured,
            stream=outcome.stream,
            first_byte_ms=outcome.first_byte_ms,
        )
        await self._services.spool.keep("a ledger row", lambda: self._services.store.add_rows([row]))


class _AgainError(Exception):
    """An attempt failed in a way that allows another; `final` tells that the same upstream would say the same again."""

    def __init__(self, refusal: Refusal, *, final: bool) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.final = final


def failed(code: str, *, stream: bool = False) -> Outcome:
    """A call that was sent and gave nothing."""
    return Outcome(status=TaskStatus.FAILED, code=code, stream=stream)


async def _read(stream: Stream, stack: AsyncExitStack) -> WireResponse:
    async with stack:
        body = b"".join([chunk async for chunk in stream.chunks])
    return WireResponse(status=stream.status, headers=stream.headers, body=body)


def _usage_headers(usage: Usage | None) -> list[tuple[str, str]]:
    if usage is None or usage.total_tokens is None:
        return []
    return [("x-arkbridge-total-tokens", str(usage.total_tokens))]


def not_offered(call: Call, upstream: Upstream) -> Refusal:
    """The upstream's dialect has no such operation; to Ark callers that is a path which is not there (openai-wire.md §3.7)."""
    return Refusal(
        Problem.NOT_SERVED if call.dialect is Dialect.ARK else Problem.UNSUPPORTED_OPERATION,
        f"The upstream {upstream.name} has no {call.operation.name} (it speaks {upstream.dialect}).",
    )


def unanswered(broken: OutcomeUnknown) -> Refusal:
    """A call was sent and no usable answer came; it may have cost something, so the SDK is not to repeat it by itself."""
    problem = Problem.UPSTREAM_TIMEOUT if broken.timed_out else Problem.UPSTREAM_AMBIGUOUS
    return Refusal(problem, f"The call was sent to the upstream {broken.upstream}, but {broken.reason}.")


def estimated(request: CallRequest, translator: CallStream) -> Usage:
    """What a stream without a usage event probably consumed: four bytes of request a token, one token an event of output."""
    sent = max(1, len(request.received.body.raw) // 4)
    return Usage(input_tokens=sent, output_tokens=translator.events, total_tokens=sent + translator.events)


def _broken_event(call: Call, broken: OutcomeUnknown) -> bytes:
    """The error as the last event, so that a stream that broke does not look like one that ended."""
    _, _, body = errors.render(unanswered(broken), call.dialect, call.request_id)
    return b"data: " + body + b"\n\n"
