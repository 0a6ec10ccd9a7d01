"""Ark as an upstream of responses, and Ark's callers (openai-wire.md §3.2, ark-wire.md §5.3)."""

from collections.abc import Mapping
from typing import Final

from proxy.model import Dialect
from proxy.translate import reasoning
from proxy.translate.edits import Edits, Loss
from proxy.translate.responses.inbound import CreateInbound, StoredInbound
from proxy.translate.responses.outbound import CreateOutbound, StoredOutbound, translate_effort

TIERS: Final = ("auto", "default", "fast")

# What OpenAI callers may send and Ark has no word for; Ark refuses every field it does not know, so what only labels a call is not sent.
FOREIGN: Final[Mapping[str, Loss]] = {
    "background": Loss.UNLESS_LOSSY,
    "conversation": Loss.REFUSE,
    "prompt": Loss.REFUSE,
    "metadata": Loss.DROP,
    "prompt_cache_key": Loss.DROP,
    "safety_identifier": Loss.DROP,
}


def from_openai(edits: Edits) -> None:
    """An OpenAI caller's request in Ark's words; values of `include` are Ark's to judge."""
    edits.settle(FOREIGN, {}, "Ark")
    reasoning.tier(edits, TIERS, "Ark")
    translate_effort(edits, reasoning.effort_to_ark)


INBOUND: Final = CreateInbound(Dialect.ARK)
STORED_INBOUND: Final = StoredInbound(Dialect.ARK)
CREATE: Final = CreateOutbound(Dialect.ARK, from_openai)
RETRIEVE: Final = StoredOutbound(Dialect.ARK, "GET")
DELETE: Final = StoredOutbound(Dialect.ARK, "DELETE")
INPUT_ITEMS: Final = StoredOutbound(Dialect.ARK, "GET", "/input_items")
