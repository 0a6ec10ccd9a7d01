"""The codec of upstreams that serve completions. What differs between the dialects is a function that each of them brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect
from proxy.translate import coerce, jsonbody, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream
from proxy.translate.chat.stream import ChatStream
from proxy.translate.edits import Edits
from proxy.translate.usage import bot_usage_of, usage_of
from proxy.translate.wire import WireResponse

Adapt = Callable[[Edits], None]


@dataclass(frozen=True, slots=True)
class ChatOutbound:
    """Completions at one path of upstreams of one dialect; `adapt` says the calls of the other dialect's callers in this one's words.

    `makes` tells that the answer's id names an object.
    """

    dialect: Dialect
    path: str
    adapt: Adapt
    makes: bool = False

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """The caller's bytes with the model's name, the wish for the usage, and what the other dialect says otherwise."""
        edits = passing.begin(request, model)
        if request.stream:
            _ask_usage(edits, self.dialect)
        if request.dialect is not self.dialect:
            self.adapt(edits)
        return passing.post(self.path, edits, self.dialect)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """A whole completion, and what it consumed."""
        body = passing.read_answer(response)
        usage = usage_of(body.get("usage")) or bot_usage_of(body.get("bot_usage"))
        answer = passing.answered(response, body, self.dialect, usage)
        if not self.makes:
            return answer
        made = body.get("id")
        if not isinstance(made, str) or not made:
            raise UnreadableAnswer("the upstream's answer has no id")
        return replace(answer, id=made)

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """The stream's events with only model and usage as the caller is to see them."""
        return ChatStream(request, caller)


def _ask_usage(edits: Edits, upstream: Dialect) -> None:
    """Ask for the usage of a stream, keeping the caller's other options; `chunk_include_usage` is Ark's alone."""
    options = coerce.mapping(edits.fields.get("stream_options", {}), "stream_options")
    changes: dict[str, bytes | None] = {}
    if options.get("include_usage") is not True:
        changes["include_usage"] = b"true"
    if upstream is Dialect.OPENAI and edits.request.dialect is Dialect.ARK and "chunk_include_usage" in options:
        changes["chunk_include_usage"] = None
        edits.warn("stream_options.chunk_include_usage", "not sent, OpenAI-shaped upstreams have no such option")
    if changes:
        edits.put_raw("stream_options", jsonbody.splice(_spelled(edits, options), changes))


def _spelled(edits: Edits, options: Mapping[str, object]) -> bytes:
    """The caller's `stream_options` as they were written."""
    if not options:
        return b"{}"
    raw = edits.request.received.body.raw
    found = next((member for member in jsonbody.top_level(raw) if member.key == "stream_options"), None)
    return raw[found.start : found.end] if found is not None else orjson.dumps(options)
