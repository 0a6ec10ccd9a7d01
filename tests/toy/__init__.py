"""A family that only tests have: `POST /v1/toy` and `POST /api/v3/toy` hand a JSON body to the upstream's /toy. What its codecs share stands here."""

import orjson

from proxy.errors import Problem, Refusal, UnreadableAnswer
from proxy.model import Dialect, Usage
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream, Received
from proxy.translate.wire import JSON_TYPE, WireRequest, WireResponse


class Inbound:
    """A caller of either dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def decode(self, received: Received) -> CallRequest:
        """A body with a model and whatever else."""
        fields = dict(received.body.fields)
        model = fields.get("model")
        if not isinstance(model, str):
            raise Refusal(Problem.MISSING_PARAMETER, "model is required.", param="model")
        return CallRequest(model=model, dialect=self._dialect, received=received, fields=fields)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The answer under the name that the caller used."""
        return orjson.dumps({**answer.fields, "model": request.model})


class Outbound:
    """An upstream of either dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """The body with the upstream's name of the model."""
        body = orjson.dumps({**request.fields, "model": model})
        return CallSend(request=WireRequest(method="POST", path="/toy", headers={"content-type": JSON_TYPE}, body=body))

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """Any JSON object; its `tokens` are what it cost."""
        fields = orjson.loads(response.body)
        if not isinstance(fields, dict):
            raise UnreadableAnswer("the answer is no object")
        usage = Usage(total_tokens=fields.get("tokens"))
        return CallAnswer(fields=fields, raw=response.body, dialect=self._dialect, usage=usage)

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """Toys do not stream."""
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, "a toy does not stream.", param="stream")
