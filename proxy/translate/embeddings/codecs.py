"""The codecs of embeddings and tokenization: one protocol on both sides, so they differ in dialect and path only."""

from dataclasses import dataclass, replace

import orjson

from proxy.model import Dialect
from proxy.translate import jsonbody, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream, Received
from proxy.translate.embeddings.vectors import converted
from proxy.translate.streams import UnreadStream
from proxy.translate.usage import usage_of
from proxy.translate.wire import WireResponse

DEFAULT_FORMAT = "float"


@dataclass(frozen=True, slots=True)
class EmbeddingsInbound:
    """Callers of embeddings in one dialect."""

    dialect: Dialect

    def decode(self, received: Received) -> CallRequest:
        """A request for vectors; what its input may hold is the upstream's to judge."""
        return replace(passing.read_call(received, self.dialect), stream=False)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes, under the caller's model name."""
        return passing.named(answer, request)


@dataclass(frozen=True, slots=True)
class EmbeddingsOutbound:
    """Vectors, or tokens, at one path of upstreams of one dialect."""

    dialect: Dialect
    path: str

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """The caller's bytes with the model's name."""
        return passing.post(self.path, passing.begin(request, model), self.dialect)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """Vectors in the format that was asked for, whichever came; those that came so keep every byte."""
        body = passing.read_answer(response)
        answer = passing.answered(response, body, self.dialect, usage_of(body.get("usage")))
        data = converted(body.get("data"), request.fields.get("encoding_format", DEFAULT_FORMAT))
        if data is None:
            return answer
        raw = jsonbody.splice(response.body, {"data": orjson.dumps(data)})
        return replace(answer, raw=raw, fields=body | {"data": data})

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """Vectors are not streamed."""
        return UnreadStream()
