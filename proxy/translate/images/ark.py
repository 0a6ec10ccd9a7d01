"""Ark (Seedream) as an upstream of images, and Ark's callers (openai-wire.md §3.3, ark-wire.md §5.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.translate import coerce, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream, Received
from proxy.translate.edits import Edits, Loss
from proxy.translate.images import ALWAYS_BASE64, GENERATIONS, answers, fields
from proxy.translate.images.stream import ImageStream
from proxy.translate.wire import WireResponse

# What OpenAI callers may send and Ark has no word for. `background` is not here: openai-wire.md knows it as OpenAI's alone, but Ark has it
# (ark-wire.md §5.3), so it passes.
FOREIGN: Final[Mapping[str, Loss]] = {
    "mask": Loss.REFUSE,
    "quality": Loss.DROP,
    "style": Loss.DROP,
    "moderation": Loss.DROP,
    "output_compression": Loss.DROP,
    "partial_images": Loss.DROP,
    "input_fidelity": Loss.DROP,
    "user": Loss.DROP,
    "safety_identifier": Loss.DROP,
}
NOTHING: Final[Mapping[str, object]] = {"quality": "auto", "moderation": "auto"}


@dataclass(frozen=True, slots=True)
class ArkInbound:
    """Ark callers of images."""

    def decode(self, received: Received) -> CallRequest:
        """Ark's request; ranges and combinations are the model's to judge."""
        return passing.read_call(received, Dialect.ARK)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """Ark's bytes as they came; another's with Ark's names beside its own."""
        if answer.dialect is Dialect.ARK:
            return passing.named(answer, request)
        return answers.for_ark(answer.raw, answer.fields, request.model)


@dataclass(frozen=True, slots=True)
class ArkOutbound:
    """Ark as upstream; `edits` tells that the caller sent pictures to be edited."""

    edits: bool = False

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """Ark callers' bytes with the model's name; OpenAI callers' in Ark's words."""
        edits = passing.begin(request, model)
        if request.dialect is Dialect.OPENAI:
            _from_openai(edits)
            if self.edits:
                edits.leave_out("images")
                edits.put("image", fields.links(request.fields))
        return passing.post(GENERATIONS, edits, Dialect.ARK)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """Images, those that failed among them."""
        body = passing.read_answer(response)
        return passing.answered(response, body, Dialect.ARK, answers.usage(body))

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """Ark's events, or OpenAI's made of them."""
        return ImageStream(request, caller, Dialect.ARK, edits=self.edits)


def _from_openai(edits: Edits) -> None:
    if edits.fields.get("mask") is not None:
        edits.refuse("mask", "Ark edits whole pictures and takes no mask")
    edits.settle(FOREIGN, NOTHING, "Ark")
    if "n" in edits.fields:
        _several(edits, coerce.integer(edits.fields["n"], "n"))
    edits.leave_out(*(name for name in ("size", "background") if edits.fields.get(name) == "auto"))
    if edits.fields.get("output_format") == "webp":
        edits.drop_if_lossy("output_format", "Ark makes png and jpeg", "not sent, Ark makes png and jpeg")
    if "response_format" not in edits.fields and edits.request.model.startswith(ALWAYS_BASE64):
        edits.put("response_format", "b64_json")


def _several(edits: Edits, count: int) -> None:
    """Ark has no `n`; what comes nearest is a sequence, whose images belong together and may be fewer."""
    if count < 1:
        raise Refusal(Problem.INVALID_VALUE, f"n is {count}; send 1 or more.", param="n")
    if count == 1:
        edits.leave_out("n")
        return
    if "sequential_image_generation" in edits.fields:
        message = "n and sequential_image_generation both say how many images; send one of them."
        raise Refusal(Problem.CONFLICTING_PARAMETERS, message, param="n")
    done = f"asked for as a sequence of at most {count} images, which belong together and may be fewer"
    edits.drop_if_lossy("n", "Ark makes one image a call", done)
    edits.put("sequential_image_generation", "auto")
    edits.put("sequential_image_generation_options", {"max_images": count})


INBOUND: Final = ArkInbound()
GENERATE: Final = ArkOutbound()
EDIT: Final = ArkOutbound(edits=True)
