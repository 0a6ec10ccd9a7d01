"""How the OpenAI-like servers differ on the routes that all of them have: envelopes, unknown parameters, models.

OpenAI's own envelope is that of openai-wire.md §1.5; the others are those of §2.1 to §2.3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.responses import JSONResponse, Response

from proxy.simulator.jobs import Json
from proxy.simulator.openai.work import Refusal
from proxy.simulator.shelf import Object
from proxy.simulator.sse import Event

_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_VLLM_TYPES: Final = {400: "BadRequestError", 404: "NotFoundError"}


@dataclass(frozen=True)
class Ways:
    """One server's ways. A `strict` one refuses unknown parameters and nulls where none belong. `served` is the one model
    that a server was started with; its answers name it whatever was asked for. `refuse` takes status, message,
    parameter and code."""

    refuse: Callable[[int, str, str | None, str | None], Response]
    models: tuple[str, ...]
    owner: str
    strict: bool = False
    served: str | None = None

    def refused(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> Refusal:
        """A refusal to be raised."""
        return Refusal(self.refuse(status, message, param, code))

    def refuse_if_asked(self, words: Mapping[str, str]) -> None:
        """Refuse what a directive `refuse=STATUS` or `refuse=STATUS:code` wants to see refused."""
        if "refuse" in words:
            status, _, code = words["refuse"].partition(":")
            raise self.refused("The request failed.", None, code or None, int(status))

    def mid_stream(self) -> Event:
        """The error inside a stream: always an object `error`, which is what the SDKs look for."""
        body = orjson.loads(bytes(self.refuse(500, "The server had an error.", None, None).body))
        plain: Object = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
        return Event(body if "error" in body else {"error": plain})

    def model_of(self, body: Mapping[str, Json]) -> str:
        """The model as sent: a name that begins with `no-such-` is unknown, every other one is served."""
        model = body.get("model")
        if model is None and self.served is not None:
            return self.served
        if not isinstance(model, str) or not model:
            raise self.refused("you must provide a model parameter", "model")
        if model.startswith("no-such-"):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise self.refused(message, "model", "model_not_found", 404)
        return self.served or model


def of_openai(status: int, message: str, param: str | None, code: str | None) -> Response:
    """OpenAI's envelope; the type follows the status."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def of_vllm(status: int, message: str, param: str | None, _code: str | None) -> Response:
    """vLLM's envelope, whose code is the status."""
    kind = _VLLM_TYPES.get(status, "InternalServerError")
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": status}}, status)


def of_fastapi(status: int, message: str, _param: str | None, _code: str | None) -> Response:
    """FastAPI's envelope."""
    return JSONResponse({"detail": message}, status)
