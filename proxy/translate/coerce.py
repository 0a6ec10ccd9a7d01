"""Single values to their types: forms send every scalar as text, and people write "4" in JSON too. What does not fit is a 400 by name.

Which field has which type is the family's to know (openai-wire.md App. B rule 7); nothing here knows a field.
"""

import re
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.translate.wire import Upload

_LARGEST: Final = 2**63
_SHOWN: Final = 60
_WHOLE: Final = re.compile(r"(-?[0-9]{1,19})(?:\.0{1,19})?")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?")
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})


def integer(value: object, param: str) -> int:
    """A whole number of 64 bits from 4, 4.0, "4" or "4.0"; `param` names the field in the refusal."""
    whole: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        whole = value
    elif isinstance(value, float) and value.is_integer():
        whole = int(value)
    elif isinstance(value, str) and (match := _WHOLE.fullmatch(value)):
        whole = int(match[1])
    if whole is None or not -_LARGEST <= whole < _LARGEST:
        raise _refusal(value, "a whole number, such as 4", param)
    return whole


def number(value: object, param: str) -> float:
    """A finite number from 0.5, 4, "0.5" or "4"."""
    found: float | None = None
    if (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST) or (
        isinstance(value, str) and _DECIMAL.fullmatch(value)
    ):
        found = float(value)
    if found is None or not abs(found) < _LARGEST:
        raise _refusal(value, "a number, such as 0.5", param)
    return found


def boolean(value: object, param: str) -> bool:
    """True or false from a boolean, 1, 0, or "true", "false", "1", "0" in any case."""
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refusal(value, "true or false", param)


def text(value: object, param: str) -> str:
    """A text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise _refusal(value, "a text that is not empty", param)


def array(value: object, param: str) -> list[object]:
    """A list."""
    if isinstance(value, list):
        return value
    raise _refusal(value, "a list", param)


def mapping(value: object, param: str) -> dict[str, object]:
    """An object."""
    if isinstance(value, dict):
        return value
    raise _refusal(value, "an object", param)


def _refusal(value: object, wanted: str, param: str) -> Refusal:
    """The 400: what came, what is accepted."""
    return Refusal(Problem.INVALID_VALUE, f"{param} is {_shown(value)}; send {wanted}.", param=param)


def _shown(value: object) -> str:
    """A value as a message can hold it: short, and never a file's bytes or the inside of something nested."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'"{value[:_SHOWN]}…"' if len(value) > _SHOWN else f'"{value}"'
    if isinstance(value, int | float):
        return "a number beyond 64 bits" if abs(value) >= _LARGEST else repr(value)
    words: dict[type[object], str] = {list: "a list", Upload: "a file"}
    return words.get(type(value), "an object")
