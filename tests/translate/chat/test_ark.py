"""OpenAI callers' completions at Ark (openai-wire.md §3.1)."""

import orjson
import pytest

from proxy.errors import Problem, Refusal
from proxy.translate.chat import ark, openai
from tests.support.calling import received, sent


def to_ark(body: dict[str, object], *, lossy: bool = False) -> tuple[dict[str, object], list[str]]:
    """What Ark gets of an OpenAI caller's request, and what the caller was warned of."""
    _, call = sent(openai.INBOUND, ark.OUTBOUND, received({"model": "m", **body}, lossy=lossy))
    members = orjson.loads(call.request.body)
    del members["model"]
    return members, [notice.param for notice in call.notices]


PASSING: dict[str, object] = {
    "messages": [
        {"role": "system", "content": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                {"type": "video_url", "video_url": {"url": "https://a/b.mp4", "fps": 1}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "r",
            "tool_calls": [{"id": "1", "type": "function"}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "temperature": 0.5,
    "max_tokens": 5,
    "max_completion_tokens": 7,
    "response_format": {"type": "json_object"},
    "stop": ["x"],
    "user": "u",
    "service_tier": "default",
    "reasoning_effort": "low",
    "thinking": {"type": "enabled"},
}


@pytest.mark.parametrize("name", PASSING)
def test_what_both_know_passes(name: str) -> None:
    """Parameters and parts that both families have arrive as they were."""
    assert to_ark({name: PASSING[name]}) == ({name: PASSING[name]}, [])


def test_bytes_stay() -> None:
    """What is not translated is not encoded anew either, and nulls mean absent."""
    body = b'{ "model":"m", "seed": 1.50, "stop":null, "messages" :[ {"role":"user","content":"\\u00e9"} ] }'
    _, call = sent(openai.INBOUND, ark.OUTBOUND, received(body))
    assert call.request.body == body.replace(b' "stop":null,', b"")


def test_developer_is_system() -> None:
    """Ark refuses the role `developer`, so it gets `system`."""
    said = [{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}, "odd"]
    assert to_ark({"messages": said}) == ({"messages": [{"role": "system", "content": "d"}, said[1], "odd"]}, [])


@pytest.mark.parametrize(
    ("effort", "sent_as", "warned"),
    [
        ("none", {"thinking": {"type": "disabled"}}, []),
        ("minimal", {"reasoning_effort": "minimal"}, []),
        ("xhigh", {"reasoning_effort": "high"}, ["reasoning_effort"]),
        ("max", {"reasoning_effort": "high"}, ["reasoning_effort"]),
    ],
)
def test_effort(effort: str, sent_as: dict[str, object], warned: list[str]) -> None:
    """Efforts in Ark's words."""
    assert to_ark({"reasoning_effort": effort}) == (sent_as, warned)


@pytest.mark.parametrize(("tier", "kept"), [("auto", True), ("flex", True), ("priority", False), ("scale", False)])
def test_tiers(tier: str, kept: bool) -> None:
    """Tiers that Ark has are kept, others are dropped with a warning."""
    assert to_ark({"service_tier": tier}) == (({"service_tier": tier}, []) if kept else ({}, ["service_tier"]))


LOSSES = {
    "n": 2,
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "web_search_options": {"search_context_size": "low"},
    "verbosity": "high",
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_changes_the_answer_is_refused(name: str) -> None:
    """A parameter that Ark has no word for and that changes the answer is a 400 by name, or with the caller's leave a warning."""
    with pytest.raises(Refusal) as refused:
        to_ark({name: LOSSES[name]})
    assert (refused.value.problem, refused.value.param) == (Problem.UNSUPPORTED_PARAMETER, name)
    assert to_ark({name: LOSSES[name]}, lossy=True) == ({}, [name])


@pytest.mark.parametrize(
    "body",
    [
        {"store": True},
        {"metadata": {"a": "b"}},
        {"prompt_cache_key": "k"},
        {"safety_identifier": "s"},
        {"prediction": {"type": "content"}},
    ],
)
def test_what_is_cosmetic_is_dropped(body: dict[str, object]) -> None:
    """A parameter that does not change the answer is dropped with a warning."""
    assert to_ark(body) == ({}, list(body))


@pytest.mark.parametrize(
    "body", [{"n": 1}, {"modalities": ["text"]}, {"verbosity": "medium"}, {"store": False}, {"metadata": {}}]
)
def test_what_asks_for_nothing(body: dict[str, object]) -> None:
    """Values that say what is done anyhow are left out without a word."""
    assert to_ark(body) == ({}, [])


def test_ark_only_routes() -> None:
    """Bots, contexts and batches have paths of their own, and the caller's bytes."""
    raw = b'{"model":"m", "context_id":"ctx-1"}'
    for codec, path in (
        (ark.BOTS, "/bots/chat/completions"),
        (ark.BATCH, "/batch/chat/completions"),
        (ark.IN_CONTEXT, "/context/chat/completions"),
        (ark.CONTEXT, "/context/create"),
    ):
        request, call = sent(ark.INBOUND, codec, received(raw))
        assert (call.request.path, call.request.body) == (path, raw)
        assert [(one.kind, one.id) for one in request.objects] == [("context", "ctx-1")]


def test_encrypted_call() -> None:
    """What Ark needs to decrypt a call travels on, the caller's key does not."""
    headers = {"x-is-encrypted": "true", "x-session-token": "t", "authorization": "Bearer x"}
    _, call = sent(ark.INBOUND, ark.OUTBOUND, received({"model": "m"}, headers=headers))
    assert call.request.headers == {
        "content-type": "application/json",
        "x-is-encrypted": "true",
        "x-session-token": "t",
    }
