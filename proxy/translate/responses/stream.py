"""Streamed responses: an event passes as it came, but for the model's name inside the `response` that some of them carry.

The usage comes in the last of them, whether anybody asks or not (openai-wire.md §3.2).
"""

from collections.abc import Mapping
from typing import Final

from proxy.model import Dialect
from proxy.translate import jsonbody, sse
from proxy.translate.calls import CallRequest
from proxy.translate.passing import shown_model
from proxy.translate.streams import EventStream, failure, read_event, within
from proxy.translate.usage import usage_of

_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_NO_CODE: Final = "response_failed"


class ResponseStream(EventStream):
    """One streamed response; events without a `response` and without an error, which are nearly all, are not parsed."""

    def __init__(self, request: CallRequest, caller: Dialect) -> None:
        super().__init__()
        self._request = request
        self._caller = caller

    def _passed(self, event: bytes) -> bytes:
        if b'"response"' not in event and b'error"' not in event:
            self.events += b'.delta"' in event
            return event
        data = sse.data_of(event)
        body = read_event(data)
        if body is None:
            return event
        kind, response = body.get("type"), body.get("response")
        if kind == "error" or (body.get("error") and not isinstance(response, Mapping)):
            self.error_code, event = failure(event, data, body, self._caller)
            return event
        if not isinstance(response, Mapping):
            self.events += isinstance(kind, str) and kind.endswith(".delta")
            return event
        if kind in _LAST:
            self._end(response)
        return self._named(event, data, response)

    def _end(self, response: Mapping[str, object]) -> None:
        """The last word on what was consumed, and on why it failed."""
        self.ended = True
        self.usage = usage_of(response.get("usage")) or self.usage
        if response.get("status") == "failed":
            error = response.get("error")
            code = error.get("code") if isinstance(error, Mapping) else None
            self.error_code = code if isinstance(code, str) and code else _NO_CODE

    def _named(self, event: bytes, data: bytes, response: Mapping[str, object]) -> bytes:
        """The event with the caller's name of the model; whose response it is is remembered."""
        made, model = response.get("id"), response.get("model")
        self.id = made if isinstance(made, str) and made else self.id
        if not isinstance(model, str):
            return event
        self.model = model or self.model
        shown = shown_model(self._request, model)
        if not shown:
            return event
        return sse.with_data(event, data, within(data, ("response",), lambda raw: jsonbody.replace_model(raw, shown)))
