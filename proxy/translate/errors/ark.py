"""Errors as Ark has them: `{"error":{"code","message","param","type"}}`, `param` "" where there is none (ark-wire.md §4.1)."""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.errors import Refusal
from proxy.model import Dialect
from proxy.translate.errors.envelope import code_of, message_of, param_of

TYPES: Final[Mapping[int, str]] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "NotFound",
    429: "TooManyRequests",
}
"""The types that belong to one status (contract.md §8)."""


def type_of(status: int) -> str:
    """The type: every other 4xx is `BadRequest`, 5xx is `InternalServerError`."""
    return TYPES.get(status) or ("InternalServerError" if status >= 500 else "BadRequest")


def encode(refusal: Refusal, request_id: str) -> bytes:
    """The body of the answer; `request_id` is shown only for a bug of ours."""
    error = {
        "code": code_of(refusal, Dialect.ARK),
        "message": message_of(refusal, request_id),
        "param": param_of(refusal) or "",
        "type": type_of(refusal.status),
    }
    return orjson.dumps({"error": error})
