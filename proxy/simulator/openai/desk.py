"""What all routes of the strict OpenAI dialect have in common: the key, the headers of every answer, the failures on demand."""

import time

from starlette.requests import Request
from starlette.responses import Response

from proxy.simulator.core import Core
from proxy.simulator.openai import work
from proxy.simulator.openai.strict_params import error
from proxy.simulator.openai.work import Handler, Refusal


class Desk:
    """The way of one server with requests."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def endpoint(self, handler: Handler, *, keyless: bool = False) -> Handler:
        """The handler behind the key check, with the headers that every answer has."""
        inner = work.guarded(handler if keyless else self._admitted(handler))

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            return self._headed(await inner(request), time.perf_counter() - began)

        return endpoint

    def fault(self, kind: str) -> Response:
        """The failures on demand in OpenAI's envelope."""
        if kind == "empty-404":
            return self._headed(Response(status_code=404))
        if kind == "429":
            response = error(429, "Rate limit reached for requests", None, "rate_limit_exceeded", "rate_limit_error")
            response.headers["retry-after"] = "1"
            return self._headed(response)
        text = "The server had an error while processing your request."
        return self._headed(error(500, text, None, None, "server_error"))

    def _admitted(self, handler: Handler) -> Handler:
        async def admitted(request: Request) -> Response:
            key, wanted = work.bearer(request), self._core.settings.key
            if not key:
                raise Refusal(error(401, "You didn't provide an API key."))
            if wanted is not None and key != wanted:
                raise Refusal(error(401, "Incorrect API key provided.", None, "invalid_api_key"))
            return await handler(request)

        return admitted

    def _headed(self, response: Response, took: float = 0.0) -> Response:
        response.headers["x-request-id"] = f"req_{self._core.random.getrandbits(128):032x}"
        response.headers["openai-processing-ms"] = str(int(took * 1000))
        response.headers["openai-version"] = "2020-10-01"
        return response
