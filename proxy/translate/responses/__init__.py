"""The family `responses`: the same protocol on both sides but for a few parameters (openai-wire.md §3.2, ark-wire.md §5.3)."""

from typing import Final

KIND: Final = "response"
"""What the objects of this family are called in the table of objects."""
