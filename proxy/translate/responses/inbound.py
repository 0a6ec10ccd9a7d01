"""The codec of callers of responses, of either family (openai-wire.md §3.2)."""

from dataclasses import dataclass

from proxy.model import Dialect
from proxy.translate import passing
from proxy.translate.calls import CallAnswer, CallRequest, ObjectRef, Received
from proxy.translate.responses import KIND


@dataclass(frozen=True, slots=True)
class CreateInbound:
    """Callers who make a response; `previous_response_id` and files are objects that must be theirs."""

    dialect: Dialect

    def decode(self, received: Received) -> CallRequest:
        """A request to make a response."""
        return passing.read_call(received, self.dialect)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes, under the caller's model name."""
        return passing.named(answer, request)


@dataclass(frozen=True, slots=True)
class StoredInbound:
    """Callers who read or delete a response that is stored."""

    dialect: Dialect

    def decode(self, received: Received) -> CallRequest:
        """The response named in the path; a stored one can be read as a stream (`stream=true` in the query)."""
        return CallRequest(
            model="",
            dialect=self.dialect,
            received=received,
            stream=("stream", "true") in received.query,
            objects=(ObjectRef(KIND, received.params.get("id", ""), "response_id"),),
        )

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes; under the caller's model name, where that is known."""
        return passing.named(answer, request)
