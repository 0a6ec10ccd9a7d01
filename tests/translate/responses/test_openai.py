"""Ark callers' responses at OpenAI-shaped upstreams (openai-wire.md §3.2, §3.7)."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.translate.responses import ark, openai
from tests.support.calling import received, sent


def to_openai(body: dict[str, object], *, lossy: bool = False) -> tuple[dict[str, object], list[str]]:
    """What an OpenAI-shaped upstream gets, and what the caller was warned of."""
    _, call = sent(ark.INBOUND, openai.CREATE, received({"model": "m", **body}, lossy=lossy))
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


@pytest.mark.parametrize(
    ("body", "sent_as", "warned"),
    [
        ({"input": "x", "instructions": None, "store": None}, {"input": "x"}, []),
        ({"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "none"}}, []),
        (
            {"thinking": {"type": "enabled"}, "reasoning": {"effort": "high"}},
            {"reasoning": {"effort": "high"}},
            [],
        ),
        ({"thinking": {"type": "enabled"}}, {}, ["thinking"]),
        ({"caching": {"type": "enabled"}, "expire_at": 1}, {}, ["caching", "expire_at"]),
        ({"service_tier": "fast"}, {}, ["service_tier"]),
        ({"context_management": [{"type": "x"}]}, {"context_management": [{"type": "x"}]}, []),
    ],
)
def test_words(body: dict[str, object], sent_as: dict[str, object], warned: list[str]) -> None:
    """What only Ark says is said in OpenAI's words, or dropped with a warning; nulls mean absent."""
    assert to_openai(body) == (sent_as, warned)


def test_session() -> None:
    """A session changes what the model knows, so it is not dropped without leave."""
    with pytest.raises(Refusal) as refused:
        to_openai({"session": {"id": "s"}})
    assert refused.value.param == "session"
    assert to_openai({"session": {"id": "s"}}, lossy=True) == ({}, ["session"])


def test_there_and_back() -> None:
    """What both sides can say survives the way from OpenAI's words to Ark's and back."""
    body = {
        "model": "m",
        "input": "é",
        "reasoning": {"effort": "none"},
        "max_output_tokens": 3,
        "previous_response_id": "r",
    }
    _, there = sent(openai.INBOUND, ark.CREATE, received(body))
    _, again = sent(ark.INBOUND, openai.CREATE, received(there.request.body))
    assert orjson.loads(again.request.body) == body
