"""The family `images`: generations and edits. Ark has one route for both, and other words for much (openai-wire.md §3.3, ark-wire.md §5.3)."""

from typing import Final

GENERATIONS: Final = "/images/generations"
EDITS: Final = "/images/edits"

ALWAYS_BASE64: Final = "gpt-image"
"""How the names of the models begin that answer with `b64_json` and nothing else, so that nobody asks them for it."""
