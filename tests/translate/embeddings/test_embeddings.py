"""Embeddings and tokenization within a dialect and between the two (openai-wire.md §3.4, ark-wire.md §5.3)."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refusal, UnreadableAnswer
from proxy.model import Dialect
from proxy.translate.embeddings import ark, openai
from proxy.translate.embeddings.codecs import EmbeddingsOutbound
from proxy.translate.streams import UnreadStream
from tests.support.calling import ARK, OPENAI, answer, back, received, sent

CODECS = {ARK: (ark.INBOUND, ark.CREATE), OPENAI: (openai.INBOUND, openai.CREATE)}
FLOATS = b'{ "object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0, -2.5]}],"model":"up","usage":{"prompt_tokens":3,"total_tokens":3} }'
CODED = FLOATS.replace(b"[1.0, -2.5]", b'"AACAPwAAIMA="')
JSON = st.recursive(
    st.none() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["embedding", "data", "usage", "model"]), inner, max_size=3)
    ),
)


@pytest.mark.parametrize("dialect", CODECS)
def test_request_within_a_dialect(dialect: Dialect) -> None:
    """Only the model's name changes."""
    raw = b'{ "model": "alias","input":[ "a" ],"encoding_format":null , "user":null}'
    inbound, outbound = CODECS[dialect]
    _, call = sent(inbound, outbound, received(raw), "up")
    assert (call.request.path, call.request.body) == ("/embeddings", raw.replace(b'"alias"', b'"up"'))


def test_request_between_dialects() -> None:
    """The words are the same; nulls mean absent."""
    raw = b'{"model":"m","input":"a","encoding_format":"base64","user":null}'
    _, call = sent(ark.INBOUND, openai.CREATE, received(raw))
    assert call.request.body == b'{"model":"m","input":"a","encoding_format":"base64"}'


@pytest.mark.parametrize("caller", CODECS)
@pytest.mark.parametrize("upstream", CODECS)
@pytest.mark.parametrize("came", [FLOATS, CODED])
@pytest.mark.parametrize(("asked", "wanted"), [("float", FLOATS), (None, FLOATS), ("base64", CODED)])
def test_format_that_was_asked_for(
    caller: Dialect, upstream: Dialect, came: bytes, asked: str | None, wanted: bytes
) -> None:
    """Whichever format comes, the caller gets what was asked for, numbers by default; what came so keeps every byte."""
    inbound, outbound = CODECS[caller][0], CODECS[upstream][1]
    request, _ = sent(inbound, outbound, received({"model": "alias", "input": "a", "encoding_format": asked}), "up")
    read, shown = back(inbound, outbound, request, answer(came))
    assert orjson.loads(shown) == orjson.loads(wanted) | {"model": "alias"}
    assert orjson.loads(read.raw)["data"] == read.fields["data"]
    if came == wanted:
        assert shown == came.replace(b'"up"', b'"alias"')
    assert read.usage is not None
    assert (read.usage.input_tokens, read.usage.total_tokens) == (3, 3)


@pytest.mark.parametrize(
    ("codec", "path"),
    [
        (ark.MULTIMODAL, "/embeddings/multimodal"),
        (ark.BATCH, "/batch/embeddings"),
        (ark.BATCH_MULTIMODAL, "/batch/embeddings/multimodal"),
        (ark.TOKENIZE, "/tokenization"),
    ],
)
def test_what_only_ark_has(codec: EmbeddingsOutbound, path: str) -> None:
    """The caller's bytes go to a path of their own, and the answer's come back."""
    raw = b'{"model":"m","input":[{"type":"image_url","image_url":{"url":"u"}}],"text":["a"]}'
    request, call = sent(ark.INBOUND, codec, received(raw))
    assert (call.request.path, call.request.body) == (path, raw)
    shown = (
        b'{"data":{"embedding":[0.5],"object":"embedding"},"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'
    )
    assert back(ark.INBOUND, codec, request, answer(shown))[1] == shown
    tokens = b'{"data":[{"index":0,"total_tokens":2,"token_ids":[1,2]}],"model":"m"}'
    read, out = back(ark.INBOUND, codec, request, answer(tokens))
    assert (out, read.usage) == (tokens, None)


def test_one_multimodal_vector_as_base64() -> None:
    """A multimodal answer's one vector comes in the format asked for, too."""
    request, _ = sent(ark.INBOUND, ark.MULTIMODAL, received({"model": "m", "encoding_format": "base64"}))
    shown = back(ark.INBOUND, ark.MULTIMODAL, request, answer(b'{"data":{"embedding":[1.0]},"model":"m"}'))[1]
    assert shown == b'{"data":{"embedding":"AACAPw=="},"model":"m"}'


@given(
    st.dictionaries(st.sampled_from(["data", "model", "usage", "error"]), JSON), st.sampled_from(["float", "base64"])
)
def test_any_answer(body: dict[str, object], wanted: str) -> None:
    """Whatever is answered can be shown, or is unreadable or an error."""
    request, _ = sent(openai.INBOUND, openai.CREATE, received({"model": "m", "encoding_format": wanted}))
    try:
        shown = back(openai.INBOUND, openai.CREATE, request, answer(body))[1]
    except (UnreadableAnswer, Refusal):
        return
    assert isinstance(orjson.loads(shown), dict)


def test_no_stream() -> None:
    """Vectors are never streamed, whatever the caller writes."""
    request = openai.INBOUND.decode(received({"model": "m", "stream": True}))
    assert not request.stream
    assert isinstance(openai.CREATE.stream(request, OPENAI), UnreadStream)
