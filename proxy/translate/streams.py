"""What the translators of streamed answers share: events in, bytes out, and changing an event in place. An event is parsed only if it must be."""

from collections.abc import Callable, Mapping

import orjson

from proxy.model import Dialect, Usage
from proxy.translate import errors, jsonbody, sse
from proxy.translate.errors import redact
from proxy.translate.wire import WireResponse

_NO_CODE = "upstream_error"
_STATUS = 500


class EventStream:
    """A stream whose events are looked at one by one; what a family does with an event is its `_passed`."""

    def __init__(self, longest: int = sse.LONGEST) -> None:
        self._splitter = sse.Splitter(longest)
        self.usage: Usage | None = None
        self.model: str | None = None
        self.id: str | None = None
        self.error_code: str | None = None
        self.ended = False
        self.events = 0

    def feed(self, chunk: bytes) -> bytes:
        """What the caller gets for these bytes; may be empty."""
        events = self._splitter.feed(chunk)
        if len(events) == 1:
            return self._passed(events[0])
        return b"".join([self._passed(event) for event in events])

    def close(self) -> bytes:
        """What is left for the caller when the upstream has ended: a last event without its blank line."""
        rest = self._splitter.close()
        return self._passed(rest) if rest else b""

    def _passed(self, event: bytes) -> bytes:
        """What the caller gets for one event."""
        raise NotImplementedError


class UnreadStream(EventStream):
    """A stream of an operation that has none: should an upstream stream it all the same, it passes as it came."""

    def _passed(self, event: bytes) -> bytes:
        return event


def read_event(data: bytes) -> dict[str, object] | None:
    """The JSON object of an event; None for anything else, which passes unread."""
    if data[:1] != b"{":
        return None
    try:
        body: dict[str, object] = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return body


def within(raw: bytes, path: tuple[str, ...], change: Callable[[bytes], bytes]) -> bytes:
    """JSON with the value at `path` changed in place; unchanged where there is no such value."""
    if not path:
        return change(raw)
    if raw[:1] == b"{":
        for member in jsonbody.top_level(raw):
            if member.key == path[0]:
                new = within(raw[member.start : member.end], path[1:], change)
                return raw[: member.start] + new + raw[member.end :]
    return raw


def failure(event: bytes, data: bytes, body: Mapping[str, object], caller: Dialect) -> tuple[str, bytes]:
    """An error inside a stream: its code, and the event with a message that a caller may see.

    Both families' errors have the same members, so an object passes as it is; any other shape is said anew in the caller's envelope.
    """
    refusal = errors.decode(WireResponse(status=_STATUS, body=data))
    code = refusal.code or _NO_CODE
    inner = body.get("error")
    path, error = (("error", "message"), inner) if inner else (("message",), body)
    message = error.get("message") if isinstance(error, Mapping) else None
    if not isinstance(message, str):
        return code, sse.with_data(event, data, errors.render(refusal, caller, "")[2])
    clean = redact(message)
    if clean == message:
        return code, event
    return code, sse.with_data(event, data, within(data, path, lambda _: orjson.dumps(clean)))
