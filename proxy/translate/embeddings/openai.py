"""OpenAI-shaped servers as upstreams of embeddings, and OpenAI's callers (openai-wire.md §3.4)."""

from typing import Final

from proxy.model import Dialect
from proxy.translate.embeddings.codecs import EmbeddingsInbound, EmbeddingsOutbound

INBOUND: Final = EmbeddingsInbound(Dialect.OPENAI)
CREATE: Final = EmbeddingsOutbound(Dialect.OPENAI, "/embeddings")
