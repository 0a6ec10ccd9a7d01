"""Errors as the OpenAI family has them: `{"error":{"message","type","param","code"}}` (openai-wire.md §1.5, §5.10)."""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.errors import Refusal
from proxy.model import Dialect
from proxy.translate.errors.envelope import code_of, message_of, param_of

TYPES: Final[Mapping[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""The types that belong to one status."""


def type_of(status: int) -> str:
    """The type: every other 4xx, 404 included (openai-wire.md §5.8), is `invalid_request_error`; 5xx is `api_error`."""
    return TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def encode(refusal: Refusal, request_id: str) -> bytes:
    """The body of the answer; `request_id` is shown only for a bug of ours."""
    error = {
        "message": message_of(refusal, request_id),
        "type": type_of(refusal.status),
        "param": param_of(refusal),
        "code": code_of(refusal, Dialect.OPENAI),
    }
    return orjson.dumps({"error": error})
