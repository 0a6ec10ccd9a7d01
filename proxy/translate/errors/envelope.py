"""What both error envelopes need: the message a caller may see, and the code in the caller's family."""

from collections.abc import Mapping
from typing import Final

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.model import Dialect
from proxy.translate.errors.redactor import redact

# What an upstream's status means where it gave no code of its own.
_BY_STATUS: Final[Mapping[int, Problem]] = {
    403: Problem.PERMISSION,
    404: Problem.NOT_FOUND,
    405: Problem.METHOD_NOT_ALLOWED,
    410: Problem.NOT_FOUND,
    413: Problem.TOO_LARGE,
    416: Problem.RANGE_NOT_SATISFIABLE,
    429: Problem.RATE_LIMIT,
    503: Problem.UPSTREAM_UNAVAILABLE,
}


def message_of(refusal: Refusal, request_id: str) -> str:
    """Our words as they are, an upstream's cleaned; a bug of ours says nothing but the request id (contract.md §8)."""
    if isinstance(refusal, UpstreamRefusal):
        return redact(refusal.message)
    if refusal.problem is Problem.INTERNAL:
        return f"Internal error. Give this request id to whoever runs the gateway: {request_id}"
    return refusal.message.encode(errors="replace").decode()


def param_of(refusal: Refusal) -> str | None:
    """The field, if there is one."""
    return refusal.param.encode(errors="replace").decode() if refusal.param else None


def code_of(refusal: Refusal, dialect: Dialect) -> str:
    """The upstream's own code, else the code of the problem in the caller's family."""
    if isinstance(refusal, UpstreamRefusal):
        if refusal.code:
            return refusal.code.encode(errors="replace").decode()
        problem = _meant(refusal.status)
    else:
        problem = refusal.problem
    return problem.value.ark if dialect is Dialect.ARK else problem.value.openai


def _meant(status: int) -> Problem:
    """The problem that a bare status stands for."""
    return _BY_STATUS.get(status, Problem.UPSTREAM_UNREADABLE if status >= 500 else Problem.INVALID_VALUE)
