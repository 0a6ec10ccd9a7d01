"""The family `chat`: completions, and Ark's bots, contexts and batches, which are completions too (openai-wire.md §3.1, ark-wire.md §5.3)."""
