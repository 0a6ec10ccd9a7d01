"""Streamed images. Same dialect: the events pass as they came; otherwise one family's events are said as the other's.

Ark sends every finished image as `partial_succeeded` and ends with `completed`, which holds the usage. At OpenAI `partial_image` is a
preview, and `completed` holds the image and the usage (openai-wire.md §3.3, ark-wire.md §5.3).
"""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.model import Dialect
from proxy.translate import jsonbody, sse
from proxy.translate.calls import CallRequest
from proxy.translate.images import answers
from proxy.translate.passing import shown_model
from proxy.translate.streams import EventStream, failure, read_event
from proxy.translate.usage import usage_of

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of one event: a large image in base64."""

_PICTURE: Final = ("b64_json", "url", "size", "output_format")


class ImageStream(EventStream):
    """One stream of images from an upstream of one dialect to a caller of either; `edits` are named otherwise at OpenAI."""

    def __init__(self, request: CallRequest, caller: Dialect, upstream: Dialect, *, edits: bool) -> None:
        super().__init__(LONGEST)
        self._request = request
        self._caller = caller
        self._upstream = upstream
        self._prefix = "image_edit" if edits else "image_generation"
        self._last: dict[str, object] = {}

    def _passed(self, event: bytes) -> bytes:
        data = sse.data_of(event)
        if data.startswith(sse.DONE):
            self.ended = True
            return event
        body = read_event(data)
        if body is None:
            return event
        kind = str(body.get("type") or sse.name_of(event).decode(errors="replace"))
        step = kind.rpartition(".")[2]
        if step == "error" or (body.get("error") and step not in ("partial_failed", "completed")):
            self.error_code, event = failure(event, data, body, self._caller)
            return event
        self._note(step, body)
        if self._caller is self._upstream or step not in _STEPS[self._upstream]:
            return self._named(event, data)
        return self._for_openai(step, body) if self._caller is Dialect.OPENAI else self._for_ark(step, body)

    def _note(self, step: str, body: Mapping[str, object]) -> None:
        """Count images, and remember who answers and what was consumed."""
        model = body.get("model")
        self.model = model if isinstance(model, str) and model else self.model
        self.events += step == _STEPS[self._upstream][0]
        if step == "completed":
            self.ended = True
            self.usage = usage_of(body.get("usage"), self.events) or self.usage
            error = body.get("error")
            if isinstance(error, Mapping) and error:
                self.error_code = str(error.get("code") or "error")

    def _named(self, event: bytes, data: bytes) -> bytes:
        """The event under the caller's name of the model."""
        shown = shown_model(self._request, self.model)
        return sse.with_data(event, data, jsonbody.replace_model(data, shown)) if shown else event

    def _for_openai(self, step: str, body: dict[str, object]) -> bytes:
        """An image of Ark's is passed on as soon as it comes; the end repeats the last one, where OpenAI's callers look for it."""
        if step == "partial_succeeded":
            self._last = {name: body[name] for name in _PICTURE if name in body}
            return self._said("partial_image", body | {"partial_image_index": body.get("image_index", 0)})
        counted = body.get("usage")
        usage = {"usage": answers.openai_usage(counted)} if isinstance(counted, Mapping) else {}
        return self._said("completed", self._last | body | usage)

    def _for_ark(self, step: str, body: dict[str, object]) -> bytes:
        """OpenAI's end is an image and an end at Ark; previews, for which Ark has no word, are not passed on."""
        if step == "partial_image":
            return b""
        counted = body.pop("usage", None)
        made = answers.ark_usage(counted if isinstance(counted, Mapping) else {}, self.events)
        end = {name: value for name, value in body.items() if name not in _PICTURE}
        image = self._said("partial_succeeded", body | {"image_index": self.events - 1})
        return image + self._said("completed", end | {"usage": made})

    def _said(self, step: str, body: dict[str, object]) -> bytes:
        """An event of the caller's family."""
        prefix = self._prefix if self._caller is Dialect.OPENAI else "image_generation"
        kind = f"{prefix}.{step}"
        created = body.get("created", body.get("created_at"))
        body |= {"type": kind, "model": self._request.model}
        if created is not None:
            body |= {"created": created, "created_at": created}
        return sse.event(orjson.dumps(body), kind.encode())


# The steps that are translated: first the one that tells of a finished image.
_STEPS: Final[Mapping[Dialect, tuple[str, ...]]] = {
    Dialect.ARK: ("partial_succeeded", "completed"),
    Dialect.OPENAI: ("completed", "partial_image"),
}
