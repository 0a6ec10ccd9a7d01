"""One call as it passes through the gateway, and its answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from proxy.model import Dialect, Identity, TaskRecord
from proxy.translate.operation import Operation
from proxy.translate.wire import Notice


@dataclass(slots=True, kw_only=True)
class Call:
    """One request of a caller. Header names are lower case; `base` is `scheme://host[:port]` for links in the answer, `path` is for messages.

    `incoming` is the body of an upload, which is not read yet. The last group is filled in on the way, for the log line and the ledger;
    `received` are the bytes of the body so far.
    """

    operation: Operation
    dialect: Dialect
    identity: Identity | None
    method: str
    params: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    incoming: AsyncGenerator[bytes, None] | None = field(default=None, repr=False)
    base: str = ""
    path: str = ""
    client: str = ""
    request_id: str = ""
    started: float = 0.0

    received: int = 0
    upstream: str = ""
    original_model: str = ""
    request_model: str = ""
    task_id: str | None = None
    upstream_request_id: str | None = None
    upstream_seconds: float | None = None
    notices: list[Notice] = field(default_factory=list)
    record: TaskRecord | None = None

    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the caller has hung up (watched for creates, and for reads that wait)."""

    on_delivered: list[Callable[[], object]] = field(default_factory=list)
    """Called when the answer was written whole to a caller who was still there."""

    on_over: list[Callable[[], object]] = field(default_factory=list)
    """Called when nothing more will be written, whatever happened."""

    @property
    def caller(self) -> str:
        """The caller's name; calls without a key (signed links) have none."""
        return self.identity.caller.name if self.identity else ""

    @property
    def lossy(self) -> bool:
        """Whether the caller allows fields to be lost that change the result (`x-arkbridge-lossy: allow`)."""
        return self.headers.get("x-arkbridge-lossy", "").strip().lower() == "allow"


@dataclass(slots=True, kw_only=True)
class Answer:
    """What the caller gets: a complete body, or chunks with their own length header. `headers` go out in this order."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"
