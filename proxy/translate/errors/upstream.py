"""An upstream's refusal, whatever its shape, to one value; and which refusals are about our account, not about the caller.

Shapes: ark-wire.md §4.1; openai-wire.md §1.5, §2.1 (new-api), §2.2 (vLLM-Omni, FastAPI), §2.3.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson

from proxy.errors import UpstreamRefusal
from proxy.translate.errors.redactor import nested_error, redact
from proxy.translate.wire import WireResponse

ACCOUNT_STATUSES: Final = frozenset({401, 402})
"""An upstream sees only our key and our account, so a 401 or 402 of its own is never about the caller's."""

ACCOUNT_CODES: Final = frozenset(
    {
        "AuthenticationError",
        "InvalidAccountStatus",
        "InvalidSubscription",
        "AccountOverdueError",
        "AccessDenied",
        "OperationDenied.ServiceNotOpen",
        "OperationDenied.ServiceOverdue",
        "OperationDenied.PermissionDenied",
        "OperationDenied.ArkAccessRoleNotFound",
        "OperationDenied.TosAccessDenied",
        "InvalidEndpointOrModel.ModelIDAccessDisabled",
        "ModelNotOpen",
    }
)
"""Ark's codes for a key that is refused, an account that is overdue, or a service or model that it has not opened (ark-wire.md §4.2)."""

_LONGEST_WORD: Final = 200
_REQUEST_ID: Final = re.compile(r"\brequest[ _]id[:=]\s*([\w-]+)", re.IGNORECASE | re.ASCII)
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]+")
_KEPT_HEADERS: Final = ("retry-after", "retry-after-ms")


class _Said(NamedTuple):
    """What an error body says, before it is cleaned."""

    code: str = ""
    message: str = ""
    param: str = ""


def decode(response: WireResponse, secrets: Iterable[str] = ()) -> UpstreamRefusal:
    """Any answer that is no success to a refusal; `code` is "" where the upstream gave none. `secrets` are our keys there, to be removed."""
    said = _read(_parsed(response.body))
    if said.message and (inner := nested_error(said.message)):
        deeper = _of_object(inner)
        if deeper.message:
            said = _Said(deeper.code or said.code, said.message, deeper.param or said.param)
    tail = _REQUEST_ID.search(said.message)
    request_id = response.headers.get("x-request-id") or (tail[1] if tail else "")
    status = response.status if 400 <= response.status <= 599 else 502
    refusal = UpstreamRefusal(
        status,
        _word(redact(said.code, secrets)),
        redact(said.message, secrets) or f"The upstream answered with status {response.status} and no error message.",
        param=redact(said.param, secrets)[:_LONGEST_WORD] or None,
        request_id=_word(request_id) or None,
        headers={name: response.headers[name] for name in _KEPT_HEADERS if response.headers.get(name)},
    )
    refusal.explained = bool(said.message or said.code)
    if response.headers.get("x-should-retry") == "false":
        refusal.may_retry = False
    return refusal


def account_problem(refusal: UpstreamRefusal) -> bool:
    """Whether the upstream refuses our key, or our account is overdue or has not opened the model: a 502 to callers (contract.md §8)."""
    return refusal.upstream_status in ACCOUNT_STATUSES or refusal.code in ACCOUNT_CODES


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _read(value: object) -> _Said:
    """The envelope: `error` as object or text, `detail`, or the error itself."""
    if not isinstance(value, Mapping):
        return _Said()
    error = value.get("error")
    if isinstance(error, Mapping):
        return _of_object(error)
    if isinstance(error, str):
        return _Said(_code(value), error, _text(value.get("param")))
    if "detail" in value:
        return _of_detail(value["detail"])
    return _of_object(value)


def _of_object(error: Mapping[str, object]) -> _Said:
    """`code`, `message` and `param`, wherever they stand."""
    message = _text(error.get("message")) or _text(error.get("msg")) or _text(error.get("detail"))
    return _Said(_code(error), message, _text(error.get("param")))


def _of_detail(detail: object) -> _Said:
    """FastAPI's `detail`: a text, an object, or a list of what is wrong where."""
    if isinstance(detail, str):
        return _Said(message=detail)
    if isinstance(detail, Mapping):
        return _read(detail)
    if not isinstance(detail, list):
        return _Said()
    faults = [(_place(fault.get("loc")), _text(fault.get("msg"))) for fault in detail if isinstance(fault, Mapping)]
    message = "; ".join(f"{place}: {text}" if place else text for place, text in faults)
    return _Said(message=message, param=faults[0][0] if faults else "")


def _place(location: object) -> str:
    """`["body", "size"]` is `size`."""
    if not isinstance(location, list):
        return ""
    steps = [str(step) for step in location if isinstance(step, str | int)]
    return ".".join(steps[1:] if steps[:1] in (["body"], ["query"], ["path"], ["header"]) else steps)


def _code(error: Mapping[str, object]) -> str:
    """The code; where it is only the status again, as vLLM has it, the name of the error's class."""
    code, kind = error.get("code"), _text(error.get("type"))
    if isinstance(code, str) and code.strip():
        return code
    if isinstance(code, int) and not isinstance(code, bool):
        return str(code) if not 100 <= code <= 599 else kind if not kind.endswith("_error") else ""
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(text: str) -> str:
    """A code or id that may stand in a header."""
    return _UNPRINTABLE.sub("", text)[:_LONGEST_WORD]
