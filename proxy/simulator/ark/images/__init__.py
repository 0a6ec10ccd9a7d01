"""Images at Ark: images/generations, whole or as a stream, with an error for each image that fails (ark-wire.md §5.3).

The pictures are real ones of the size asked for; a picture is the same for the same prompt and place. Directives:
`images=N` (fewer than asked for), `image-error=0,2` (these fail), `refuse=STATUS:Code`.
"""

import base64
import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, pictures, sse, talk
from proxy.simulator.ark.desk import Desk, read_object, refuse_if_asked
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.ark.images import order
from proxy.simulator.ark.images.order import Order
from proxy.simulator.ark.results import Links
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Object
from proxy.simulator.sse import Event

_FAILED: tuple[tuple[str, Json], ...] = (
    ("code", "OutputImageSensitiveContentDetected"),
    ("message", "The request failed because the output image may contain sensitive information."),
)


def routes(core: Core, desk: Desk, links: Links) -> list[BaseRoute]:
    """The route images/generations; its links lead to the object store of `links`."""
    images = _Images(core, desk, links)
    return [Route("/api/v3/images/generations", desk.answering(images.create), methods=["POST"])]


class _Images:
    def __init__(self, core: Core, desk: Desk, links: Links) -> None:
        self._core = core
        self._desk = desk
        self._links = links

    async def create(self, request: Request) -> Response:
        self._desk.authenticate(request)
        wanted = order.read(without_nulls(await read_object(request)))
        words = faults.asked(request.scope, wanted.prompt)
        refuse_if_asked(words)
        count = min(wanted.count, talk.number(words["images"], "images")) if "images" in words else wanted.count
        failing = set(words.get("image-error", "").split(","))
        items: list[Object] = [
            {"error": dict(_FAILED)} if str(place) in failing else self._image(request, wanted, place)
            for place in range(count)
        ]
        self._core.recorder.counts["images"] += 1
        frame: Object = {"model": wanted.model, "created": int(self._core.clock.now())}
        usage = _usage(wanted, items)
        if words.get("usage") == "none":
            usage = {}
        if wanted.stream:
            error: Object = {"error": {name: self._desk.mid_stream()[name] for name in ("code", "message")}}
            return self._desk.stream(_events(frame, items, usage), words, Event(error, "error"))
        body: Object = frame | {"data": [*items]} | usage
        if all("error" in item for item in items):
            body |= {"data": [], "error": dict(_FAILED)}
        return self._desk.answer(body, words)

    def _image(self, request: Request, wanted: Order, place: int) -> Object:
        size = f"{wanted.width}x{wanted.height}"
        label = f"{hashlib.sha256(talk.plain(wanted.prompt).encode()).hexdigest()[:16]}-{place}"
        if wanted.b64:
            data = pictures.picture(wanted.form, wanted.width, wanted.height, label)
            held: Object = {"b64_json": base64.b64encode(data).decode("ascii")}
        else:
            name = f"{label}-{size}.{wanted.form}"
            held = {"url": self._links.picture(name, self._core.clock.now(), self._desk.origin(request))}
        return held | {"size": size, "output_format": wanted.form}


def _events(frame: Object, items: list[Object], usage: Object) -> list[Event]:
    """One event an image, then the usage."""
    bodies: list[Object] = []
    for place, item in enumerate(items):
        kind = "partial_failed" if "error" in item else "partial_succeeded"
        shown = {name: value for name, value in item.items() if name != "output_format"}
        bodies.append({"type": f"image_generation.{kind}", **frame, "image_index": place, **shown})
    bodies.append({"type": "image_generation.completed", **frame, **usage})
    return [*(Event(body, str(body["type"])) for body in bodies), sse.DONE]


def _usage(wanted: Order, items: list[Object]) -> Object:
    made = sum("error" not in item for item in items)
    tokens = made * wanted.width * wanted.height // 256
    usage: Object = {"generated_images": made, "output_tokens": tokens, "total_tokens": tokens}
    if wanted.inputs:
        usage["input_images"] = wanted.inputs
    if wanted.searches:
        usage["tool_usage"] = {"web_search": 1}
    return {"usage": usage}
