"""The codec of upstreams that serve responses. What differs between the dialects is a function that each of them brings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect
from proxy.translate import coerce, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream
from proxy.translate.edits import Edits
from proxy.translate.responses.stream import ResponseStream
from proxy.translate.usage import usage_of
from proxy.translate.wire import WireRequest, WireResponse

PATH = "/responses"
Adapt = Callable[[Edits], None]
Effort = Callable[[Edits, object, str], object]


@dataclass(frozen=True, slots=True)
class CreateOutbound:
    """Making a response; `adapt` says the calls of the other dialect's callers in this one's words."""

    dialect: Dialect
    adapt: Adapt

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """The caller's bytes with the model's name, and what the other dialect says otherwise; a stream tells its usage unasked."""
        edits = passing.begin(request, model)
        if request.dialect is not self.dialect:
            self.adapt(edits)
        return passing.post(PATH, edits, self.dialect)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """A response, whose id is an object from now on."""
        body = passing.read_answer(response)
        made = body.get("id")
        if not isinstance(made, str) or not made:
            raise UnreadableAnswer("the upstream's answer has no id")
        return replace(passing.answered(response, body, self.dialect, usage_of(body.get("usage"))), id=made)

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """The stream's events under the caller's model name."""
        return ResponseStream(request, caller)


@dataclass(frozen=True, slots=True)
class StoredOutbound:
    """Reading and deleting stored responses: `method` at the path of one, with `below` behind it."""

    dialect: Dialect
    method: str
    below: str = ""

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """No body; the query is the caller's."""
        path = f"{PATH}/{quote(request.received.params.get('id', ''), safe='')}{self.below}"
        headers = passing.headers_to(self.dialect, request.received)
        return CallSend(
            request=WireRequest(method=self.method, path=path, query=request.received.query, headers=headers)
        )

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """Whatever is said of it; nothing was consumed, and a delete may be answered with an empty body."""
        if self.method == "DELETE" and not response.body.strip():
            return passing.answered(response, {}, self.dialect)
        return passing.answered(response, passing.read_answer(response), self.dialect)

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """A stored response, streamed again."""
        return ResponseStream(request, caller)


def translate_effort(edits: Edits, translate: Effort) -> None:
    """Say `reasoning.effort` in the upstream's words, keeping the other members of `reasoning`."""
    reasoning = coerce.mapping(edits.fields.get("reasoning", {}), "reasoning")
    asked = reasoning.get("effort")
    effort = translate(edits, asked, "reasoning.effort") if asked is not None or "thinking" in edits.fields else None
    if effort == asked:
        return
    changed = {name: value for name, value in reasoning.items() if name != "effort"}
    if effort is not None:
        changed["effort"] = effort
    if changed:
        edits.put("reasoning", changed)
    else:
        edits.leave_out("reasoning")
