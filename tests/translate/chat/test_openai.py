"""Ark callers' completions at OpenAI-shaped upstreams (openai-wire.md §3.1, §3.7)."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.translate.chat import ark, openai
from tests.support.calling import received, sent

SDK_NULLS: dict[str, object] = {
    "messages": [{"role": "user", "content": "hi"}],
    "frequency_penalty": None,
    "stream": None,
    "stream_options": None,
    "thinking": None,
    "reasoning_effort": None,
    "user": None,
}


def to_openai(body: dict[str, object], *, lossy: bool = False) -> tuple[dict[str, object], list[str]]:
    """What an OpenAI-shaped upstream gets of an Ark caller's request, and what the caller was warned of."""
    _, call = sent(ark.INBOUND, openai.OUTBOUND, received({"model": "m", **body}, lossy=lossy))
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


def test_nulls_mean_absent() -> None:
    """Ark's SDK writes null for whatever is unset; another dialect's upstream gets none of them."""
    assert to_openai(SDK_NULLS) == ({"messages": SDK_NULLS["messages"]}, [])


@pytest.mark.parametrize(
    ("body", "sent_as", "warned"),
    [
        ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, []),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "minimal"}, {"reasoning_effort": "none"}, []),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, {"reasoning_effort": "high"}, []),
        ({"thinking": {"type": "auto"}}, {}, ["thinking"]),
        ({"service_tier": "fast"}, {}, ["service_tier"]),
        ({"service_tier": "flex"}, {"service_tier": "flex"}, []),
        ({"caching": {"type": "enabled"}}, {}, ["caching"]),
        ({"repetition_penalty": 1.1, "max_tokens": 4}, {"repetition_penalty": 1.1, "max_tokens": 4}, []),
    ],
)
def test_words(body: dict[str, object], sent_as: dict[str, object], warned: list[str]) -> None:
    """What only Ark says is said in OpenAI's words, or dropped with a warning."""
    assert to_openai(body) == (sent_as, warned)


def test_session() -> None:
    """A session changes what the model knows, so it is not dropped without leave."""
    with pytest.raises(Refusal) as refused:
        to_openai({"session_id": "s"})
    assert refused.value.param == "session_id"
    assert to_openai({"session_id": "s"}, lossy=True) == ({}, ["session_id"])


def test_stream_options() -> None:
    """Ark's own stream option is not sent, and the caller told so."""
    members, warned = to_openai({"stream": True, "stream_options": {"chunk_include_usage": True}})
    assert members["stream_options"] == {"include_usage": True}
    assert warned == ["stream_options.chunk_include_usage"]


def test_there_and_back() -> None:
    """What both sides can say survives the way from OpenAI's words to Ark's and back."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "é"}],
        "temperature": 0.25,
        "max_tokens": 3,
        "service_tier": "auto",
    }
    _, there = sent(openai.INBOUND, ark.OUTBOUND, received({**body, "reasoning_effort": "none"}))
    _, again = sent(ark.INBOUND, openai.OUTBOUND, received(there.request.body))
    assert orjson.loads(again.request.body) == {**body, "reasoning_effort": "none"}
