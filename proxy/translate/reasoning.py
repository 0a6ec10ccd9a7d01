"""How hard a model is to think and how its call is queued, in both families' words (openai-wire.md §3.1, §3.7, ark-wire.md §5.3)."""

from typing import Final

from proxy.errors import Problem, Refusal
from proxy.translate import coerce
from proxy.translate.edits import Edits

# Efforts that not every model at Ark knows, though the table says what is nearest.
_BEYOND_HIGH: Final = ("xhigh", "max")


def effort_to_ark(edits: Edits, effort: object, param: str) -> object:
    """OpenAI's effort in Ark's words; None where it is said by `thinking` instead."""
    if effort == "none":
        _disable(edits, param)
        return None
    if effort in _BEYOND_HIGH:
        edits.warn(param, 'sent as "high", the most that every thinking model at Ark knows')
        return "high"
    return effort


def _disable(edits: Edits, param: str) -> None:
    """No thinking at all is `thinking` of its own at Ark."""
    if "thinking" not in edits.fields:
        edits.put("thinking", {"type": "disabled"})
    elif coerce.mapping(edits.fields["thinking"], "thinking").get("type") != "disabled":
        message = f'{param} is "none", but thinking is not disabled; send one of the two.'
        raise Refusal(Problem.CONFLICTING_PARAMETERS, message, param=param)


def effort_to_openai(edits: Edits, effort: object, param: str) -> object:
    """Ark's `thinking` as an effort, which is all that OpenAI-shaped upstreams know; None where there is none to send."""
    if "thinking" not in edits.fields:
        return effort
    kind = coerce.mapping(edits.fields["thinking"], "thinking").get("type")
    if kind not in ("enabled", "disabled", "auto"):
        message = "thinking.type: send enabled, disabled or auto."
        raise Refusal(Problem.INVALID_VALUE, message, param="thinking.type")
    edits.leave_out("thinking")
    if kind == "disabled":
        if effort not in (None, "none", "minimal"):
            edits.warn(param, 'sent as "none", as thinking is disabled')
        return "none"
    if effort is None:
        edits.warn("thinking", "not sent, the model thinks as much as it does by default")
    return effort


def tier(edits: Edits, known: tuple[str, ...], upstream: str) -> None:
    """A service tier that the upstream does not have is dropped: it changes when the answer comes, not what it is."""
    if "service_tier" in edits.fields and edits.fields["service_tier"] not in known:
        edits.drop("service_tier", f"not sent, {upstream} has {', '.join(known)}")
