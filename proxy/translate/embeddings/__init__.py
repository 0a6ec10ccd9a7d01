"""The family `embeddings`: vectors of texts and pictures, and tokenization (openai-wire.md §3.4, ark-wire.md §5.3)."""
