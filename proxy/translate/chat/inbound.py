"""The codec of chat callers of either family: completions are one protocol, so one codec reads both (openai-wire.md §3.1)."""

from dataclasses import dataclass, replace

from proxy.model import Dialect
from proxy.translate import coerce, passing
from proxy.translate.calls import CallAnswer, CallRequest, Received


@dataclass(frozen=True, slots=True)
class ChatInbound:
    """Callers of completions in one dialect."""

    dialect: Dialect

    def decode(self, received: Received) -> CallRequest:
        """A completion request; only what has to be understood on the way is typed, the rest is the upstream's to judge."""
        request = passing.read_call(received, self.dialect)
        if not request.stream or "stream_options" not in request.fields:
            return request
        options = coerce.mapping(request.fields["stream_options"], "stream_options")
        asked = any(options.get(name) is True for name in ("include_usage", "chunk_include_usage"))
        return replace(request, asked_usage=asked)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes, under the caller's model name; members that only one family has are kept."""
        return passing.named(answer, request)


@dataclass(frozen=True, slots=True)
class ContextInbound:
    """Ark callers who make a context (ark-wire.md §5.3): like a completion, but never a stream."""

    dialect: Dialect = Dialect.ARK

    def decode(self, received: Received) -> CallRequest:
        """The model and the messages to be kept."""
        return replace(passing.read_call(received, self.dialect), stream=False)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes, under the caller's model name."""
        return passing.named(answer, request)
