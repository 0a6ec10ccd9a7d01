"""Streamed completions. They are the same protocol on both sides, so an event passes as it came but for the model's name and the usage.

We ask every upstream for the usage. A caller who did not ask must not see it: OpenAI's chunks then have no `usage` at all, Ark's have
`usage: null` (openai-wire.md §3.1, ark-wire.md §5.3).
"""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.model import Dialect
from proxy.translate import jsonbody, sse
from proxy.translate.calls import CallRequest
from proxy.translate.passing import shown_model
from proxy.translate.streams import EventStream, failure, read_event
from proxy.translate.usage import bot_usage_of, usage_of

# The members of a chunk that says the usage and nothing else.
_ENVELOPE: Final = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "bot_usage",
        "service_tier",
        "system_fingerprint",
        "obfuscation",
    }
)
_HIDDEN: Final = ("usage", "bot_usage")
_PAUSE: Final = 8
_NEVER: Final = b"\0"


class ChatStream(EventStream):
    """One streamed completion.

    The chunks of a stream differ in their `choices`; what stands before and behind them is mostly the same bytes each time. A chunk with
    the frame of an earlier one can hold nothing new beside its choices, so it is not parsed: its frame is exchanged for the caller's.
    """

    def __init__(self, request: CallRequest, caller: Dialect) -> None:
        super().__init__()
        self._request = request
        self._caller = caller
        self._hides = not request.asked_usage
        self._head = self._tail = self._new_head = self._new_tail = _NEVER
        self._frame = 0
        self._next_lesson = 0

    def _passed(self, event: bytes) -> bytes:
        if len(event) >= self._frame and event.startswith(self._head) and event.endswith(self._tail):
            choices = event[len(self._head) : len(event) - len(self._tail)]
            if b'usage"' not in choices and b'"error"' not in choices:
                self.events += 1
                return self._new_head + choices + self._new_tail
        return self._read(event)

    def _read(self, event: bytes) -> bytes:
        data = sse.data_of(event)
        if data.startswith(sse.DONE):
            self.ended = True
            return event
        body = read_event(data)
        if body is None:
            return event
        error = body if sse.name_of(event) == b"error" else body.get("error")
        if error:
            self.error_code, event = failure(event, data, error, self._caller)
            return event
        said = self._note(body)
        if said and self._hides and not body.get("choices") and body.keys() <= _ENVELOPE:
            return b""
        edits = self._edits(body)
        if not said and body.get("choices"):
            self.events += 1
            self._learn(event, data, edits)
        return sse.with_data(event, data, jsonbody.splice(data, edits)) if edits else event

    def _note(self, body: Mapping[str, object]) -> bool:
        """Remember who answers and what was consumed; whether the chunk says the latter. The last word counts, earlier ones are partial."""
        model = body.get("model")
        if isinstance(model, str) and model:
            self.model = model
        said = [body[name] for name in _HIDDEN if body.get(name)]
        usage = usage_of(body.get("usage")) or bot_usage_of(body.get("bot_usage"))
        self.usage = usage or self.usage
        if said and body.get("choices"):
            self.events += 1
        return bool(said)

    def _edits(self, body: Mapping[str, object]) -> dict[str, bytes | None]:
        """What the caller must see otherwise in this chunk."""
        edits: dict[str, bytes | None] = {}
        shown = shown_model(self._request, self.model if body.get("model") else None)
        if shown:
            edits["model"] = orjson.dumps(shown)
        if self._hides:
            for name in _HIDDEN:
                if name not in body:
                    continue
                if self._caller is Dialect.OPENAI or name != "usage":
                    edits[name] = None
                elif body[name] is not None:
                    edits[name] = b"null"
        return edits

    def _learn(self, event: bytes, data: bytes, edits: Mapping[str, bytes | None]) -> None:
        """Remember the frame of a chunk, and what it becomes; not after every chunk, as some servers' frames are never the same."""
        at = event.find(data)
        if at < 0 or self.events < self._next_lesson:
            return
        self._next_lesson = self.events + _PAUSE
        begin, end = _choices(data)
        frame = jsonbody.splice(data[:begin] + b"0" + data[end:], edits)
        new_begin, new_end = _choices(frame)
        self._head, self._tail = event[: at + begin], event[at + end :]
        self._new_head, self._new_tail = event[:at] + frame[:new_begin], frame[new_end:] + event[at + len(data) :]
        self._frame = len(self._head) + len(self._tail)


def _choices(data: bytes) -> tuple[int, int]:
    """Where the value of `choices` stands; the chunk has one."""
    return next((member.start, member.end) for member in jsonbody.top_level(data) if member.key == "choices")
