"""Effort, thinking and service tiers, both ways."""

import pytest

from proxy.errors import Problem, Refusal
from proxy.translate.calls import CallRequest
from proxy.translate.edits import Edits
from proxy.translate.reasoning import effort_to_ark, effort_to_openai, tier
from tests.support.calling import ARK, OPENAI, received


def edits(**fields: object) -> Edits:
    """The edits of a call with these fields."""
    return Edits(CallRequest(model="m", dialect=OPENAI, received=received({"model": "m", **fields}), fields=fields))


@pytest.mark.parametrize(
    ("asked", "sent", "warned"),
    [
        ("minimal", "minimal", 0),
        ("low", "low", 0),
        ("high", "high", 0),
        ("xhigh", "high", 1),
        ("max", "high", 1),
        (7, 7, 0),
    ],
)
def test_effort_to_ark(asked: object, sent: object, warned: int) -> None:
    """Efforts that Ark has are sent as they are, higher ones as the highest with a warning; nonsense is Ark's to judge."""
    one = edits()
    assert effort_to_ark(one, asked, "reasoning_effort") == sent
    assert len(one.notices) == warned


def test_no_effort_to_ark() -> None:
    """No effort is disabled thinking at Ark; a caller who says both and means both is refused."""
    one = edits()
    assert effort_to_ark(one, "none", "reasoning_effort") is None
    assert one.members() == {"thinking": {"type": "disabled"}}
    assert effort_to_ark(edits(thinking={"type": "disabled"}), "none", "reasoning_effort") is None
    with pytest.raises(Refusal) as refused:
        effort_to_ark(edits(thinking={"type": "enabled"}), "none", "reasoning_effort")
    assert refused.value.problem is Problem.CONFLICTING_PARAMETERS


@pytest.mark.parametrize(
    ("kind", "asked", "sent", "warned"),
    [
        ("disabled", None, "none", 0),
        ("disabled", "minimal", "none", 0),
        ("disabled", "high", "none", 1),
        ("enabled", "high", "high", 0),
        ("enabled", None, None, 1),
        ("auto", None, None, 1),
    ],
)
def test_thinking_to_openai(kind: str, asked: str | None, sent: str | None, warned: int) -> None:
    """Disabled thinking is no effort; what an effort cannot say is warned of, and `thinking` itself is never sent."""
    one = edits(thinking={"type": kind})
    assert effort_to_openai(one, asked, "reasoning_effort") == sent
    assert (len(one.notices), "thinking" in one.members()) == (warned, False)


@pytest.mark.parametrize("thinking", [{}, {"type": "deeply"}, {"type": ["enabled"]}, "enabled"])
def test_thinking_that_cannot_be_said(thinking: object) -> None:
    """Thinking that has no meaning to us cannot be translated."""
    with pytest.raises(Refusal):
        effort_to_openai(edits(thinking=thinking), None, "reasoning_effort")
    assert effort_to_openai(edits(), "low", "reasoning_effort") == "low"


@pytest.mark.parametrize(("value", "warned"), [("auto", 0), ("default", 0), ("priority", 1), (["auto"], 1)])
def test_tiers(value: object, warned: int) -> None:
    """A tier that the upstream does not have is dropped with a warning."""
    one = edits(service_tier=value)
    tier(one, ("auto", "default"), "Ark")
    assert (len(one.notices), "service_tier" in one.members()) == (warned, not warned)
    assert one.request.dialect is not ARK
