"""Ark as an upstream of completions, and Ark's callers (openai-wire.md §3.1, ark-wire.md §5.3)."""

from collections.abc import Mapping
from typing import Final

from proxy.model import Dialect
from proxy.translate import reasoning
from proxy.translate.chat.inbound import ChatInbound, ContextInbound
from proxy.translate.chat.outbound import ChatOutbound
from proxy.translate.edits import Edits, Loss

TIERS: Final = ("auto", "default", "fast", "flex")

# What OpenAI callers may send and Ark has no word for. What is not listed passes: Ark names what it does not take.
FOREIGN: Final[Mapping[str, Loss]] = {
    "n": Loss.UNLESS_LOSSY,
    "modalities": Loss.UNLESS_LOSSY,
    "audio": Loss.UNLESS_LOSSY,
    "web_search_options": Loss.UNLESS_LOSSY,
    "verbosity": Loss.UNLESS_LOSSY,
    "store": Loss.DROP,
    "metadata": Loss.DROP,
    "prediction": Loss.DROP,
    "prompt_cache_key": Loss.DROP,
    "safety_identifier": Loss.DROP,
}
NOTHING: Final[Mapping[str, object]] = {"n": 1, "modalities": ["text"], "verbosity": "medium"}


def from_openai(edits: Edits) -> None:
    """An OpenAI caller's completion in Ark's words."""
    edits.settle(FOREIGN, NOTHING, "Ark")
    reasoning.tier(edits, TIERS, "Ark")
    _roles(edits)
    if "reasoning_effort" in edits.fields:
        asked = edits.fields["reasoning_effort"]
        effort = reasoning.effort_to_ark(edits, asked, "reasoning_effort")
        if effort is None:
            edits.leave_out("reasoning_effort")
        elif effort != asked:
            edits.put("reasoning_effort", effort)


def _roles(edits: Edits) -> None:
    """Ark refuses the role `developer`, which is OpenAI's newer word for `system`."""
    messages = edits.fields.get("messages")
    if isinstance(messages, list) and any(_is_developer(message) for message in messages):
        edits.put(
            "messages", [message | {"role": "system"} if _is_developer(message) else message for message in messages]
        )


def _is_developer(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "developer"


def as_it_is(edits: Edits) -> None:
    """Only Ark's callers reach Ark's own routes, so there is nothing to translate."""


INBOUND: Final = ChatInbound(Dialect.ARK)
OUTBOUND: Final = ChatOutbound(Dialect.ARK, "/chat/completions", from_openai)

BOTS: Final = ChatOutbound(Dialect.ARK, "/bots/chat/completions", as_it_is)
BATCH: Final = ChatOutbound(Dialect.ARK, "/batch/chat/completions", as_it_is)
IN_CONTEXT: Final = ChatOutbound(Dialect.ARK, "/context/chat/completions", as_it_is)

CONTEXT_INBOUND: Final = ContextInbound()
CONTEXT: Final = ChatOutbound(Dialect.ARK, "/context/create", as_it_is, makes=True)
