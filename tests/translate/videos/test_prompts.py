"""Where prompts are not to be kept, nothing that an upstream says keeps them either."""

from proxy.model import Snapshot, TaskStatus
from proxy.translate.videos.prompts import unprompted


def test_prompts_are_taken_out_wherever_they_stand() -> None:
    """At the top, inside a relay's wrapper and in lists, under every name; everything else stays as it was."""
    raw = {
        "id": "1",
        "prompt": "secret",
        "data": {
            "properties": {"input": "secret", "origin_model_name": "m"},
            "data": {"revised_prompt": "secret", "input": 7, "list": [{"negative_prompt": "secret", "x": None}]},
        },
    }
    before = Snapshot(
        status=TaskStatus.RUNNING, status_word="running", raw=raw, facts={"revised_prompt": "secret", "seed": 7}
    )
    after = unprompted(before)
    assert after.raw == {
        "id": "1",
        "data": {"properties": {"origin_model_name": "m"}, "data": {"input": 7, "list": [{"x": None}]}},
    }
    assert after.facts == {"seed": 7}
    assert (after.status, after.status_word) == (before.status, before.status_word)
    assert raw["prompt"] == "secret"


def test_without_prompts_nothing_changes() -> None:
    """A snapshot that has none is equal to what comes out."""
    before = Snapshot(status=TaskStatus.QUEUED, status_word="queued", raw={"id": "1", "usage": {"total_tokens": 3}})
    assert unprompted(before) == before
