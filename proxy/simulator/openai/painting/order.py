"""What a request for images, or for the edit of some, must be at OpenAI (openai-wire.md §3.3).

`response_format` is for other models than the gpt-image ones, which always answer in base64.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from proxy.simulator import uploads
from proxy.simulator.openai import images, params
from proxy.simulator.openai.body import media_type
from proxy.simulator.openai.ways import Ways
from proxy.simulator.shelf import Object
from proxy.simulator.uploads import Parts, UnreadableError

USUAL_MODEL = "gpt-image-1"
PARAMETERS = params.table(
    string=(
        "model? prompt background? moderation? output_format? quality? response_format? safety_identifier? size? style? user"
    ),
    integer="n? output_compression? partial_images?",
    boolean="stream?",
)
_EDIT_TEXTS = frozenset(
    [
        "model",
        "prompt",
        "background",
        "input_fidelity",
        "output_format",
        "quality",
        "response_format",
        "safety_identifier",
        "size",
        "user",
    ]
)
_EDIT_INTEGERS = frozenset({"n", "output_compression", "partial_images"})
_SIZES: Final = {
    "gpt-image-1": ("1024x1024", "1536x1024", "1024x1536", "auto"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
    "dall-e-2": ("1024x1024", "512x512", "256x256"),
}
_SIZE = re.compile(r"([1-9]\d{1,3})x([1-9]\d{1,3})")
_QUALITIES = ("low", "medium", "high", "xhigh", "max", "auto", "standard", "hd")
MOST_IMAGES = 10
MOST_INPUTS = 16


@dataclass(frozen=True)
class Order:
    """A request that will be answered: `n` images of `width` by `height` pixels, from `inputs` others."""

    model: str
    prompt: str
    n: int
    width: int
    height: int
    inputs: int
    form: str
    b64: bool
    stream: bool
    partials: int
    quality: str
    background: str

    def is_gpt(self) -> bool:
        """Whether this is one of the gpt-image models."""
        return self.model.startswith("gpt-image")


def read(body: Object, ways: Ways, inputs: int = 0) -> Order:
    """The order of a body whose types are checked and whose nulls are gone."""
    model = ways.model_of({"model": body.get("model", USUAL_MODEL)})
    gpt = model.startswith("gpt-image")
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise ways.refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if gpt and "response_format" in body:
        raise ways.refused("Unknown parameter: 'response_format'.", "response_format", "unknown_parameter")
    stream = body.get("stream") is True
    if stream and not gpt:
        raise ways.refused(f"The model '{model}' does not support streaming.", "stream")
    form = params.one_of(body, "output_format", ("png", "webp", "jpeg"), ways) or "png"
    asked = params.one_of(body, "response_format", ("url", "b64_json"), ways)
    params.whole(body, "output_compression", 0, 100, ways)
    width, height = _size(body, model, ways)
    return Order(
        model=model,
        prompt=prompt,
        n=params.whole(body, "n", 1, 1 if model == "dall-e-3" else MOST_IMAGES, ways) or 1,
        width=width,
        height=height,
        inputs=inputs,
        form=form,
        b64=gpt or asked == "b64_json",
        stream=stream,
        partials=params.whole(body, "partial_images", 0, 3, ways) or 0,
        quality=params.one_of(body, "quality", _QUALITIES, ways) or "auto",
        background=params.one_of(body, "background", ("transparent", "opaque", "auto"), ways) or "auto",
    )


async def read_edit(request: Request, ways: Ways) -> tuple[Object, int]:
    """The parameters of an edit, which comes as multipart, and how many images it brings."""
    if media_type(request) != "multipart/form-data":
        kind = media_type(request)
        raise ways.refused(
            f"Unsupported content type: '{kind}'. This API method only accepts 'multipart/form-data' requests."
        )
    try:
        parts = await uploads.read(request)
    except UnreadableError as problem:
        raise ways.refused(f"We could not parse the body of your request: {problem}") from problem
    given = parts.named("image", "image[]")
    if not 1 <= len(given) <= MOST_INPUTS:
        raise ways.refused(f"Invalid 'image': expected 1 to {MOST_INPUTS} files.", "image")
    for upload in given + parts.named("mask"):
        if images.mime(upload.data) is None:
            text = f"Invalid image file '{upload.filename}': expected PNG, JPEG or WebP."
            raise ways.refused(text, "image")
    return {name: _typed(name, text, ways) for name, text in _texts(parts, ways)}, len(given)


def _texts(parts: Parts, ways: Ways) -> list[tuple[str, str]]:
    for name, _ in [*parts.texts, *parts.files]:
        if name not in _EDIT_TEXTS | _EDIT_INTEGERS | {"stream", "image", "image[]", "mask"}:
            raise ways.refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    return parts.texts


def _typed(name: str, text: str, ways: Ways) -> str | int | bool:
    """A form's text as the type of its parameter."""
    if name == "stream":
        return text == "true"
    if name in _EDIT_INTEGERS:
        if not text.isdecimal():
            raise ways.refused(f"Invalid type for '{name}': expected an integer.", name, "invalid_type")
        return int(text)
    return text


def _size(body: Object, model: str, ways: Ways) -> tuple[int, int]:
    value = body.get("size", "auto")
    wanted = value if isinstance(value, str) else "auto"
    allowed = next((sizes for name, sizes in _SIZES.items() if model.startswith(name)), None)
    if allowed is not None and "size" in body:
        params.one_of(body, "size", allowed, ways)
    named = _SIZE.fullmatch("1024x1024" if wanted == "auto" else wanted)
    if named is None:
        raise ways.refused(f"Invalid value: '{wanted}'. Expected a size such as '1024x1024'.", "size", "invalid_value")
    return int(named[1]), int(named[2])
