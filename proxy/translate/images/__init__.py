"""The family `images`: generations and edits. Ark has one route for both, and other words for much (openai-wire.md §3.3, ark-wire.md §5.3)."""

from typing import Final

GENERATIONS: Final = "/images/generations"
EDITS: Final = "/images/edits"
