"""OpenAI-shaped servers as upstreams of responses, and OpenAI's callers (openai-wire.md §3.2, §3.7)."""

from collections.abc import Mapping
from typing import Final

from proxy.model import Dialect
from proxy.translate import reasoning
from proxy.translate.edits import Edits, Loss
from proxy.translate.responses.inbound import CreateInbound, StoredInbound
from proxy.translate.responses.outbound import CreateOutbound, StoredOutbound, translate_effort

TIERS: Final = ("auto", "default", "flex", "priority")

# What only Ark has: a session changes what the model knows, the others how long and how cheaply something is kept.
FOREIGN: Final[Mapping[str, Loss]] = {
    "session": Loss.UNLESS_LOSSY,
    "caching": Loss.DROP,
    "expire_at": Loss.DROP,
}


def from_ark(edits: Edits) -> None:
    """An Ark caller's request in OpenAI's words."""
    edits.settle(FOREIGN, {}, "this upstream")
    reasoning.tier(edits, TIERS, "this upstream")
    translate_effort(edits, reasoning.effort_to_openai)


INBOUND: Final = CreateInbound(Dialect.OPENAI)
STORED_INBOUND: Final = StoredInbound(Dialect.OPENAI)
CREATE: Final = CreateOutbound(Dialect.OPENAI, from_ark)
RETRIEVE: Final = StoredOutbound(Dialect.OPENAI, "GET")
DELETE: Final = StoredOutbound(Dialect.OPENAI, "DELETE")
INPUT_ITEMS: Final = StoredOutbound(Dialect.OPENAI, "GET", "/input_items")
