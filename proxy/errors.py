"""Every exception of arkbridge, with the codes and statuses of contract.md §8. It must never render an answer: that is `translate.errors`.

ArkbridgeError
├── Refusal                 an answer to a caller: a problem, a message, a param, headers
│   └── UpstreamRefusal     the upstream's own error, to be passed on in the caller's shape
├── TransportError          no usable answer came from an upstream
│   ├── NotSent             nothing left this machine: a repeat is harmless
│   └── OutcomeUnknown      bytes were sent, no answer came: a repeat may buy twice
├── UnreadableAnswer        an upstream answered 2xx with something no codec can read
├── StoreError              the database refused or failed
│   └── SchemaTooNew        the database was written by a newer arkbridge
└── ConfigError             the configuration has mistakes, all of them listed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """HTTP status, the OpenAI family's code, the Ark family's code, and whether an SDK may repeat the request by itself."""

    status: int
    openai: str
    ark: str
    retry: bool | None = None


class Problem(Enum):
    """What went wrong, one member per row of contract.md §8; the same status in both families."""

    AUTHENTICATION = ProblemRow(401, "invalid_api_key", "AuthenticationError")
    PERMISSION = ProblemRow(403, "permission_denied", "OperationDenied.PermissionDenied")
    PRICE_UNKNOWN = ProblemRow(403, "price_unknown", "OperationDenied.PriceUnknown")
    MODEL_NOT_FOUND = ProblemRow(404, "model_not_found", "InvalidEndpointOrModel.NotFound")
    TASK_NOT_FOUND = ProblemRow(404, "video_not_found", "NotFound.Task")
    NOT_FOUND = ProblemRow(404, "not_found", "NotFound")
    UNKNOWN_PATH = ProblemRow(404, "unknown_path", "InvalidAction")
    NOT_SERVED = ProblemRow(404, "not_served", "InvalidAction")
    METHOD_NOT_ALLOWED = ProblemRow(405, "method_not_allowed", "InvalidAction")
    UNSUPPORTED_OPERATION = ProblemRow(400, "unsupported_operation", "InvalidParameter.UnsupportedOperation")
    INVALID_VALUE = ProblemRow(400, "invalid_value", "InvalidParameter")
    MISSING_PARAMETER = ProblemRow(400, "missing_required_parameter", "MissingParameter")
    CONFLICTING_PARAMETERS = ProblemRow(400, "conflicting_parameters", "InvalidParameter")
    UNSUPPORTED_PARAMETER = ProblemRow(400, "unsupported_parameter", "InvalidParameter.UnsupportedParameter")
    VIDEO_FAILED = ProblemRow(400, "video_failed", "InvalidParameter")
    HOST_NOT_ALLOWED = ProblemRow(421, "host_not_allowed", "HostNotAllowed")
    TOO_LARGE = ProblemRow(413, "request_too_large", "RequestTooLarge")
    RATE_LIMIT = ProblemRow(429, "rate_limit_exceeded", "RateLimitExceeded.EndpointRPMExceeded")
    INSUFFICIENT_QUOTA = ProblemRow(429, "insufficient_quota", "QuotaExceeded", retry=False)
    IDEMPOTENCY_KEY_REUSED = ProblemRow(409, "idempotency_key_reused", "IdempotencyKeyReused", retry=False)
    VIDEO_NOT_READY = ProblemRow(404, "video_not_ready", "NotFound")
    VIDEO_EXPIRED = ProblemRow(410, "video_expired", "NotFound")
    TASK_RUNNING = ProblemRow(409, "task_running", "TaskRunningCannotCancel", retry=False)
    RANGE_NOT_SATISFIABLE = ProblemRow(416, "range_not_satisfiable", "InvalidParameter")
    UPSTREAM_ACCOUNT = ProblemRow(502, "upstream_account", "UpstreamAccount", retry=False)
    UPSTREAM_UNAVAILABLE = ProblemRow(503, "upstream_unavailable", "ServiceUnavailable")
    UPSTREAM_UNREADABLE = ProblemRow(502, "upstream_unreadable", "ServiceUnavailable")
    UPSTREAM_AMBIGUOUS = ProblemRow(502, "upstream_ambiguous", "UpstreamAmbiguous", retry=False)
    UPSTREAM_TIMEOUT = ProblemRow(504, "upstream_ambiguous", "UpstreamAmbiguous", retry=False)
    STORE_UNAVAILABLE = ProblemRow(503, "store_unavailable", "ServiceUnavailable")
    INTERNAL = ProblemRow(500, "internal_error", "InternalServiceError", retry=False)


class ArkbridgeError(Exception):
    """The root: whatever we raise on purpose."""


class Refusal(ArkbridgeError):
    """An answer other than the one asked for. `param` names the field as the caller wrote it; `headers` are sent as they are."""

    def __init__(
        self, problem: Problem, message: str, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.value.status

    @property
    def retry(self) -> bool | None:
        """Value of `x-should-retry`, or None to leave the SDK to its own rule."""
        return self.problem.value.retry


class UpstreamRefusal(Refusal):
    """The upstream's own error envelope, decoded: its status, code, message, param and request id.

    `explained` is false if there was no envelope, so that the words are ours.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Problem.UPSTREAM_UNAVAILABLE, message, param=param, headers=headers)
        self.upstream_status = status
        self.code = code
        self.request_id = request_id
        self.may_retry: bool | None = None
        self.explained = True

    @property
    def status(self) -> int:
        """The upstream's status, as it is."""
        return self.upstream_status

    @property
    def retry(self) -> bool | None:
        """False once a repeat could buy twice (set by the gateway)."""
        return self.may_retry


class TransportError(ArkbridgeError):
    """No usable answer came from an upstream; `upstream` is its configured name."""

    def __init__(self, upstream: str, reason: str) -> None:
        super().__init__(f"upstream {upstream}: {reason}")
        self.upstream = upstream
        self.reason = reason


class NotSent(TransportError):
    """Nothing left this machine (refused, unresolved, no TLS): a repeat is harmless."""


class OutcomeUnknown(TransportError):
    """Bytes were sent and no complete answer came; `timed_out` tells a timeout from a broken connection."""

    def __init__(self, upstream: str, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(upstream, reason)
        self.timed_out = timed_out


class UnreadableAnswer(ArkbridgeError):
    """A 2xx answer that no codec can read, or one without what it must carry (a create without an id)."""


class StoreError(ArkbridgeError):
    """The database refused or failed; nothing of the statement was kept."""


class SchemaTooNew(StoreError):
    """The database has migrations this arkbridge does not know: a downgrade is refused."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the configuration: where it is (line 0 = the environment), the key, what is wrong and what is accepted."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}"


class ConfigError(ArkbridgeError):
    """The configuration cannot be used; every mistake found is listed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)
