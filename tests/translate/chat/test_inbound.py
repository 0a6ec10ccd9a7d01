"""What is read of a completion request, and how its answer is shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refusal
from proxy.translate.calls import CallAnswer
from proxy.translate.chat.inbound import ChatInbound, ContextInbound
from tests.support.calling import ARK, OPENAI, received

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["model", "stream", "stream_options", "messages", "context_id", "n", "conversation"])


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"stream": True}, False),
        ({"stream": True, "stream_options": None}, False),
        ({"stream": True, "stream_options": {}}, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"stream": True, "stream_options": {"chunk_include_usage": True}}, True),
        ({"stream": False, "stream_options": {"include_usage": True}}, False),
        ({"stream_options": 7}, False),
    ],
)
def test_who_asked_for_usage(body: dict[str, object], asked: bool) -> None:
    """Only a stream's caller who says so wants to see the usage."""
    assert ChatInbound(OPENAI).decode(received({"model": "m", **body})).asked_usage is asked


def test_stream_options_that_cannot_be_read() -> None:
    """Options that we have to extend must be an object."""
    with pytest.raises(Refusal) as refused:
        ChatInbound(ARK).decode(received({"model": "m", "stream": True, "stream_options": "usage"}))
    assert refused.value.param == "stream_options"


@given(st.dictionaries(NAMES, VALUES))
def test_any_body(body: dict[str, object]) -> None:
    """Whatever is sent is read, or refused by name."""
    for inbound in (ChatInbound(OPENAI), ContextInbound()):
        param: str | None = "read"
        try:
            inbound.decode(received(body))
        except Refusal as refused:
            param = refused.param
        assert param is not None


def test_answer_is_named() -> None:
    """An answer of either family passes as it is, under the caller's name."""
    raw = b'{"choices":[{"message":{"reasoning_content":"r"}}],"model":"up","usage":null}'
    answer = CallAnswer(fields={}, raw=raw, dialect=ARK, model="up")
    for inbound in (ChatInbound(OPENAI), ContextInbound()):
        request = inbound.decode(received({"model": "mine"}))
        assert inbound.encode(answer, request) == raw.replace(b'"up"', b'"mine"')
        assert inbound.encode(answer, replace(request, request_model="mine")) == raw


def test_making_a_context_is_no_stream() -> None:
    """A context is made whole, whatever the caller writes."""
    assert not ContextInbound().decode(received({"model": "m", "stream": True})).stream
