"""Sends requests to upstreams through httpx's transport seam and says, of every failure, whether anything was sent.

The transport is called directly with prepared requests (performance.md: the comfortable client costs more than the gateway). The upstream's
key is put on in `_authorized`, last, and nowhere else. A request that may buy is never repeated here.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode

import httpx2 as httpx

from proxy.errors import NotSent, OutcomeUnknown
from proxy.guard import Destination
from proxy.model import Upstream
from proxy.translate.wire import Part, WireRequest, WireResponse

ANSWER_LIMIT = 64 * 1024 * 1024
"""Largest answer we hold in memory, in bytes; results themselves are streamed."""

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
UNWRITABLE = (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError)
Content = AsyncIterable[bytes]
"""A body that is made while it is sent."""

BROKEN = (httpx.TransportError, OSError)
"""An OSError is a TLS failure after the handshake (a broken record, an alert), which httpx does not translate."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds without progress: to connect, to send, and to wait for the next bytes of the answer."""

    connect: float = 10.0
    send: float = 60.0
    read: float = 600.0

    def extension(self) -> dict[str, float | None]:
        """As httpx's transports read it."""
        return {"connect": self.connect, "read": self.read, "write": self.send, "pool": self.connect}


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still coming: decoded bytes, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def stock_transport(trust: ssl.SSLContext | None = None) -> httpx.AsyncBaseTransport:
    """httpx's own transport. Connections are kept for less than 5 s, so that a create never meets one that is long dead (contract.md §7).

    `trust` says whose certificates are accepted, instead of those that the system trusts; they are always verified.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=4.5)
    return httpx.AsyncHTTPTransport(verify=trust or True, limits=limits, trust_env=False)


def pinned_transport(trust: ssl.SSLContext | None = None) -> httpx.AsyncBaseTransport:
    """For guarded destinations: no connection is reused, because two names may share an address but not a certificate."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=trust or True, limits=limits, trust_env=False)


BRIEF = Timeouts(connect=5.0, send=15.0, read=15.0)
"""For looks at tasks: an upstream that is slow here must not hold up the others."""


class Client:
    """The HTTP client towards upstreams. Raises `NotSent` or `OutcomeUnknown`; every complete answer is returned, whatever its status."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        pinned: httpx.AsyncBaseTransport,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._transport = transport
        self._pinned = pinned
        self._timeouts = (timeouts or Timeouts()).extension()
        self._brief = BRIEF.extension()
        self._turn = count()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
        await self._pinned.aclose()

    async def send(
        self,
        upstream: Upstream,
        request: WireRequest,
        *,
        brief: bool = False,
        fresh: bool = False,
        content: Content | None = None,
    ) -> WireResponse:
        """Send one request and read the whole answer; `brief` gives up after seconds instead of minutes.

        `fresh` is for creates: a connection of their own, so that no dead one and no bytes left from another call can make the outcome
        of a purchase unknown. `content` is a body of any size, in the place of the request's own: it is sent in chunks as fast as the
        upstream takes it, and what it raises ends the connection in the middle of the request.
        """
        async with self.open(upstream, request, brief=brief, fresh=fresh, content=content) as stream:
            body = bytearray()
            async for chunk in stream.chunks:
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise OutcomeUnknown(upstream.name, f"its answer is larger than {ANSWER_LIMIT} bytes")
        return WireResponse(status=stream.status, headers=stream.headers, body=bytes(body))

    @asynccontextmanager
    async def open(
        self,
        upstream: Upstream,
        request: WireRequest,
        *,
        brief: bool = False,
        fresh: bool = False,
        content: Content | None = None,
    ) -> AsyncIterator[Stream]:
        """Send one request and give its answer as it comes; leaving the block closes the connection if bytes are left."""
        with _writable(upstream.name):
            prepared = self._authorized(upstream, _build(upstream.base_url, request, content))
        prepared.extensions["timeout"] = self._brief if brief else self._timeouts
        transport = self._pinned if fresh else self._transport
        async with self._exchange(upstream.name, transport, prepared) as stream:
            yield stream

    @asynccontextmanager
    async def fetch(
        self, name: str, destination: Destination, headers: Mapping[str, str], method: str = "GET"
    ) -> AsyncIterator[Stream]:
        """Read a guarded URL without any credential; `name` is the upstream on whose behalf. Redirects are not followed."""
        with _writable(name):
            sent = _bytes({**headers, "host": destination.authority})
            request = httpx.Request(method, destination.pinned_url, headers=sent)
        request.extensions = {"sni_hostname": destination.host, "timeout": self._timeouts}
        async with self._exchange(name, self._pinned, request) as stream:
            yield stream

    def _authorized(self, upstream: Upstream, request: httpx.Request) -> httpx.Request:
        """Put the upstream's key on: the one place where it leaves its `Secret`."""
        if upstream.api_keys:
            key = upstream.api_keys[next(self._turn) % len(upstream.api_keys)]
            request.headers["authorization"] = f"Bearer {key.reveal()}"
        return request

    @asynccontextmanager
    async def _exchange(
        self, name: str, transport: httpx.AsyncBaseTransport, request: httpx.Request
    ) -> AsyncIterator[Stream]:
        response = await _answered(name, transport, request)
        try:
            async with aclosing(_chunks(name, response)) as chunks:
                yield Stream(response.status_code, _headers(response), chunks)
        finally:
            await response.aclose()


@contextmanager
def _writable(name: str) -> Iterator[None]:
    """A request that cannot be written was not sent. The cause is left out, because its text may quote the header with the key."""
    try:
        yield
    except UNWRITABLE:
        raise NotSent(name, "the request has an address or a header that cannot be written") from None


async def _answered(name: str, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    try:
        with _writable(name):
            return await transport.handle_async_request(request)
    except NOTHING_SENT as broken:
        raise NotSent(name, _reason(broken)) from broken
    except httpx.TimeoutException as broken:
        raise OutcomeUnknown(name, _reason(broken), timed_out=True) from broken
    except BROKEN as broken:
        raise OutcomeUnknown(name, _reason(broken)) from broken


async def _chunks(name: str, response: httpx.Response) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except httpx.TimeoutException as broken:
        raise OutcomeUnknown(name, _reason(broken), timed_out=True) from broken
    except (*BROKEN, httpx.DecodingError) as broken:
        raise OutcomeUnknown(name, _reason(broken)) from broken


def _reason(broken: Exception) -> str:
    """What failed, by the kind of failure; the client's own text may name addresses, so it is not repeated."""
    return {
        "ConnectError": "the connection was refused or its name is unknown",
        "ConnectTimeout": "it did not accept the connection in time",
        "PoolTimeout": "no connection was free in time",
        "ReadTimeout": "it did not answer in time",
        "WriteTimeout": "it did not take the request in time",
    }.get(type(broken).__name__, f"the connection broke ({type(broken).__name__})")


def _headers(response: httpx.Response) -> dict[str, str]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.pop("content-encoding", None) is not None:
        headers.pop("content-length", None)
    return headers


def _build(base_url: str, request: WireRequest, content: Content | None) -> httpx.Request:
    headers = _bytes({"accept": "application/json", "accept-encoding": "gzip, deflate", **request.headers})
    url = base_url + request.path + (f"?{urlencode(request.query)}" if request.query else "")
    if not request.parts:
        return httpx.Request(request.method, url, headers=headers, content=request.body if content is None else content)
    return httpx.Request(
        request.method, url, headers=headers, files=[(part.name, _file(part)) for part in request.parts]
    )


def _bytes(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    """As they go out: what came as latin-1 from a caller leaves as the same bytes."""
    return {name.encode("ascii"): value.encode("latin-1") for name, value in headers.items()}


def _file(part: Part) -> tuple[str | None, bytes] | tuple[str, bytes, str]:
    if part.filename is None:
        return (None, part.data)
    return (part.filename, part.data, part.content_type or "application/octet-stream")
