"""What a request for images must be at Ark, per Seedream model (ark-wire.md §5.3): refuses with ArkError.

A model is known by its version in its id; an endpoint counts as 4.0. Parameters of OpenAI's that Ark has not are refused by
name, other unknown ones are let through.
"""

import re
from dataclasses import dataclass
from typing import Final

from proxy.simulator.ark import fields
from proxy.simulator.ark.chat.order import model_of
from proxy.simulator.ark.errors import ArkError, invalid, missing, unsupported
from proxy.simulator.ark.fields import Body


@dataclass(frozen=True)
class Rules:
    """What one model can: `pixels` of an image (none where they are not published), how many images it takes."""

    pixels: tuple[int, int] | None
    images: int = 14
    sequential: bool = True
    stream: bool = True
    guidance: bool = False


_NEWEST = Rules(None, images=10, sequential=False, stream=False)
_MODELS = (
    ("seedream-5-0-pro", _NEWEST),
    ("seedream-5-0-flash", _NEWEST),
    ("seedream-5-0", Rules((3_686_400, 10_404_496))),
    ("seedream-4-5", Rules((3_686_400, 16_777_216))),
    ("seedream-4-0", Rules((921_600, 16_777_216))),
    ("seedream-3-0", Rules((512**2, 2048**2), stream=False, guidance=True)),
    ("ep-", Rules((921_600, 16_777_216))),
)
_SIDES: Final = {"1K": 1024, "2K": 2048, "3K": 3072, "4K": 4096}
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_NOT_ARK = (
    "n",
    "quality",
    "style",
    "moderation",
    "output_compression",
    "partial_images",
    "user",
    "safety_identifier",
    "mask",
)
MOST_RATIO = 16
MOST_IMAGES = 15
# What `auto` makes where the request does not bound it.
USUAL_IMAGES = 3
# Third parties only (openai-wire.md §3.3): about 10 MB for each data URL.
LONGEST_DATA_URL = 10 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """A request that will be answered: `count` images of `width` by `height` pixels, from `inputs` others."""

    model: str
    prompt: str
    width: int
    height: int
    count: int
    inputs: int
    form: str
    b64: bool
    stream: bool
    searches: bool


def read(body: Body) -> Order:
    """The order of a body without nulls."""
    model = model_of(body)
    rules = _rules(model)
    for name in _NOT_ARK:
        if name in body:
            raise unsupported(name, model)
    prompt = fields.text(body, "prompt")
    if not prompt and not fields.flag(body, "layer_decomposition"):
        raise missing("prompt")
    stream = bool(fields.flag(body, "stream"))
    if stream and not rules.stream:
        raise unsupported("stream", model)
    _check_options(body, model, rules)
    width, height = _size(body, rules)
    return Order(
        model=model,
        prompt=prompt or "",
        width=width,
        height=height,
        count=_count(body, model, rules),
        inputs=_inputs(body, rules),
        form=fields.word(body, "output_format", ("jpeg", "png")) or "jpeg",
        b64=fields.word(body, "response_format", ("url", "b64_json")) == "b64_json",
        stream=stream,
        searches=_searches(body),
    )


def _rules(model: str) -> Rules:
    plain = model.replace(".", "-")
    rules = next((rules for part, rules in _MODELS if part in plain), None)
    if rules is None:
        message = f"The model or endpoint {model} does not exist or you do not have access to it."
        raise ArkError(404, "InvalidEndpointOrModel.NotFound", message, "model")
    return rules


def _check_options(body: Body, model: str, rules: Rules) -> None:
    fields.integer(body, "seed", -1, 2**31 - 1)
    fields.flag(body, "watermark")
    fields.word(body, "background", ("opaque", "transparent"))
    options = fields.inside(body, "optimize_prompt_options")
    fields.word(options, "optimize_prompt_options.mode", ("standard", "fast"))
    if "guidance_scale" in body and not rules.guidance:
        raise unsupported("guidance_scale", model)
    fields.number(body, "guidance_scale", 1, 10)


def _size(body: Body, rules: Rules) -> tuple[int, int]:
    wanted = fields.text(body, "size") or "2K"
    named = _SIZE.fullmatch(wanted)
    if wanted in _SIDES:
        width = height = _SIDES[wanted]
    elif named:
        width, height = int(named[1]), int(named[2])
    else:
        raise invalid("size", "1K, 2K, 3K, 4K or <width>x<height> is expected")
    if rules.pixels and not rules.pixels[0] <= width * height <= rules.pixels[1]:
        raise invalid("size", f"the image must have {rules.pixels[0]} to {rules.pixels[1]} pixels")
    if max(width, height) > MOST_RATIO * min(width, height):
        raise invalid("size", f"the ratio of width and height must be within [1/{MOST_RATIO}, {MOST_RATIO}]")
    return width, height


def _count(body: Body, model: str, rules: Rules) -> int:
    mode = fields.word(body, "sequential_image_generation", ("auto", "disabled"))
    options = fields.inside(body, "sequential_image_generation_options")
    if (mode == "auto" or options) and not rules.sequential:
        raise unsupported("sequential_image_generation", model)
    most = fields.integer(options, "sequential_image_generation_options.max_images", 1, MOST_IMAGES)
    return (most or USUAL_IMAGES) if mode == "auto" else 1


def _inputs(body: Body, rules: Rules) -> int:
    value = body.get("image")
    if value is None:
        return 0
    images = value if isinstance(value, list) else [value]
    if not 1 <= len(images) <= rules.images:
        raise invalid("image", f"1 to {rules.images} images are expected")
    for place, image in enumerate(images):
        where = f"image[{place}]" if isinstance(value, list) else "image"
        if not isinstance(image, str) or not image.startswith(("http://", "https://", "data:image/")):
            raise invalid(where, "an http(s) address or a data URL of an image is expected")
        if image.startswith("data:") and len(image) > LONGEST_DATA_URL:
            raise invalid(where, f"it must have at most {LONGEST_DATA_URL} bytes")
    return len(images)


def _searches(body: Body) -> bool:
    tools = body.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise invalid("tools", "an array of objects is expected")
    if any(tool.get("type") != "web_search" for tool in tools):
        raise invalid("tools", "only web_search is supported")
    return bool(tools)
