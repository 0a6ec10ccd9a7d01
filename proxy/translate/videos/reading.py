"""Reading what upstreams answer, tolerantly: a value of the wrong type counts as absent, and only the whole can be unreadable."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from proxy.errors import UnreadableAnswer

# Room for the members that an answer of ours wraps around an upstream's body, under the encoder's limit of nesting.
_WRAPPERS = 16
_LARGEST = 2**53
_LATEST = 10**11
_DIGITS = re.compile(r"-?[0-9]{1,18}")


def answer(data: bytes) -> dict[str, object]:
    """The JSON object of an answer; `UnreadableAnswer` if it is none, or nested too deeply to be kept."""
    try:
        value = orjson.loads(data)
        probe: object = value
        for _ in range(_WRAPPERS):
            probe = [probe]
        orjson.dumps(probe)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise UnreadableAnswer(f"the upstream's answer is not JSON that can be used: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableAnswer("the upstream's answer is not a JSON object")
    return value


def word(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value.strip() else None


def whole(value: object) -> int | None:
    """A whole number, also one written as a float or in digits; None for anything else, truth values included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    if isinstance(value, int | float) and abs(value) <= _LARGEST and value == int(value):
        return int(value)
    return None


def members(value: object) -> dict[str, object]:
    """The members of an object; empty for anything else."""
    return dict(value) if isinstance(value, Mapping) else {}


def moment(value: object) -> int | None:
    """A time in unix seconds, from seconds, milliseconds, or ISO 8601 (UTC unless it says otherwise) (openai-wire.md §2.10)."""
    number = whole(int(value)) if isinstance(value, float) and abs(value) <= _LARGEST else whole(value)
    if number is None and isinstance(value, str):
        return _iso(value)
    if number is None or number <= 0:
        return None
    return number // 1000 if number > _LATEST else number


def _iso(text: str) -> int | None:
    try:
        when = datetime.fromisoformat(text.strip())
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
