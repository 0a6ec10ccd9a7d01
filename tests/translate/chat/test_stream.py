"""Streamed completions: the same bytes at every split point, the usage from wherever it comes, hidden from whoever did not ask."""

import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.translate.calls import CallRequest, Received
from proxy.translate.chat.stream import ChatStream
from proxy.translate.wire import Body
from tests.support.calling import ARK, OPENAI, bodies, cut, event, fed

SENT = "ep-20250101-abc"
USAGE = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 3}}
TEXTS = [
    "Hel",
    '"usage":null}',
    ' "model":"x", ',
    "usage",
    '],"model":"doubao-1"}',
    "\\",
    "你好",
    '"error"',
    "]",
    "data: [DONE]",
    "",
]


def request(*, model: str = "doubao-1", caller: Dialect = ARK, asked: bool = False, sent: str = "") -> CallRequest:
    """A streamed request."""
    body = Received(body=Body(fields={}, raw=b""))
    return CallRequest(model=model, dialect=caller, received=body, request_model=sent, stream=True, asked_usage=asked)


def ark_chunk(delta: object, **more: object) -> bytes:
    """A chunk as Ark writes it: choices first."""
    choice = {"delta": {"content": delta, "role": "assistant"}, "index": 0}
    return event(
        {"choices": [choice], "created": 1742632436, "id": "0217", "model": "doubao-1", "service_tier": "default",
         "object": "chat.completion.chunk", "usage": None} | more
    )  # fmt: skip


def openai_chunk(delta: object, **more: object) -> bytes:
    """A chunk as OpenAI writes it while the usage is asked for: choices behind the model."""
    choice = {"index": 0, "delta": {"content": delta}, "logprobs": None, "finish_reason": None}
    return event(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1742632436, "model": "doubao-1",
         "system_fingerprint": "fp_]", "choices": [choice], "usage": None} | more
    )  # fmt: skip


ARK_STREAM = [*map(ark_chunk, TEXTS), ark_chunk("", choices=[], usage=USAGE), b"data: [DONE]\n\n"]
OPENAI_STREAM = [
    b": keep-alive\n\n",
    *(openai_chunk(text, obfuscation="x" * place) for place, text in enumerate(TEXTS)),
    openai_chunk("", choices=[], usage=USAGE, obfuscation="abc"),
    b"data: [DONE]\n\n",
]
STREAMS = {ARK: ARK_STREAM, OPENAI: OPENAI_STREAM}


def without_usage(chunk: bytes) -> bytes:
    """An OpenAI chunk as it would be had nobody asked for the usage."""
    return chunk.replace(b',"usage":null,"obf', b',"obf') if chunk.startswith(b"data: {") else chunk


@pytest.mark.parametrize("upstream", STREAMS)
def test_nothing_to_change(upstream: Dialect) -> None:
    """Same name, usage asked for: the same bytes."""
    stream = b"".join(STREAMS[upstream])
    assert fed(ChatStream(request(caller=upstream, asked=True), upstream), [stream]) == stream


@pytest.mark.parametrize("upstream", STREAMS)
@pytest.mark.parametrize("caller", STREAMS)
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("name", ["doubao-1", "my-alias"])
def test_every_split_point(upstream: Dialect, caller: Dialect, asked: bool, name: str) -> None:
    """Cut in two anywhere, a stream gives the same bytes: only the model's name and the usage are the caller's."""
    expected = [chunk.replace(b'"model":"doubao-1"', b'"model":"%s"' % name.encode()) for chunk in STREAMS[upstream]]
    if not asked:
        del expected[-2]
        if caller is OPENAI:
            expected = [
                (without_usage(one) if upstream is OPENAI else one.replace(b',"usage":null}\n', b"}\n"))
                for one in expected
            ]
    stream, wanted = b"".join(STREAMS[upstream]), b"".join(expected)
    for at in range(0, len(stream), 7):
        translator = ChatStream(request(model=name, caller=caller, asked=asked, sent=SENT), caller)
        assert fed(translator, [stream[:at], stream[at:]]) == wanted
        assert translator.usage is not None
        assert (translator.usage.total_tokens, translator.usage.cached_tokens) == (15, 3)
        assert (translator.events, translator.ended, translator.model) == (len(TEXTS), True, "doubao-1")


@pytest.mark.parametrize(
    ("upstream", "name"), [(ARK, "doubao-1"), (ARK, "alias"), (OPENAI, "doubao-1"), (OPENAI, "alias")]
)
def test_thousands_of_chunkings(upstream: Dialect, name: str) -> None:
    """Ten thousand random chunkings in all: same bytes but the name, exact usage, every time."""
    stream = b"".join(STREAMS[upstream])
    wanted = stream.replace(b'"model":"doubao-1"', b'"model":"%s"' % name.encode())
    dice = random.Random(7)
    for _ in range(2500):
        places = [dice.randrange(len(stream)) for _ in range(dice.randrange(12))]
        translator = ChatStream(request(model=name, caller=upstream, asked=True, sent=SENT), upstream)
        assert fed(translator, cut(stream, places)) == wanted
        assert translator.usage is not None
        assert translator.usage.total_tokens == 15


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([ark_chunk, openai_chunk]), st.text(max_size=12), st.sampled_from(["", "ob", "]"])),
        max_size=12,
    ),
    st.lists(st.integers(0, 4000), max_size=8),
    st.booleans(),
    st.sampled_from([ARK, OPENAI]),
    st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"]),
)
def test_random_streams(
    parts: list[tuple[object, str, str]], places: list[int], asked: bool, caller: Dialect, end: bytes
) -> None:
    """Whatever the chunks say, and however they come, no text is lost or changed, and all else is as a parser would have it."""
    stream = b"".join(
        (ark_chunk if make is ark_chunk else openai_chunk)(text, note=note).replace(b"\n\n", end)
        for make, text, note in parts
    )
    out = fed(ChatStream(request(model="alias", caller=caller, asked=asked, sent=SENT), caller), cut(stream, places))
    shown = [one | {"model": "alias"} for one in bodies(stream.replace(end, b"\n\n"))]
    if caller is OPENAI and not asked:
        shown = [{name: value for name, value in one.items() if name != "usage"} for one in shown]
    assert bodies(out.replace(end, b"\n\n")) == shown
    assert out.count(end) == stream.count(end)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4), st.booleans())
def test_any_bytes(data: bytes, places: list[int], asked: bool) -> None:
    """Bytes that are no events make nothing fail and pass as they are."""
    assert fed(ChatStream(request(asked=asked), ARK), cut(data, places)) == data


PLACEMENTS = {
    "a chunk of its own": [ark_chunk("a"), ark_chunk("", choices=[], usage=USAGE)],
    "the last chunk with content": [ark_chunk("a"), ark_chunk("b", usage=USAGE)],
    "every chunk, cumulated": [ark_chunk("a", usage=USAGE | {"total_tokens": 12}), ark_chunk("b", usage=USAGE)],
    "before the choices": [event({"usage": USAGE, "choices": [{"delta": {}}], "model": "doubao-1"})],
    "without choices": [event({"model": "doubao-1", "usage": USAGE})],
    "over several lines": [b'data: {"usage":\ndata: ' + orjson.dumps(USAGE) + b',"choices":[]}\n\n'],
    "without a last blank line": [ark_chunk("a"), ark_chunk("", choices=[], usage=USAGE)[:-2]],
    "white space in it": [b'data: { "choices": [ ], "usage" : ' + orjson.dumps(USAGE) + b" }\n\n"],
    "a bot's models": [event({"choices": [], "bot_usage": {"model_usage": [USAGE]}})],
    "then an empty one": [ark_chunk("a", usage=USAGE), ark_chunk("b", usage={})],
}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("caller", [ARK, OPENAI])
def test_usage_in_every_placement(placement: str, asked: bool, caller: Dialect) -> None:
    """Wherever the usage stands it is counted, the last one; who asked sees it untouched, who did not sees none of it."""
    chunks = [openai_chunk("x"), ark_chunk("x"), *PLACEMENTS[placement]]
    translator = ChatStream(request(caller=caller, asked=asked), caller)
    out = fed(translator, chunks)
    assert translator.usage is not None
    assert translator.usage.total_tokens == 15
    if asked:
        assert out == b"".join(chunks)
    else:
        assert not any(one.get("usage") or one.get("bot_usage") for one in bodies(out))


def test_chunk_with_more_than_usage() -> None:
    """A chunk that says more than the usage is not dropped with it."""
    chunk = event({"choices": [], "usage": USAGE, "references": [{"url": "u"}], "bot_usage": {}})
    assert bodies(fed(ChatStream(request(caller=OPENAI), OPENAI), [chunk])) == [
        {"choices": [], "references": [{"url": "u"}]}
    ]
    assert bodies(fed(ChatStream(request(), ARK), [chunk])) == [
        {"choices": [], "usage": None, "references": [{"url": "u"}]}
    ]


def test_names_that_are_equal() -> None:
    """Where the caller's name is the upstream's, answers keep whatever name they say."""
    stream = b"".join(ARK_STREAM[:-2])
    assert fed(ChatStream(request(model="short", sent="short"), ARK), [stream]) == stream


def test_name_of_the_first_chunk_is_empty() -> None:
    """A first chunk without a name (Azure's filters) keeps its emptiness, the others get the caller's name."""
    chunks = [event({"choices": [], "model": "", "prompt_filter_results": []}), ark_chunk("a")]
    out = bodies(fed(ChatStream(request(model="alias", sent=SENT), ARK), chunks))
    assert [one["model"] for one in out] == ["", "alias"]


def test_nested_names_stay() -> None:
    """Only the top level is the envelope: members of the same name inside the choices stay."""
    inner = [{"delta": {"model": "doubao-1", "usage": None}, "usage": 1}]
    chunks = [ark_chunk("a"), ark_chunk("", choices=inner), openai_chunk("", choices=inner)]
    out = bodies(fed(ChatStream(request(model="alias", caller=OPENAI, sent=SENT), OPENAI), chunks))
    assert [one["choices"] for one in out[1:]] == [inner, inner]
    assert not any("usage" in one for one in out)


def test_error_in_a_stream() -> None:
    """An error inside a stream passes, and its code is known."""
    raw = event({"error": {"code": "ServerOverloaded", "message": "busy", "type": "", "param": ""}})
    for error in (raw, b"event: error\n" + event({"code": "ServerOverloaded", "message": "busy"})):
        translator = ChatStream(request(), ARK)
        assert fed(translator, [ark_chunk("a"), error]) == ark_chunk("a") + error
        assert translator.error_code == "ServerOverloaded"


def test_error_in_a_known_frame() -> None:
    """An error is seen also where the chunk looks like all the others."""
    translator = ChatStream(request(), ARK)
    fed(translator, [ark_chunk("a"), ark_chunk("b", error="gone"), ark_chunk("c")])
    assert translator.error_code is not None


def test_stream_that_is_cut_off() -> None:
    """What is left of a cut event passes as it is; nothing was counted."""
    translator = ChatStream(request(), ARK)
    assert fed(translator, [ark_chunk("a"), ark_chunk("b")[:40]]) == ark_chunk("a") + ark_chunk("b")[:40]
    assert (translator.ended, translator.usage, translator.events) == (False, None, 1)


def test_heads_that_change() -> None:
    """A server whose chunks never begin alike is read all the same."""
    chunks = [openai_chunk("a", id=f"c{place}") for place in range(40)]
    translator = ChatStream(replace(request(model="alias", sent=SENT), dialect=OPENAI), OPENAI)
    out = bodies(fed(translator, chunks))
    assert [one["id"] for one in out] == [f"c{place}" for place in range(40)]
    assert {one["model"] for one in out} == {"alias"}
    assert not any("usage" in one for one in out)
    assert translator.events == 40
