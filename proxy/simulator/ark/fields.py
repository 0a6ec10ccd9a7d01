"""Reading one field of a request body by its type and range; each refusal names the field as Ark does."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from proxy.simulator.ark.errors import invalid

Body = Mapping[str, object]
Value = TypeVar("Value")


def without_nulls(body: Mapping[str, Value]) -> dict[str, Value]:
    """The body with its explicit nulls taken as absent: the SDKs send one for every field that is not set (§0 item 2)."""
    return {name: value for name, value in body.items() if value is not None}


def inside(body: Body, name: str) -> dict[str, object]:
    """The fields of an object in the body, each by its path (`thinking.type`), nulls left out; none if it is absent."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(name, "an object is expected")
    return {f"{name}.{key}": inner for key, inner in value.items() if inner is not None}


def integer(body: Body, name: str, low: int, high: int) -> int | None:
    """An integer within [low, high], or None if absent."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(name, "an integer is expected")
    if not low <= value <= high:
        raise invalid(name, f"it must be within [{low}, {high}]")
    return value


def number(body: Body, name: str, low: float, high: float) -> float | None:
    """A number within [low, high], or None if absent."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(name, "a number is expected")
    if not low <= value <= high:
        raise invalid(name, f"it must be within [{low:g}, {high:g}]")
    return value


def flag(body: Body, name: str) -> bool | None:
    """A boolean, or None if absent."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(name, "a boolean is expected")
    return value


def text(body: Body, name: str, longest: int | None = None) -> str | None:
    """A string of at most `longest` characters, or None if absent."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, "a string is expected")
    if value is not None and longest is not None and len(value) > longest:
        raise invalid(name, f"it must have at most {longest} characters")
    return value


def word(body: Body, name: str, choices: Sequence[str]) -> str | None:
    """One of `choices`, compared exactly, or None if absent."""
    value = text(body, name)
    if value is not None and value not in choices:
        raise invalid(name, f"it must be one of {', '.join(choices)}")
    return value
