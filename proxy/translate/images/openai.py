"""OpenAI-shaped servers as upstreams of images, and OpenAI's callers (openai-wire.md §3.3)."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.translate import coerce, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream, Received
from proxy.translate.edits import Edits, Loss
from proxy.translate.images import ALWAYS_BASE64, EDITS, GENERATIONS, answers, fields
from proxy.translate.images.stream import ImageStream
from proxy.translate.videos.openai import parts
from proxy.translate.wire import Upload, WireRequest, WireResponse

# What only Ark has. `seed` and `guidance_scale` pass: several OpenAI-shaped servers know them, and the others name them in their refusal.
FOREIGN: Final[Mapping[str, Loss]] = {
    "tools": Loss.UNLESS_LOSSY,
    "layer_decomposition": Loss.UNLESS_LOSSY,
    "watermark": Loss.DROP,
    "optimize_prompt": Loss.DROP,
    "optimize_prompt_options": Loss.DROP,
}


@dataclass(frozen=True, slots=True)
class OpenAIInbound:
    """OpenAI callers of images; `edits` tells that they send pictures to be edited, mostly as a form."""

    edits: bool = False

    def decode(self, received: Received) -> CallRequest:
        """A request in its fields' types; sizes, counts and combinations are the upstream's to judge."""
        return passing.read_call(received, Dialect.OPENAI, fields.read(received, files=self.edits))

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """An OpenAI-shaped server's bytes as they came; Ark's with OpenAI's names beside its own."""
        if answer.dialect is Dialect.OPENAI:
            return passing.named(answer, request)
        return answers.for_openai(answer.raw, answer.fields, passing.shown_model(request, answer.model))


@dataclass(frozen=True, slots=True)
class OpenAIOutbound:
    """OpenAI-shaped servers; `edits` tells that the caller sent pictures to be edited."""

    edits: bool = False

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """OpenAI callers' bytes with the model's name; Ark callers' in OpenAI's words, with pictures as an edit."""
        edits = passing.begin(request, model)
        if request.dialect is Dialect.ARK:
            return _from_ark(edits, model)
        if not self.edits or not request.received.body.form:
            return passing.post(EDITS if self.edits else GENERATIONS, edits, Dialect.OPENAI)
        label = request.received.headers.get("content-type", "")
        if edits.none and label.lower().startswith("multipart/"):
            headers = {"content-type": label} | passing.headers_to(Dialect.OPENAI, request.received)
            sent = WireRequest(method="POST", path=EDITS, headers=headers, body=request.received.body.raw)
            return CallSend(request=sent, notices=tuple(edits.notices))
        return _form(edits, edits.members())

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """Images."""
        body = passing.read_answer(response)
        return passing.answered(response, body, Dialect.OPENAI, answers.usage(body))

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """OpenAI's events, or Ark's made of them."""
        return ImageStream(request, caller, Dialect.OPENAI, edits=self.edits)


def _form(edits: Edits, members: Mapping[str, object]) -> CallSend:
    """An edit as a form."""
    headers = passing.headers_to(Dialect.OPENAI, edits.request.received)
    sent = WireRequest(method="POST", path=EDITS, headers=headers, parts=parts.form(members))
    return CallSend(request=sent, notices=tuple(edits.notices))


def _from_ark(edits: Edits, model: str) -> CallSend:
    edits.settle(FOREIGN, {}, "this upstream")
    _several(edits)
    if model.startswith(ALWAYS_BASE64) and "response_format" in edits.fields:
        edits.leave_out("response_format")
        if edits.fields["response_format"] != "b64_json":
            edits.warn("response_format", "not sent, this model answers with b64_json")
    if "image" not in edits.fields:
        return passing.post(GENERATIONS, edits, Dialect.OPENAI)
    links = fields.links(edits.fields)
    if not isinstance(edits.fields["image"], list):
        return _form(edits, edits.members() | {"image": _file(links[0], "image")})
    return _form(edits, edits.members() | {"image": [_file(link, f"image[{at}]") for at, link in enumerate(links)]})


def _several(edits: Edits) -> None:
    """A sequence of images is a number of them here."""
    wish = edits.fields.get("sequential_image_generation")
    options = coerce.mapping(
        edits.fields.get("sequential_image_generation_options", {}), "sequential_image_generation_options"
    )
    most = options.get("max_images")
    edits.leave_out("sequential_image_generation_options")
    if wish == "auto" and most is not None:
        count = coerce.integer(most, "sequential_image_generation_options.max_images")
        edits.drop("sequential_image_generation", f"sent as n={count}: images that need not belong together")
        edits.put("n", count)
    elif wish in (None, "disabled"):
        edits.leave_out("sequential_image_generation")
    else:
        why = "this upstream wants to know how many images: send sequential_image_generation_options.max_images"
        edits.drop_if_lossy("sequential_image_generation", why, "not sent, one image was asked for")


def _file(link: str, param: str) -> Upload:
    """A data URL as the file that it holds; links cannot be fetched here."""
    head, comma, data = link.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        message = f"{param}: this upstream takes pictures themselves, no links; send a data URL."
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, message, param=param)
    try:
        return Upload(b64decode(data, validate=True), "image", head[5:-7])
    except ValueError:
        raise Refusal(
            Problem.INVALID_VALUE, f"{param}: the base64 of the data URL cannot be read.", param=param
        ) from None


INBOUND: Final = OpenAIInbound()
EDIT_INBOUND: Final = OpenAIInbound(edits=True)
GENERATE: Final = OpenAIOutbound()
EDIT: Final = OpenAIOutbound(edits=True)
