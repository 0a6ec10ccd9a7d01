"""What is told of a finished call: one log line with the ledger's facts, and the metrics (contract.md §9). Never bodies, never keys."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Protocol

from proxy.gateway.call import Call
from proxy.metrics import Metrics
from proxy.model import LedgerRow

TOLD: Mapping[str, str] = {"key_prefix": "key", "task_id": "task", "error_code": "error", "total_ms": "ms"}
"""Facts of a row that have another name in log lines."""

UNTOLD = frozenset({"kind", "time", "task_key"})
"""What a line has no use for: the time is its own, and the task's internal key is nobody's business."""


class Lines(Protocol):
    """Where log lines go: `proxy.logs.Logs`."""

    def call(self, fields: dict[str, object]) -> None:
        """One line about a call."""

    def event(self, level: str, message: str, **fields: object) -> None:
        """One line that is not about a call."""


class Finished:
    """Tells finished calls to the log and the metrics."""

    def __init__(self, lines: Lines, metrics: Metrics) -> None:
        self._lines = lines
        self._metrics = metrics

    def finished(self, call: Call, status: int, code: str | None, seconds: float) -> None:
        """One call is over; `seconds` is all of it, as the caller waited."""
        operation = call.operation.name
        self._metrics.call(operation, call.dialect.value, call.upstream, status, seconds)
        facts: dict[str, object] = {
            "request_id": call.request_id,
            "caller": call.caller or None,
            "key": call.identity.key.prefix if call.identity else None,
            "family": call.operation.family,
            "operation": operation,
            "dialect": call.dialect.value,
            "method": call.method,
            "path": call.path if call.operation.family == "none" else None,
            "upstream": call.upstream or None,
            "original_model": call.original_model or None,
            "request_model": call.request_model or None,
            "task": call.task_id,
            "status": status,
            "error": code,
            "ms": round(seconds * 1000, 2),
            "upstream_ms": round(call.upstream_seconds * 1000, 2) if call.upstream_seconds is not None else None,
            "upstream_request_id": call.upstream_request_id,
            "bytes_in": call.received or len(call.body),
            "client": call.client or None,
            "user_agent": call.headers.get("user-agent"),
        }
        self._lines.call({name: value for name, value in facts.items() if value is not None})

    def store_failed(self, call: Call, reason: str) -> None:
        """The store refused or failed during a call."""
        self._lines.event("error", "the store failed", request_id=call.request_id, reason=reason)

    def settled(self, row: LedgerRow) -> None:
        """A task has its row: the same facts go to one line, and it is counted."""
        self._metrics.settlements.labels(row.status).inc()
        facts = {TOLD.get(field.name, field.name): getattr(row, field.name) for field in fields(row)}
        told = {name: value for name, value in facts.items() if value is not None and name not in UNTOLD}
        self._lines.event("info", "settled", **told)
