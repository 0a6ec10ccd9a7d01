"""Streamed images, within a family and between the two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.translate.calls import CallRequest, Received
from proxy.translate.images.stream import ImageStream
from proxy.translate.wire import Body
from tests.support.calling import ARK, OPENAI, bodies, cut, event, fed

FAILED = {"code": "OutputImageSensitiveContentDetected", "message": "m"}


def step(kind: str, **more: object) -> bytes:
    """One event with its name."""
    return event({"type": kind, **more}, kind)


def at_ark(name: str, **more: object) -> bytes:
    """One of Ark's events."""
    return step(f"image_generation.{name}", model="up-1", created=7, **more)


ARK_STREAM = [
    at_ark("partial_succeeded", image_index=0, b64_json="AAAA", size="2048x2048"),
    at_ark("partial_failed", image_index=1, error=FAILED),
    at_ark("partial_succeeded", image_index=2, b64_json="BBBB", size="1024x1024"),
    at_ark("completed", usage={"generated_images": 2, "output_tokens": 20, "total_tokens": 20}),
    b"data: [DONE]\n\n",
]
OPENAI_STREAM = [
    step("image_generation.partial_image", b64_json="AA", partial_image_index=0, created_at=7),
    step(
        "image_generation.completed", b64_json="BBBB", size="1024x1024", created_at=8,
        usage={"input_tokens": 5, "output_tokens": 10, "total_tokens": 15},
    ),
]  # fmt: skip
STREAMS = {ARK: ARK_STREAM, OPENAI: OPENAI_STREAM}


def translator(caller: Dialect, upstream: Dialect, *, model: str = "up-1", edits: bool = False) -> ImageStream:
    """A stream from an upstream to a caller."""
    request = CallRequest(
        model=model, dialect=caller, received=Received(body=Body(fields={}, raw=b"")), request_model="ep-1"
    )
    return ImageStream(request, caller, upstream, edits=edits)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2000), max_size=6), st.sampled_from([ARK, OPENAI]), st.sampled_from(["up-1", "alias"]))
def test_within_a_family(places: list[int], dialect: Dialect, name: str) -> None:
    """However it comes, a stream keeps every byte but the model's name, and its images are counted."""
    stream = translator(dialect, dialect, model=name)
    data = b"".join(STREAMS[dialect])
    assert fed(stream, cut(data, places)) == data.replace(b'"up-1"', b'"%s"' % name.encode())
    assert stream.usage is not None
    images, total = (2, 20) if dialect is ARK else (1, 15)
    assert (stream.usage.images, stream.usage.total_tokens, stream.events, stream.ended) == (
        images,
        total,
        images,
        True,
    )
    assert stream.error_code is None


@pytest.mark.parametrize("edits", [True, False])
def test_ark_to_openai(edits: bool) -> None:
    """Every image is passed on as it comes, and the end holds the last one with the usage; a failed image stays a failed image."""
    stream = translator(OPENAI, ARK, model="alias", edits=edits)
    out = fed(stream, ARK_STREAM)
    prefix = "image_edit" if edits else "image_generation"
    first, failed, second, last = bodies(out)
    assert (first["type"], first["b64_json"], first["partial_image_index"]) == (f"{prefix}.partial_image", "AAAA", 0)
    assert (failed["type"], failed["error"], failed["model"]) == ("image_generation.partial_failed", FAILED, "alias")
    assert (second["b64_json"], second["partial_image_index"]) == ("BBBB", 2)
    assert (last["type"], last["b64_json"], last["created_at"], last["model"]) == (
        f"{prefix}.completed",
        "BBBB",
        7,
        "alias",
    )
    assert last["usage"] == {"generated_images": 2, "output_tokens": 20, "total_tokens": 20, "input_tokens": 0}
    assert out.endswith(b"data: [DONE]\n\n")
    assert out.startswith(f"event: {prefix}.partial_image\n".encode())
    assert stream.usage is not None
    assert stream.usage.images == 2


def test_openai_to_ark() -> None:
    """A finished image is an image and an end at Ark; previews, which nobody asked for, are not passed on."""
    stream = translator(ARK, OPENAI, model="alias")
    image, end = bodies(fed(stream, OPENAI_STREAM))
    assert (image["type"], image["b64_json"], image["image_index"]) == ("image_generation.partial_succeeded", "BBBB", 0)
    assert (image["model"], image["created"], image["size"]) == ("alias", 8, "1024x1024")
    assert (end["type"], end["model"], end["created"]) == ("image_generation.completed", "alias", 8)
    assert end["usage"] == {"generated_images": 1, "input_tokens": 5, "output_tokens": 10, "total_tokens": 15}
    assert "b64_json" not in end
    assert stream.usage is not None
    assert (stream.usage.images, stream.usage.total_tokens, stream.ended) == (1, 15, True)


@pytest.mark.parametrize("upstream", [ARK, OPENAI])
@pytest.mark.parametrize("caller", [ARK, OPENAI])
def test_errors(caller: Dialect, upstream: Dialect) -> None:
    """An error passes to either family, and its code is known."""
    for error in (event({"error": FAILED}, "error"), event({"type": "error", "error": FAILED})):
        stream = translator(caller, upstream)
        assert fed(stream, [error]) == error
        assert stream.error_code == FAILED["code"]


def test_end_with_an_error() -> None:
    """An end that says why nothing was made has its code in the ledger."""
    stream = translator(ARK, ARK)
    fed(stream, [at_ark("completed", error=FAILED, usage={"generated_images": 0, "total_tokens": 0})])
    assert (stream.error_code, stream.ended) == (FAILED["code"], True)
    assert stream.usage is not None
    assert stream.usage.images == 0


def test_end_without_images() -> None:
    """An end is an end, also where no image came before it and nothing was counted."""
    last = bodies(fed(translator(OPENAI, ARK), [event({"type": "image_generation.completed"})]))[0]
    assert last["type"] == "image_generation.completed"
    assert "b64_json" not in last


@given(
    st.binary(max_size=100) | st.sampled_from([b"data: {}\n\n", b": x\n\n", b'data: {"type":7}\n\n']),
    st.sampled_from([ARK, OPENAI]),
)
def test_any_bytes(data: bytes, caller: Dialect) -> None:
    """Bytes that are no event of either family pass as they are."""
    assert fed(translator(caller, ARK), [data]) == data
