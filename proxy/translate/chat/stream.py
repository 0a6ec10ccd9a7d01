"""Streamed completions. They are the same protocol on both sides, so an event passes as it came but for the model's name and the usage.

We ask every upstream for the usage. A caller who did not ask must not see it: OpenAI's chunks then have no `usage` at all, Ark's have
`usage: null` (openai-wire.md §3.1, ark-wire.md §5.3).
"""

import re
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

# Plain members behind the last list of a chunk, up to its end: what is read from the right like this stands at the top level.
_PLAIN: Final = rb'\s*+,\s*+"([^"\\]*+)"\s*+:\s*+("[^"\\]*+"|null|true|false|-?[0-9][-+.0-9eE]*+)'
_MEMBER: Final = re.compile(_PLAIN)
_TAIL: Final = re.compile(rb"(?:" + _PLAIN + rb")*+\s*+\}\s*+")

_PAUSE: Final = 8
_UNKNOWN: Final = b"\0"


class ChatStream(EventStream):
    """One streamed completion.

    What stands before the `choices` of a chunk is mostly the same bytes each time, and what stands behind them are plain members. A chunk
    of that form can hold nothing new beside its choices, so it is not parsed: head and tail are exchanged for the caller's.
    """

    def __init__(self, request: CallRequest, caller: Dialect) -> None:
        super().__init__()
        self._request = request
        self._caller = caller
        self._hides = not request.asked_usage
        self._head = self._new_head = self._tail = self._new_tail = _UNKNOWN
        self._next_lesson = 0

    def _passed(self, event: bytes) -> bytes:
        if event.startswith(self._head):
            begin, end = len(self._head), event.rfind(b"]") + 1
            choices, tail = event[begin:end], event[end:]
            if (
                choices
                and b'usage"' not in choices
                and b'"error"' not in choices
                and (tail == self._tail or self._turn(tail))
            ):
                self.events += 1
                return self._new_head + choices + self._new_tail
        return self._read(event)

    def _read(self, event: bytes) -> bytes:
        """An event that has to be parsed."""
        data = sse.data_of(event)
        if data.startswith(sse.DONE):
            self.ended = True
            return event
        body = read_event(data)
        if body is None:
            return event
        if body.get("error") or sse.name_of(event) == b"error":
            self.error_code, event = failure(event, data, body, self._caller)
            return event
        said = self._note(body)
        if said and self._hides and not body.get("choices") and body.keys() <= _ENVELOPE:
            return b""
        edits = self._edits(body)
        if not said and self.events >= self._next_lesson:
            self._learn(event, data, edits)
        return sse.with_data(event, data, jsonbody.splice(data, edits)) if edits else event

    def _note(self, body: Mapping[str, object]) -> bool:
        """Remember who answers and what was consumed; whether the chunk says the latter. The last word counts, earlier ones are partial."""
        model = body.get("model")
        if isinstance(model, str) and model:
            self.model = model
        self.usage = usage_of(body.get("usage")) or bot_usage_of(body.get("bot_usage")) or self.usage
        self.events += bool(body.get("choices"))
        return any(body.get(name) for name in _HIDDEN)

    def _edits(self, body: Mapping[str, object]) -> dict[str, bytes | None]:
        """What the caller must see otherwise in this chunk; None is not to be seen at all."""
        edits: dict[str, bytes | None] = {}
        shown = shown_model(self._request, self.model if body.get("model") else None)
        if shown:
            edits["model"] = orjson.dumps(shown)
        for name in _HIDDEN:
            if self._hides and name in body:
                if self._caller is Dialect.OPENAI or name != "usage":
                    edits[name] = None
                elif body[name] is not None:
                    edits[name] = b"null"
        return edits

    def _learn(self, event: bytes, data: bytes, edits: Mapping[str, bytes | None]) -> None:
        """Remember what stands before the choices, and what it becomes; now and then only, as some servers' heads are never the same."""
        self._next_lesson = self.events + _PAUSE
        at, before = event.find(data), set[str]()
        for member in jsonbody.top_level(data) if at >= 0 else ():
            if member.key == "choices":
                head = data[: member.start]
                new = jsonbody.splice(head + b"0}", {name: edits[name] for name in before & edits.keys()})
                self._head, self._new_head = event[:at] + head, event[:at] + new[:-2]
                break
            before.add(member.key)

    def _turn(self, tail: bytes) -> bool:
        """Find what this tail becomes; False if it holds more than plain members, or an error."""
        if b'"error"' in tail or _TAIL.fullmatch(tail) is None:
            return False
        self._tail, self._new_tail = tail, _MEMBER.sub(self._member, tail)
        return True

    def _member(self, match: re.Match[bytes]) -> bytes:
        """A plain member as the caller is to see it."""
        key, value = match[1], match[2]
        if key == b"model":
            shown = shown_model(self._request, value[1:-1].decode(errors="replace"))
            return match[0].removesuffix(value) + orjson.dumps(shown) if shown else match[0]
        hidden = self._hides and (key == b"bot_usage" or (key == b"usage" and self._caller is Dialect.OPENAI))
        return b"" if hidden else match[0]
