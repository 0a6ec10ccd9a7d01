"""Ark's errors: one exception, the body it becomes (ark-wire.md §4.1), and the texts of failed tasks (§3.1, §4.2)."""

import random
from typing import Final

from starlette.responses import JSONResponse, Response

from proxy.simulator.jobs import Json

REQUEST_ID = "x-request-id"
_TYPES: Final = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 429: "TooManyRequests"}
_FAILED: Final = {
    "OutputVideoSensitiveContentDetected.PolicyViolation": (
        "The request failed because the output video may be related to copyright restrictions."
    ),
    "InputImageSensitiveContentDetected.PrivacyInformation": (
        "The request failed because the input image 'content[1]' may contain real person."
    ),
    "InternalServiceError": "The service encountered an unexpected internal error.",
}


class ArkError(Exception):
    """A refusal: HTTP status, Ark's code, a message without its request id, and the parameter it is about."""

    def __init__(self, status: int, code: str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param


def invalid(param: str, why: str) -> ArkError:
    """A parameter whose value is not allowed (400 `InvalidParameter`)."""
    return ArkError(
        400, "InvalidParameter", f"The parameter `{param}` specified in the request are not valid: {why}.", param
    )


def missing(param: str) -> ArkError:
    """A parameter that is needed and absent (400 `MissingParameter`)."""
    return ArkError(400, "MissingParameter", f"The required parameter `{param}` is missing in the request.", param)


def unsupported(param: str, model: str) -> ArkError:
    """A parameter that this model does not have (400 `InvalidParameter.UnsupportedParameter`)."""
    message = f"The parameter `{param}` specified in the request is not supported by the model {model}."
    return ArkError(400, "InvalidParameter.UnsupportedParameter", message, param)


def request_id(now: float, rng: random.Random) -> str:
    """A server request id: `02`, the time in milliseconds, zeros, and hexadecimal digits; 53 characters."""
    return f"02{int(now * 1000):013d}{'0' * 20}ffff{rng.getrandbits(56):014x}"


def body_of(error: ArkError, rid: str) -> dict[str, Json]:
    """The four keys of an error; the message ends with the request id."""
    kind = _TYPES.get(error.status, "BadRequest" if error.status < 500 else "InternalServerError")
    message = f"{error.message} Request id: {rid}"
    return {"code": error.code, "message": message, "param": error.param, "type": kind}


def render(error: ArkError, rid: str) -> Response:
    """The answer to a refused request; the header carries the request id too."""
    return JSONResponse({"error": body_of(error, rid)}, error.status, {REQUEST_ID: rid})


def of_failed_task(code: str, rid: str) -> dict[str, str]:
    """The `error` of a failed task: code and message only, the message with a request id at its end."""
    text = _FAILED.get(code, f"The request failed: {code}.")
    return {"code": code, "message": f"{text} Request id: {rid}"}
