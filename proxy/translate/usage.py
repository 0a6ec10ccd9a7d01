"""Usage objects to `Usage`, in every family's words. What an upstream did not say stays None: nothing is counted here that it did not count."""

from collections.abc import Mapping
from typing import Final

from proxy.model import Usage

_INPUT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")
_LARGEST: Final = 2**53


def usage_of(value: object, images: int | None = None) -> Usage | None:
    """A usage object of chat, responses, embeddings or images (openai-wire.md §3, ark-wire.md §5.3); None if it counts nothing.

    `images` is how many images came, where the object does not say so itself.
    """
    raw = value if isinstance(value, Mapping) else {}
    spent, made, total = _first(raw, _INPUT), _first(raw, _OUTPUT), whole(raw.get("total_tokens"))
    if total is None and spent is not None and made is not None:
        total = spent + made
    counted = whole(raw.get("generated_images"))
    counted = images if counted is None else counted
    if (spent, made, total, counted) == (None, None, None, None):
        return None
    return Usage(
        input_tokens=spent,
        output_tokens=made,
        total_tokens=total,
        cached_tokens=_detail(raw, _INPUT, "cached_tokens"),
        reasoning_tokens=_detail(raw, _OUTPUT, "reasoning_tokens"),
        images=counted,
        raw=raw,
    )


def bot_usage_of(value: object) -> Usage | None:
    """What the models behind a bot consumed, added up (`bot_usage.model_usage`, ark-wire.md §5.3)."""
    listed = value.get("model_usage") if isinstance(value, Mapping) else None
    found = [one for one in map(usage_of, listed) if one is not None] if isinstance(listed, list) else []
    if not found:
        return None
    return Usage(
        input_tokens=sum(one.input_tokens or 0 for one in found),
        output_tokens=sum(one.output_tokens or 0 for one in found),
        total_tokens=sum(one.total_tokens or 0 for one in found),
        raw={"bot_usage": value},
    )


def whole(value: object) -> int | None:
    """A count: a whole number that is not negative, also one written as 12.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        return None
    return int(value) if value == int(value) else None


def _first(raw: Mapping[str, object], names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := whole(raw.get(name))) is not None), None)


def _detail(raw: Mapping[str, object], names: tuple[str, ...], detail: str) -> int | None:
    """A count out of `prompt_tokens_details` and the like."""
    for name in names:
        details = raw.get(f"{name}_details")
        if isinstance(details, Mapping) and (found := whole(details.get(detail))) is not None:
            return found
    return None
