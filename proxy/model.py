"""The words of arkbridge as frozen values (architecture.md, "The words"). Nothing here has behaviour, does IO or reads a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

JSON = Mapping[str, object]


class Dialect(StrEnum):
    """An API shape."""

    ARK = "ark"
    OPENAI = "openai"


class Profile(StrEnum):
    """A variant of the dialect `openai` as upstreams speak it (openai-wire.md §2)."""

    STRICT = "strict"
    NEWAPI = "newapi"
    VLLM_OMNI = "vllm-omni"
    SGLANG = "sglang"


class TaskStatus(StrEnum):
    """The six states of a task, in Ark's words (ark-wire.md §3.1); every other word is mapped to one of them."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


TERMINAL = frozenset({TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.EXPIRED, TaskStatus.CANCELLED})


class TaskState(StrEnum):
    """How far a create has got (contract.md §7); only `accepted` tasks are visible to callers."""

    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that shows itself nowhere by accident: read it with `reveal()` where it is used."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself; call it only where the bytes leave for their one destination."""
        return self._value

    def __str__(self) -> str:
        return "Secret(…)"

    __repr__ = __str__


ACCOUNT_LIMITS: Mapping[str, float] = {"get": 20.0, "list": 1.0, "delete": 20.0}
"""Per account and second, as Ark has them (ark-wire.md §2.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A configured target: one account; its keys share its quotas and any of them may read its tasks.

    `limits` are task reads (`get`), lists (`list`) and deletes (`delete`) a second.
    """

    name: str
    dialect: Dialect
    base_url: str
    api_keys: tuple[Secret, ...] = ()
    profile: Profile = Profile.STRICT
    currency: str | None = None
    media_origins: tuple[str, ...] = ()
    retired: bool = False
    limits: Mapping[str, float] = field(default_factory=lambda: dict(ACCOUNT_LIMITS))


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """Where a model name leads: an upstream, the name it has there, and its share of the calls."""

    upstream: str
    upstream_model: str
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, team or program; it owns keys, tasks, usage and budgets."""

    name: str
    created_at: float
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One of our keys, without the key: SHA-256 and the first 12 characters are all that is kept (contract.md §2)."""

    hash: bytes
    prefix: str
    name: str
    caller: str
    admin: bool = False
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    limits: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the key that was shown and the caller it belongs to."""

    key: Key
    caller: Caller


@dataclass(frozen=True, slots=True)
class Usage:
    """What an upstream says a call or task consumed, in tokens; `raw` is its usage object, whole."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    images: int | None = None
    raw: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task ended without a result, in the upstream's code and words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What an upstream last said of a task, in neutral words; `raw` is its body, whole.

    `facts` holds the upstream's further facts under Ark's names (ark-wire.md §3.1): seed, resolution, ratio, duration (s), frames,
    framespersecond, service_tier, generate_audio, draft … Times are unix seconds.
    """

    status: TaskStatus
    status_word: str
    model: str | None = None
    progress: int | None = None
    created_at: int | None = None
    updated_at: int | None = None
    video_url: str | None = None
    last_frame_url: str | None = None
    error: TaskError | None = None
    usage: Usage | None = None
    facts: JSON = field(default_factory=dict)
    raw: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One asynchronous job as our store keeps it.

    `key` is ours and exists before anything is sent; `id` is the upstream's and is what callers use. `request` is what we remember of
    the create (prompt, size, seconds, resolution, ratio, duration, generate_audio, service_tier, execution_expires_after, metadata,
    has_video_input, callback_url, remixed_from …) under Ark's names where Ark has one. Times are unix seconds. `fingerprint` is the
    SHA-256 of the decoded body in hex; `delivered` tells that the caller got the create's answer, `matched` that a repeat was tied to it.
    """

    key: str
    caller: str
    key_prefix: str
    upstream: str
    dialect: Dialect
    operation: str
    original_model: str
    request_model: str
    request_id: str
    created_at: float
    id: str | None = None
    state: TaskState = TaskState.SUBMITTING
    request: JSON = field(default_factory=dict)
    snapshot: Snapshot | None = None
    seen_at: float | None = None
    ended_at: float | None = None
    next_poll: float | None = None
    attempts: int = 0
    settled: bool = False
    assumed: bool = False
    cost: Decimal | None = None
    currency: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    delivered: bool = False
    matched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One append-only row of the ledger: a settlement, a call or an adjustment (contract.md §9). Never bodies, never keys."""

    kind: str
    time: float
    request_id: str
    caller: str
    key_prefix: str
    family: str
    operation: str
    dialect: str
    upstream: str
    original_model: str
    request_model: str
    response_model: str | None = None
    task_key: str | None = None
    task_id: str | None = None
    status: str = ""
    error_code: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    images: int | None = None
    has_video_input: bool | None = None
    resolution: str | None = None
    seconds: float | None = None
    measured: str = "measured"
    cost: Decimal | None = None
    currency: str | None = None
    price_date: str | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None
    upstream_ms: float | None = None
    stream: bool = False
    client: str | None = None
    user_agent: str | None = None
