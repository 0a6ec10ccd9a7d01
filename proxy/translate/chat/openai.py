"""OpenAI-shaped servers as upstreams of completions, and OpenAI's callers (openai-wire.md §3.1, §3.7)."""

from collections.abc import Mapping
from typing import Final

from proxy.model import Dialect
from proxy.translate import reasoning
from proxy.translate.chat.inbound import ChatInbound
from proxy.translate.chat.outbound import ChatOutbound
from proxy.translate.edits import Edits, Loss

TIERS: Final = ("auto", "default", "flex", "priority")

# What only Ark has. `repetition_penalty` passes: several OpenAI-shaped servers know it, and the others name it in their refusal.
FOREIGN: Final[Mapping[str, Loss]] = {"session_id": Loss.UNLESS_LOSSY, "caching": Loss.DROP}


def from_ark(edits: Edits) -> None:
    """An Ark caller's completion in OpenAI's words."""
    edits.settle(FOREIGN, {}, "this upstream")
    reasoning.tier(edits, TIERS, "this upstream")
    asked = edits.fields.get("reasoning_effort")
    effort = reasoning.effort_to_openai(edits, asked, "reasoning_effort")
    if effort is not None and effort != asked:
        edits.put("reasoning_effort", effort)


INBOUND: Final = ChatInbound(Dialect.OPENAI)
OUTBOUND: Final = ChatOutbound(Dialect.OPENAI, "/chat/completions", from_ark)
