"""What a task's answer says beside its state: the names of the facts, the tokens, the money, and how long a link lives."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from proxy.model import JSON, Dialect, Snapshot, TaskRecord, Usage
from proxy.translate.videos.reading import members, whole

# Facts under Ark's names (ark-wire.md §3.1); the same names stand in the OpenAI family's metadata (openai-wire.md §5.3).
NAMES = (
    "resolution",
    "ratio",
    "duration",
    "frames",
    "framespersecond",
    "seed",
    "service_tier",
    "execution_expires_after",
    "generate_audio",
    "draft",
    "draft_task_id",
    "priority",
    "revised_prompt",
    "output_format",
    "safety_identifier",
    "tools",
    "subdivisionlevel",
    "fileformat",
    "reasoning_effort",
)
_WHOLE = frozenset(
    {"duration", "frames", "framespersecond", "seed", "execution_expires_after", "priority", "subdivisionlevel"}
)

# Of our own making: which dialect `Snapshot.raw` is in, a size in pixels as the upstream wrote it, and that an ended task had no link yet
# (openai-wire.md §2.10).
DIALECT = "dialect"
SIZE = "size"
MISSING_VIDEO_URL = "missing_video_url"

DAY = 86400
DEFAULT_EXPIRY = 172800
"""Seconds after which Ark gives a task up, where the caller does not say (ark-wire.md §2.3)."""


def facts(body: Mapping[str, object]) -> dict[str, object]:
    """The facts that a body tells under Ark's names; numbers that are none are left out."""
    found: dict[str, object] = {}
    for name in NAMES:
        value = whole(body.get(name)) if name in _WHOLE else body.get(name)
        if value is not None:
            found[name] = value
    return found


def usage(value: object) -> Usage | None:
    """A usage object in Ark's, new-api's or OpenAI's words; None if it tells no tokens (openai-wire.md §2.11)."""
    raw = members(value)
    spent = _first(raw, "completion_tokens", "output_tokens")
    asked = _first(raw, "prompt_tokens", "input_tokens")
    total = _first(raw, "total_tokens")
    if spent is None and total is None:
        return None
    return Usage(input_tokens=asked, output_tokens=spent, total_tokens=total, raw=raw)


def _first(raw: Mapping[str, object], *names: str) -> int | None:
    return next((number for number in (whole(raw.get(name)) for name in names) if number is not None), None)


def shown_usage(record: TaskRecord) -> dict[str, object] | None:
    """Tokens and money as both families show them (contract.md §6, "Amount"); None if neither is known.

    An upstream's own price is what we pay, not what the caller pays: it is never shown.
    """
    used = record.snapshot.usage if record.snapshot else None
    shown: dict[str, object] = {}
    if used is not None:
        told = {"completion_tokens": used.output_tokens, "total_tokens": used.total_tokens}
        shown = {name: value for name, value in told.items() if value is not None} | _unpriced(used.raw)
    if record.cost is not None and record.currency is not None:
        shown |= {"cost": float(round(record.cost, 6)), "currency": record.currency}
    return shown or None


def raw_of(snapshot: Snapshot | None, dialect: Dialect) -> JSON:
    """The upstream's last body if it is of this dialect, without its prices and without our callback's address; else nothing."""
    if snapshot is None or snapshot.facts.get(DIALECT) != dialect.value:
        return {}
    raw = {name: value for name, value in snapshot.raw.items() if name != "callback_url"}
    if isinstance(raw.get("usage"), Mapping):
        raw["usage"] = _unpriced(members(raw["usage"]))
    return raw


def _unpriced(spent: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in spent.items() if name not in {"cost", "currency"}}


def link_expiry(snapshot: Snapshot) -> int | None:
    """When the upstream's link dies, in unix seconds: as the link says, else 24 hours after the end (openai-wire.md §5.3)."""
    if snapshot.video_url is None:
        return None
    try:
        said = dict(parse_qsl(urlsplit(snapshot.video_url).query))
        signed = datetime.strptime(said["X-Tos-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return int(signed.timestamp()) + int(said["X-Tos-Expires"])
    except (KeyError, ValueError, OverflowError):
        return None if snapshot.updated_at is None else snapshot.updated_at + DAY
