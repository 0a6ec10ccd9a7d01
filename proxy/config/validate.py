"""Holds the values as written against the schema, table by table, and says what is wrong in words: every mistake, not the first one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config.forms import Sources
from proxy.config.near import near
from proxy.config.scan import KeyPath
from proxy.config.schema import LISTS, SECTIONS, Section, field_at, table_at

Entry = TypeVar("Entry", bound=Section)


@dataclass(frozen=True)
class Finding:
    """What is wrong with the key at a path."""

    path: KeyPath
    message: str


@dataclass
class Checked:
    """The tables that are right, by name or by name and index, and what is wrong with the others."""

    sections: dict[str, Section] = field(default_factory=dict)
    entries: dict[tuple[str, int], Section] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def listed(self, name: str, kind: type[Entry]) -> dict[int, Entry]:
        """The right entries of a list of tables, by index."""
        return {at: entry for (list_, at), entry in self.entries.items() if list_ == name and isinstance(entry, kind)}


def check(data: Mapping[str, object], sources: Sources) -> Checked:
    """Validate every table by itself, so that a mistake in one hides none in another."""
    checked = Checked()
    for name, value in data.items():
        if name not in SECTIONS:
            checked.findings.append(Finding((name,), _unknown(name, tuple(SECTIONS))))
        elif name in LISTS:
            _check_list(checked, name, value, sources)
        else:
            section = _validated(checked, (name,), value, SECTIONS[name], sources)
            if section is not None:
                checked.sections[name] = section
    return checked


def _check_list(checked: Checked, name: str, value: object, sources: Sources) -> None:
    if not isinstance(value, list):
        checked.findings.append(Finding((name,), f"is {described(value)}, not a list of tables; accepted: [[{name}]]"))
        return
    for index, item in enumerate(value):
        entry = _validated(checked, (name, index), item, SECTIONS[name], sources)
        if entry is not None:
            checked.entries[name, index] = entry


def _validated(checked: Checked, path: KeyPath, value: object, kind: type[Section], sources: Sources) -> Section | None:
    try:
        return kind.model_validate(value, context=sources)
    except ValidationError as wrong:
        for detail in wrong.errors(include_url=False):
            where = (*path, *detail["loc"])
            checked.findings.append(Finding(where, explained(where, detail)))
        return None


def explained(path: KeyPath, detail: ErrorDetails) -> str:
    """One validation error as `what is wrong; accepted: the form`."""
    if detail["type"] == "extra_forbidden":
        return _unknown(str(path[-1]), tuple(table_at(path).model_fields))
    what = WORDS.get(detail["type"], _other)(detail)
    declared = field_at(path)
    form = declared.description if declared else None
    return f"{what}; accepted: {form or 'a table'}"


def described(value: object) -> str:
    """What kind of thing was written, without showing it."""
    kinds: Mapping[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a table",
    }
    return kinds.get(type(value), "a date or time")


def _unknown(name: str, known: tuple[str, ...]) -> str:
    return f"there is no such key{near(name, known)} (known here: {', '.join(known)})"


def _not(kind: str) -> Callable[[ErrorDetails], str]:
    return lambda detail: f"is {described(detail['input'])}, not {kind}"


def _out_of_range(detail: ErrorDetails) -> str:
    return f"{detail['input']!r:.30} is out of range"


def _choice(detail: ErrorDetails) -> str:
    value = detail["input"]
    if not isinstance(value, str):
        return _not("a text")(detail)
    known = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    return f"{value[:24]!r} is not one of the choices{near(value, known)}"


def _spoken(detail: ErrorDetails) -> str:
    return str(detail["ctx"]["error"])


def _other(detail: ErrorDetails) -> str:
    return detail["msg"]


WORDS: Mapping[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "is missing",
    "string_type": _not("a text"),
    "int_type": _not("a whole number"),
    "float_type": _not("a number"),
    "bool_type": _not("true or false"),
    "tuple_type": _not("a list"),
    "model_type": _not("a table"),
    "literal_error": _choice,
    "string_too_short": lambda _: "is empty",
    "string_pattern_mismatch": lambda _: "has another form",
    "greater_than_equal": _out_of_range,
    "greater_than": _out_of_range,
    "less_than_equal": _out_of_range,
    "finite_number": _out_of_range,
    "value_error": _spoken,
}
