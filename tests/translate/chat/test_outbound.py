"""Completions as they are sent and read: within one dialect every byte but the spliced ones is the caller's."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect
from proxy.translate.chat import ark, openai
from proxy.translate.chat.inbound import ChatInbound
from proxy.translate.chat.outbound import ChatOutbound
from proxy.translate.chat.stream import ChatStream
from tests.support.calling import ARK, OPENAI, answer, received, sent

CODECS = {ARK: (ark.INBOUND, ark.OUTBOUND), OPENAI: (openai.INBOUND, openai.OUTBOUND)}
SPACE = st.sampled_from(["", " ", "\n\t", "\r\n "])
SCALARS = st.sampled_from(
    ["null", "true", "1.50", "1e3", "-0", '"\\u00e9\\/"', '"model"', '"é"', "123456789012345678901234567890"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ " + " ,".join(items) + "]")
        | st.lists(inner, max_size=3).map(
            lambda items: "{" + ",".join(f'"k{at}" :{item}' for at, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=6,
)


@st.composite
def spelled(draw: st.DrawFn, fixed: dict[str, str]) -> str:
    """A body with these members somewhere among others, spelled freely."""
    names = draw(st.lists(st.sampled_from(["messages", "temperature", "tools", "x y", "é", "n"]), unique=True))
    members = {name: draw(VALUES) for name in names} | fixed
    order = draw(st.permutations(list(members)))
    inside = ",".join(
        draw(SPACE) + json.dumps(name, ensure_ascii=False) + draw(SPACE) + ":" + members[name] for name in order
    )
    return draw(SPACE) + "{" + inside + draw(SPACE) + "}" + draw(SPACE)


@given(
    spelled({"model": '"alias"', "stream": "false"}), st.sampled_from([ARK, OPENAI]), st.sampled_from(["alias", "ep-1"])
)
def test_whole_request_within_a_dialect(body: str, dialect: Dialect, model: str) -> None:
    """Nothing but the model's name changes, and not even that where the names are equal."""
    inbound, outbound = CODECS[dialect]
    _, call = sent(inbound, outbound, received(body.encode()), model)
    assert call.request.body == body.replace('"alias"', f'"{model}"').encode()
    assert (call.request.method, call.request.path, call.notices) == ("POST", "/chat/completions", ())
    assert call.request.headers["content-type"] == "application/json"


@given(spelled({"model": '"m"', "stream": "true", "stream_options": '{ "x":1.0 }'}), st.sampled_from([ARK, OPENAI]))
def test_streamed_request_within_a_dialect(body: str, dialect: Dialect) -> None:
    """The usage is asked for beside the caller's own options; every other byte stays."""
    inbound, outbound = CODECS[dialect]
    _, call = sent(inbound, outbound, received(body.encode()), "m")
    assert call.request.body == body.replace('{ "x":1.0 }', '{ "x":1.0,"include_usage":true }').encode()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("null", b'{"include_usage":true}'),
        ("{}", b'{"include_usage":true}'),
        ('{"include_usage": false , "a":1}', b'{"include_usage": true , "a":1}'),
        ('{"include_usage": true }', b'{"include_usage": true }'),
        ('{"include_usage":true,"chunk_include_usage":true}', b'{"include_usage":true,"chunk_include_usage":true}'),
    ],
)
def test_usage_is_asked_for(options: str, expected: bytes) -> None:
    """Whatever the caller's options were, the usage is asked for once."""
    body = f'{{"model":"m","stream":true,"stream_options":{options}}}'.encode()
    _, call = sent(ark.INBOUND, ark.OUTBOUND, received(body))
    assert call.request.body == b'{"model":"m","stream":true,"stream_options":' + expected + b"}"
    _, call = sent(ark.INBOUND, ark.OUTBOUND, received(b'{"model":"m","stream":true}'))
    assert call.request.body == b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}'


def test_whole_answer() -> None:
    """An answer tells what was consumed and who answered, and keeps its bytes."""
    raw = b'{ "id":"x","model":"up","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3} }'
    request, _ = sent(openai.INBOUND, ark.OUTBOUND, received({"model": "m"}), "up")
    read = ark.OUTBOUND.decode(answer(raw), request)
    assert read.usage is not None
    assert (read.raw, read.model, read.dialect, read.usage.total_tokens, read.id) == (raw, "up", ARK, 3, None)
    assert openai.INBOUND.encode(read, request) == raw.replace(b'"up"', b'"m"')


def test_bot_answer() -> None:
    """A bot's usage is that of its models."""
    request = ark.INBOUND.decode(received({"model": "bot-1"}))
    body = {
        "choices": [],
        "bot_usage": {"model_usage": [{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}]},
    }
    usage = ark.BOTS.decode(answer(body), request).usage
    assert usage is not None
    assert usage.total_tokens == 2


@given(
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from(["id", "model", "usage", "choices"]), VALUES).map(
        lambda body: ("{" + ",".join(f'"{name}":{value}' for name, value in body.items()) + "}").encode()
    )
)
def test_any_answer(body: bytes) -> None:
    """Whatever is answered can be shown, or is unreadable."""
    request, _ = sent(openai.INBOUND, openai.OUTBOUND, received({"model": "alias"}), "m")
    try:
        shown = openai.INBOUND.encode(openai.OUTBOUND.decode(answer(body), request), request)
    except UnreadableAnswer:
        return
    assert isinstance(orjson.loads(shown), dict)


def test_context_is_made() -> None:
    """The id of a context is an object of the caller's; an answer without one made none."""
    request = ark.CONTEXT_INBOUND.decode(received({"model": "m", "messages": []}))
    assert ark.CONTEXT.decode(answer({"id": "ctx-1", "usage": {"total_tokens": 4}}), request).id == "ctx-1"
    with pytest.raises(UnreadableAnswer):
        ark.CONTEXT.decode(answer({"model": "m"}), request)


def test_stream_is_a_chat_stream() -> None:
    """Streams of both dialects are translated by the same object."""
    request = ChatInbound(ARK).decode(received({"model": "m", "stream": True}))
    codec = ChatOutbound(OPENAI, "/x", ark.as_it_is)
    assert isinstance(codec.stream(request, ARK), ChatStream)
