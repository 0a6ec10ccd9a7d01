"""What all Ark routes have in common: the key, the body, the shape of answers, streams and refusals (ark-wire.md §2.1, §4.1)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.simulator import sse
from proxy.simulator.ark.errors import REQUEST_ID, ArkError, body_of, render, request_id
from proxy.simulator.core import Core
from proxy.simulator.front import MOST_BODY
from proxy.simulator.jobs import Json
from proxy.simulator.sse import Event

Handler = Callable[[Request], Awaitable[Response]]


class Desk:
    """One simulated account's way with requests: every good key sees everything of it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def answering(self, handler: Handler) -> Handler:
        """The handler with its refusals turned into Ark's error bodies."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except ArkError as error:
                return self.refuse(error)

        return answer

    def refuse(self, error: ArkError) -> Response:
        """The answer to a refused request."""
        return render(error, self.request_id())

    def authenticate(self, request: Request) -> None:
        """Refuse a request without a key, or with another one than the settings want."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        wanted = self._core.settings.key
        if scheme.lower() != "bearer" or not key.strip() or (wanted is not None and key.strip() != wanted):
            message = "The API key or AK/SK in the request is missing or invalid."
            raise ArkError(401, "AuthenticationError", message)

    def origin(self, request: Request) -> str:
        """The origin of result links: the settings', else the one that the request came to."""
        return (self._core.settings.base_url or str(request.base_url)).rstrip("/")

    def request_id(self) -> str:
        """A fresh server request id."""
        return request_id(self._core.clock.now(), self._core.random)

    def answer(self, value: dict[str, Json], words: Mapping[str, str] | None = None) -> Response:
        """A 200 with this body, in the manner that the directives ask for."""
        headers = {REQUEST_ID: self.request_id()}
        return sse.packed_json(value, sse.manner(words), headers) if words else JSONResponse(value, headers=headers)

    def stream(self, events: Sequence[Event], words: Mapping[str, str], error: Event) -> Response:
        """A 200 that streams these events; `error` is what a `stream-error` directive puts in."""
        how = sse.manner(words)
        return sse.EventStream(self._core, sse.blocks(events, how, error), how, {REQUEST_ID: self.request_id()})

    def mid_stream(self) -> dict[str, Json]:
        """The error of a stream that fails: code, message, param and type."""
        return body_of(broken(), self.request_id())


def broken() -> ArkError:
    """What Ark says when it cannot say why."""
    return ArkError(500, "InternalServiceError", "The service encountered an unexpected internal error.")


def refuse_if_asked(words: Mapping[str, str]) -> None:
    """Refuse what a directive `refuse=STATUS` or `refuse=STATUS:Code` wants to see refused."""
    if "refuse" in words:
        status, _, code = words["refuse"].partition(":")
        raise ArkError(int(status), code or "InternalServiceError", "The request failed.")


async def read_object(request: Request) -> dict[str, Json]:
    """The body as a JSON object; refuses anything else, and what is larger than 64 MB."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST_BODY:
            raise ArkError(413, "InvalidParameter", f"The request body is larger than {MOST_BODY} bytes.")
    try:
        body = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError as error:
        raise ArkError(400, "InvalidParameter", f"The request body is no valid JSON: {error}.") from error
    if not isinstance(body, dict):
        raise ArkError(400, "InvalidParameter", "The request body must be a JSON object.")
    return body
