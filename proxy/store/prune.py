"""What is forgotten of the past, the same for every database; no SQL is written here and nothing is read or sent."""

from dataclasses import dataclass

import orjson

COUNTED = ("prompts", "bodies", "deliveries", "idempotency", "commands", "ledger")
"""What a prune counts: prompts and upstream's bodies of ended tasks, callbacks that are over, what tells repeated creates, commands, rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Forget what is from before `before`, in unix seconds; what tells repeated creates only from before `repeats_before`.

    `ledger`: whole days of the ledger go too. `dry_run`: only count.
    """

    before: float
    repeats_before: float
    ledger: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A task's request and snapshot as JSON texts without its prompts and raw bodies, and whether there were any."""

    request: str
    snapshot: str | None
    prompts: bool
    bodies: bool


def forgotten(request: str, snapshot: str | None) -> Forgotten:
    """The texts without `prompt`, the upstream's rewording of it, and its last raw body; everything that is accounted stays."""
    asked = orjson.loads(request)
    prompts = asked.pop("prompt", None) is not None
    told = None if snapshot is None else orjson.loads(snapshot)
    bodies = False
    if told is not None:
        bodies = bool(told.get("raw"))
        told["raw"] = {}
        prompts = told.get("facts", {}).pop("revised_prompt", None) is not None or prompts
    return Forgotten(
        orjson.dumps(asked).decode(), None if told is None else orjson.dumps(told).decode(), prompts, bodies
    )
