"""Reads the TOML file and lays the environment's values over it; remembers where each value came from, so that a mistake can say so."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.config.near import near
from proxy.config.scan import KeyPath, key_lines, line_of
from proxy.config.schema import LISTS, SECTIONS, field_at
from proxy.errors import ConfigError, Mistake

ENVIRONMENT = "environment"
PREFIX = "ARKBRIDGE_"
PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
BARE = re.compile(r"[A-Za-z0-9_-]+")
TRUTH: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


@dataclass
class Source:
    """The values as written, and where: `lines` for the file's, `variables` for the environment's."""

    name: str = ENVIRONMENT
    data: dict[str, object] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    variables: dict[KeyPath, str] = field(default_factory=dict)

    def mistake(self, path: KeyPath, message: str) -> Mistake:
        """A mistake about the key at `path`, with its place."""
        if path in self.variables:
            return Mistake(ENVIRONMENT, 0, self.variables[path], message)
        return Mistake(self.name, line_of(self.lines, path), spelled(path), message)


def spelled(path: KeyPath) -> str:
    """A path as people write it: `upstream[0].base_url`; names that are no bare keys are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." * bool(text) + (part if BARE.fullmatch(part) else ascii(part))
    return text


def read(path: Path | None) -> Source:
    """The file's values, or none without a file; `ConfigError` if it cannot be read or is not TOML."""
    if path is None:
        return Source()
    name = str(path)
    text = _text(path)
    try:
        return Source(name, tomllib.loads(text), key_lines(text.replace("\r\n", "\n")))
    except ValueError as failed:
        raise _unreadable(name, *_syntax(str(failed), text)) from failed
    except RecursionError as failed:
        raise _unreadable(
            name, 0, "its brackets are nested too deeply; accepted: the form of config.example.toml"
        ) from failed


def _text(path: Path) -> str:
    name = str(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as failed:
        raise _unreadable(name, 0, f"it cannot be read: {failed.strerror or failed}; accepted: a TOML file") from failed
    except UnicodeDecodeError as failed:
        line = failed.object[: failed.start].count(b"\n") + 1
        raise _unreadable(name, line, "it is not UTF-8; accepted: a TOML file, which is always UTF-8") from failed


def overlay(source: Source, environ: Mapping[str, str]) -> list[Mistake]:
    """Put `ARKBRIDGE_SECTION__KEY` over the file's values; gives a mistake for each that is no setting."""
    mistakes = []
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and "__" in variable:
            section, _, key = variable.removeprefix(PREFIX).lower().partition("__")
            wrong = _refused(section, key)
            if wrong:
                mistakes.append(Mistake(ENVIRONMENT, 0, variable, wrong))
            else:
                _put(source, (section, key), variable, environ[variable])
    return mistakes


def _unreadable(name: str, line: int, message: str) -> ConfigError:
    return ConfigError([Mistake(name, line, "file", message)])


def _syntax(message: str, text: str) -> tuple[int, str]:
    place = PLACE.search(message)
    reason = PLACE.sub("", message)
    line = 0
    if place:
        line = int(place[1]) if place[1] else text.count("\n") + 1
    return line, f"this is not TOML: {reason}; accepted: the form of config.example.toml"


def _refused(section: str, key: str) -> str:
    """What is wrong with a variable's name, or nothing."""
    if section in LISTS:
        return (
            f"[[{section}]] is a list, which only the file can hold; accepted: {PREFIX}SECTION__KEY for single values"
        )
    declared = field_at((section, key))
    if declared is None:
        return f"no setting has this name{near(f'{PREFIX}{section}__{key}'.upper(), variables())}"
    if not _scalar(declared.annotation):
        return f"{section}.{key} is not a single value; accepted: in the file, {key} = {declared.description}"
    return ""


def variables() -> Iterator[str]:
    """The names of all settings that the environment may hold."""
    for section, model in SECTIONS.items():
        if section not in LISTS:
            for key, declared in model.model_fields.items():
                if _scalar(declared.annotation):
                    yield f"{PREFIX}{section}__{key}".upper()


def _scalar(annotation: object) -> bool:
    return annotation in (str, int, bool, str | None) or "Literal" in str(annotation)


def _put(source: Source, path: tuple[str, str], variable: str, text: str) -> None:
    section, key = path
    table = source.data.setdefault(section, {})
    if isinstance(table, dict):
        declared = field_at(path)
        source.variables[path] = variable
        table[key] = _typed(declared.annotation if declared else None, text)


def _typed(annotation: object, text: str) -> object:
    """The text as the setting's type; what does not fit stays a text, for the validator to refuse."""
    if annotation is int and re.fullmatch(r"-?\d{1,18}", text.strip(), re.ASCII):
        return int(text)
    if annotation is bool:
        return TRUTH.get(text.strip().lower(), text)
    return text
