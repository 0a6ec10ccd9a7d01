"""Finds the line of every key in a TOML text, which tomllib does not tell. It reads only text that tomllib has accepted and judges nothing."""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BETWEEN = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
KEY = re.compile(r""" (?: "(?:\\.|[^"\\])*" | '[^']*' | [^="'\]\n] )+ """, re.VERBOSE)
BARE = re.compile(r"[A-Za-z0-9_-]+")
VALUE = re.compile(
    r""" \"{3} (?:\\.|[^\\])*? \"{3} \"{0,2}   # text over several lines; up to two quotes may stand before the closing three
       | '{3} .*? '{3} '{0,2}
       | " (?:\\.|[^"\\])* "
       | '[^']*'
       | [^,\]}\n\#]*                          # numbers, dates, true and false
    """,
    re.DOTALL | re.VERBOSE,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and list item of a valid TOML text; list indexes count from 0."""
    return _Scanner(text).scan()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, else of the nearest table above it that has one; 0 if there is none."""
    for size in range(len(path), 0, -1):
        line = lines.get(path[:size])
        if line is not None:
            return line
    return 0


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._last: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._take(BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._take(BLANK)
        return self._lines

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        taken = match.group() if match else ""
        self._at += len(taken)
        return taken

    def _note(self, path: KeyPath, at: int) -> None:
        self._lines.setdefault(path, bisect_left(self._ends, at) + 1)

    def _header(self) -> KeyPath:
        """`[a.b]` or `[[a.b]]`: within it a name that is a list of tables stands for its last item so far."""
        start = self._at
        width = 2 if self._text.startswith("[[", start) else 1
        self._at += width
        *above, name = _parts(self._take(KEY))
        self._at += width
        path: KeyPath = ()
        for part in above:
            path = (*path, part)
            path = (*path, self._last[path]) if path in self._last else path
        path = (*path, name)
        self._note(path, start)
        if width == 2:
            self._last[path] = self._last.get(path, -1) + 1
            path = (*path, self._last[path])
            self._note(path, start)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        parts = _parts(self._take(KEY))
        self._at += 1
        for size in range(1, len(parts) + 1):
            self._note((*table, *parts[:size]), start)
        self._value((*table, *parts))

    def _value(self, path: KeyPath) -> None:
        self._take(BLANK)
        opening = self._text[self._at]
        if opening == "[":
            self._items(path)
        elif opening == "{":
            self._inline(path)
        else:
            self._take(VALUE)

    def _items(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self._note((*path, index), self._at)
            self._value((*path, index))
            index += 1

    def _inline(self, path: KeyPath) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, bracket: str) -> bool:
        """Step over blanks and a comma; True, and over it, at the closing bracket."""
        self._take(BETWEEN)
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True


def _parts(raw: str) -> tuple[str, ...]:
    """The names of a key as written: `a."b.c".d` has three."""
    raw = raw.strip()
    if BARE.fullmatch(raw):
        return (raw,)
    table: object = tomllib.loads(f"{raw} = 0")
    parts = []
    while isinstance(table, dict):
        name, table = next(iter(table.items()))
        parts.append(name)
    return tuple(parts)
