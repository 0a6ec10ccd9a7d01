"""Routes of our own: health, readiness, metrics, a caller's usage (contract.md §5)."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

import orjson

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.spool import Spool
from proxy.metrics import Metrics
from proxy.store import Store, UsageFilter, UsageSum

GROUPS = ("key", "model", "family", "day", "upstream")

LATEST = 253370764800.0
"""The year 9999 in unix seconds: calendars end with it, in some time zones sooner than in others."""


class Own:
    """Handlers of our own routes."""

    def __init__(self, store: Store, spool: Spool, metrics: Metrics, zone: tzinfo) -> None:
        self._store = store
        self._spool = spool
        self._metrics = metrics
        self._zone = zone

    async def health(self, call: Call) -> Answer:
        """The process answers."""
        return Answer(body=b'{"status":"ok"}')

    async def ready(self, call: Call) -> Answer:
        """Whether work can be taken: 200, or 503 naming what is not ready."""
        problems = [] if await self._store.healthy() else ["store: it cannot write"]
        if self._spool.waiting:
            problems.append(f"store: {self._spool.waiting} writes wait for it")
        body = {"status": "not ready" if problems else "ready", "problems": problems}
        return Answer(status=503 if problems else 200, body=orjson.dumps(body))

    async def metrics(self, call: Call) -> Answer:
        """Prometheus text."""
        return Answer(body=self._metrics.render(), content_type=self._metrics.content_type)

    async def usage(self, call: Call) -> Answer:
        """The caller's own totals, and rows by `by` (comma separated: key, model, family, day, upstream), `since` and `until`."""
        query = dict(call.query)
        by = tuple(part for part in query.get("by", "").split(",") if part)
        for part in by:
            if part not in GROUPS:
                raise Refusal(Problem.INVALID_VALUE, f"by takes {', '.join(GROUPS)}, not {part!r}.", param="by")
        wanted = UsageFilter(
            by=by,
            caller=call.caller,
            since=self._moment(query, "since"),
            until=self._moment(query, "until"),
            timezone=str(self._zone),
        )
        totals = await self._store.usage(UsageFilter(caller=call.caller, since=wanted.since, until=wanted.until))
        rows = await self._store.usage(wanted) if by else []
        body = {"object": "usage", "totals": [row_of(row) for row in totals], "data": [row_of(row) for row in rows]}
        return Answer(body=orjson.dumps(body))

    def _moment(self, query: Mapping[str, str], name: str) -> float | None:
        text = query.get(name)
        return None if text is None else moment(text, name, self._zone)


def moment(text: str, name: str, zone: tzinfo) -> float:
    """Unix seconds, or an ISO 8601 date or time (in `zone` unless it has an offset), as unix seconds; 0 for all that was before 1970."""
    try:
        seconds = float(text) if text.replace(".", "", 1).isdigit() else _parsed(text, zone)
    except (ValueError, OverflowError):
        seconds = LATEST
    if not seconds < LATEST:
        raise Refusal(
            Problem.INVALID_VALUE,
            f"{name} takes unix seconds or an ISO date like 2026-11-24, not {text[:40]!r}.",
            param=name,
        )
    return max(0.0, seconds)


def _parsed(text: str, zone: tzinfo) -> float:
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).timestamp()


def row_of(total: UsageSum) -> dict[str, object]:
    """One row of a report as JSON; `cost` and `currency` only where there is a price."""
    row: dict[str, object] = {
        **total.group,
        "calls": total.calls,
        "errors": total.errors,
        "input_tokens": total.input_tokens,
        "output_tokens": total.output_tokens,
        "total_tokens": total.total_tokens,
        "images": total.images,
    }
    if total.cost is not None:
        row |= {"cost": float(total.cost), "currency": total.currency}
    return row
