"""Ark as an upstream of embeddings, and Ark's callers; multimodal vectors, batches and tokenization are Ark's alone (ark-wire.md §5.3)."""

from typing import Final

from proxy.model import Dialect
from proxy.translate.embeddings.codecs import EmbeddingsInbound, EmbeddingsOutbound

INBOUND: Final = EmbeddingsInbound(Dialect.ARK)
CREATE: Final = EmbeddingsOutbound(Dialect.ARK, "/embeddings")
MULTIMODAL: Final = EmbeddingsOutbound(Dialect.ARK, "/embeddings/multimodal")
BATCH: Final = EmbeddingsOutbound(Dialect.ARK, "/batch/embeddings")
BATCH_MULTIMODAL: Final = EmbeddingsOutbound(Dialect.ARK, "/batch/embeddings/multimodal")
TOKENIZE: Final = EmbeddingsOutbound(Dialect.ARK, "/tokenization")
