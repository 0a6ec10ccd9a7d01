"""OpenAI callers' responses at Ark (openai-wire.md §3.2)."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.translate.responses import ark, openai
from tests.support.calling import received, sent


def to_ark(body: dict[str, object], *, lossy: bool = False) -> tuple[dict[str, object], list[str]]:
    """What Ark gets, and what the caller was warned of."""
    _, call = sent(openai.INBOUND, ark.CREATE, received({"model": "m", **body}, lossy=lossy))
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


@pytest.mark.parametrize(
    ("body", "sent_as", "warned"),
    [
        ({"input": [{"role": "developer", "content": "x"}]}, {"input": [{"role": "developer", "content": "x"}]}, []),
        (
            {"store": False, "include": ["x"], "max_tool_calls": 2},
            {"store": False, "include": ["x"], "max_tool_calls": 2},
            [],
        ),
        (
            {"thinking": {"type": "auto"}, "caching": {"type": "enabled"}},
            {"thinking": {"type": "auto"}, "caching": {"type": "enabled"}},
            [],
        ),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning": {"effort": "low", "summary": "auto"}}, []),
        ({"reasoning": {"effort": "none"}}, {"thinking": {"type": "disabled"}}, []),
        (
            {"reasoning": {"effort": "max", "summary": "auto"}},
            {"reasoning": {"summary": "auto", "effort": "high"}},
            ["reasoning.effort"],
        ),
        ({"service_tier": "fast"}, {"service_tier": "fast"}, []),
        ({"service_tier": "flex"}, {}, ["service_tier"]),
        ({"metadata": {"a": "b"}, "prompt_cache_key": "k"}, {}, ["metadata", "prompt_cache_key"]),
        ({"background": False, "conversation": None, "metadata": {}}, {}, []),
    ],
)
def test_words(body: dict[str, object], sent_as: dict[str, object], warned: list[str]) -> None:
    """What both know passes, what Ark says otherwise is said so, what only labels a call is dropped with a warning."""
    assert to_ark(body) == (sent_as, warned)


@pytest.mark.parametrize("body", [{"background": True}, {"conversation": "conv_1"}, {"prompt": {"id": "pmpt_1"}}])
def test_what_is_refused(body: dict[str, object]) -> None:
    """What would change the answer is refused by name."""
    with pytest.raises(Refusal) as refused:
        to_ark(body)
    assert [refused.value.param] == list(body)


def test_background_in_the_foreground() -> None:
    """A caller who allows losses waits for the answer."""
    assert to_ark({"background": True}, lossy=True) == ({}, ["background"])
    with pytest.raises(Refusal):
        to_ark({"prompt": {"id": "pmpt_1"}}, lossy=True)


@pytest.mark.parametrize("reasoning", ["low", ["low"], 4])
def test_reasoning_that_cannot_be_read(reasoning: object) -> None:
    """Reasoning that has to be translated must be an object."""
    with pytest.raises(Refusal) as refused:
        to_ark({"reasoning": reasoning})
    assert refused.value.param == "reasoning"
