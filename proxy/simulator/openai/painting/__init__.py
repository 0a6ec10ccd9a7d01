"""Images at OpenAI: images/generations and images/edits, whole or as a stream (openai-wire.md §3.3).

The pictures are real ones of the size asked for (a WebP has one pixel); a picture is the same for the same prompt and
place. A word of the prompt is a text token, an input image `talk.PART_TOKENS`, and 1024 pixels of output are one token.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, pictures, sse, talk
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.painting import order
from proxy.simulator.openai.painting.order import Order
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.shelf import Object
from proxy.simulator.sse import Event

VALID_SECONDS = 3600
_PICTURE = re.compile(r"([0-9a-f-]+)-(\d+)x(\d+)\.(png|jpeg|webp)")


def table(core: Core, ways: Ways) -> dict[str, dict[str, Handler]]:
    """The routes under /v1/images."""
    painting = _Painting(core, ways)
    return {
        "/v1/images/generations": {"POST": painting.generate},
        "/v1/images/edits": {"POST": painting.edit},
    }


def link_routes(core: Core) -> list[BaseRoute]:
    """The route that result links point to: signed, good for an hour, and for nobody's key."""

    async def serve(request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        until, given = query.get("se", ""), query.get("sig", "")
        if request.headers.get("authorization"):
            return Response("Only one way of authentication is allowed in a request.", 400)
        if not hmac.compare_digest(given.encode(), _sign(core, name, until).encode()):
            return Response("The signature does not match.", 403)
        if core.clock.now() >= int(until):
            return Response("The link has expired.", 403)
        named = _PICTURE.fullmatch(name)
        if named is None:
            raise ValueError("the link was signed here, but names no picture")
        label, width, height, form = named.groups()
        return Response(pictures.picture(form, int(width), int(height), label), media_type=pictures.TYPES[form])

    return [Route("/pictures/{name}", serve, methods=["GET"])]


class _Painting:
    def __init__(self, core: Core, ways: Ways) -> None:
        self._core = core
        self._ways = ways

    async def generate(self, request: Request) -> Response:
        body = await params.read(request, order.PARAMETERS, self._ways)
        return self._painted(request, order.read(body, self._ways), "image_generation")

    async def edit(self, request: Request) -> Response:
        body, inputs = await order.read_edit(request, self._ways)
        return self._painted(request, order.read(body, self._ways, inputs), "image_edit")

    def _painted(self, request: Request, wanted: Order, family: str) -> Response:
        words = faults.asked(request.scope, wanted.prompt)
        self._ways.refuse_if_asked(words)
        self._core.recorder.counts["images"] += 1
        now, how = int(self._core.clock.now()), sse.manner(words)
        if wanted.stream:
            blocks = sse.blocks(_events(wanted, family, now), how, self._ways.mid_stream())
            return sse.EventStream(self._core, blocks, how, {})
        body: Object = {"created": now, "data": [self._image(request, wanted, place) for place in range(wanted.n)]}
        if wanted.is_gpt():
            body |= _facts(wanted)
            if words.get("usage") != "none":
                body["usage"] = _usage(wanted)
        return sse.packed_json(body, how, {})

    def _image(self, request: Request, wanted: Order, place: int) -> Json:
        extra: Object = {"revised_prompt": talk.plain(wanted.prompt)} if wanted.model == "dall-e-3" else {}
        if wanted.b64:
            return {"b64_json": _drawn(wanted, place)} | extra
        name = f"{_label(wanted, place)}-{wanted.width}x{wanted.height}.{wanted.form}"
        until = str(int(self._core.clock.now()) + VALID_SECONDS)
        origin = (self._core.settings.base_url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/")
        return {"url": f"{origin}/pictures/{name}?se={until}&sig={_sign(self._core, name, until)}"} | extra


def _events(wanted: Order, family: str, now: int) -> list[Event]:
    """For each image its partial ones and the whole one, which has the usage of that image."""
    bodies: list[Object] = []
    one = replace(wanted, n=1)
    for place in range(wanted.n):
        shown: Object = {"b64_json": _drawn(wanted, place), "created_at": now, **_facts(wanted)}
        for number in range(wanted.partials):
            bodies.append({"type": f"{family}.partial_image", **shown, "partial_image_index": number})
        bodies.append({"type": f"{family}.completed", **shown, "usage": _usage(one)})
    return [Event(body, str(body["type"])) for body in bodies]


def _facts(wanted: Order) -> Object:
    return {
        "background": wanted.background,
        "output_format": wanted.form,
        "quality": wanted.quality,
        "size": f"{wanted.width}x{wanted.height}",
    }


def _usage(wanted: Order) -> Object:
    text, image = talk.count(talk.plain(wanted.prompt)), wanted.inputs * talk.PART_TOKENS
    output = wanted.n * wanted.width * wanted.height // 1024
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"image_tokens": image, "text_tokens": text},
        "output_tokens": output,
        "total_tokens": text + image + output,
    }


def _drawn(wanted: Order, place: int) -> str:
    data = pictures.picture(wanted.form, wanted.width, wanted.height, _label(wanted, place))
    return base64.b64encode(data).decode("ascii")


def _label(wanted: Order, place: int) -> str:
    return f"{hashlib.sha256(talk.plain(wanted.prompt).encode()).hexdigest()[:16]}-{place}"


def _sign(core: Core, name: str, until: str) -> str:
    secret = core.store.facts.get("link_secret")
    if not isinstance(secret, str):
        secret = f"{core.random.getrandbits(256):064x}"
        core.store.set_fact("link_secret", secret)
    return hmac.new(bytes.fromhex(secret), f"{name}\n{until}".encode(), hashlib.sha256).hexdigest()
