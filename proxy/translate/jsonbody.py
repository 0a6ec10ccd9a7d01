"""JSON bodies: strict reading, and changing single top-level values in place. It must never re-encode what it was not asked to change.

A caller's body travels on as the bytes it came in (contract.md §6), so a value is found by scanning and replaced where it stands; white
space, key order, the spelling of numbers, escapes and unknown fields survive. Scopes are checked on `model`, and a parser that keeps the
last of two equal keys would check one and send the other: a key that occurs twice is refused.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

from proxy.errors import Problem, Refusal

MAX_CONTAINERS: Final = 1_000_000
"""Objects and lists in one document, counted before it is parsed: each costs 60 bytes of memory and more."""

MAX_DEPTH: Final = 128
"""Objects and lists inside one another, the outermost included. More cannot be encoded again (orjson stops at 254) and means no request."""

BOM: Final = b"\xef\xbb\xbf"

_LEVELS: Final = 8
_SPACE: Final = rb"[ \t\r\n]*+"
_FLAT: Final = rb'[^"\[\]{}]*+'
_TEXT: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_STRING: Final = rb'"(?:[^"]{0,65535}+"(?<!\\")|[^"\\]{0,65535}+(?:\\.[^"\\]{0,65535}+){0,4096}+")'


def _container(levels: int) -> bytes:
    """The pattern of an object or list with at most `levels` levels; possessive throughout, so that a failure costs no backtracking."""
    whole = _STRING
    for level in range(levels):
        inner = _STRING + b"|" + whole if level else _STRING
        whole = rb"[\[{]" + _FLAT + b"(?:(?:" + inner + b")" + _FLAT + rb")*+[\]}]"
    return whole


# Hard values, which the patterns leave to `_skip`: nested deeper than _LEVELS, or with a string so long that a plain search is faster.
# A pattern that meets one swallows the rest, because a search must not go on inside a value.
_HARD: Final = rb'["\[{]'
_CONTAINER: Final = _container(_LEVELS)
_KEY: Final = b'"(' + _TEXT + b')"' + _SPACE + b":" + _SPACE
_VALUE: Final = _STRING + b"|" + _CONTAINER + rb"|[-+.0-9A-Za-z]++"
_MEMBER: Final = re.compile(_KEY + b"(?:(" + _VALUE + b")|(" + _HARD + b").*+)", re.DOTALL)
_KEYS: Final = re.compile(_KEY + b"(?:" + _VALUE + b"|(" + _HARD + b").*+)", re.DOTALL)
_EASY: Final = re.compile(b"(?:" + _STRING + b"|" + _CONTAINER + rb'|[^"\[\]{}]++)*+', re.DOTALL)
_LONG: Final = re.compile(b'"' + _TEXT + b'"', re.DOTALL)
_OPEN: Final = re.compile(b"(?:" + BOM + b")?" + _SPACE + rb"\{")

_Place = tuple[bytes, int, int, int]
"""A member as it is scanned: key, where the key begins, where the value begins and ends."""


class Member(NamedTuple):
    """One member of the outermost object: its key, unescaped, and where key (with its quotes) and value stand in the bytes."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int


def read_json(raw: bytes) -> dict[str, object]:
    """The one object a body holds; a byte order mark is skipped. Anything else, a repeated top-level key or nesting beyond `MAX_DEPTH` is a Refusal."""
    return read_object(raw, "the body", None)


def read_object(raw: bytes, what: str, param: str | None) -> dict[str, object]:
    """As `read_json`, for a document that is not the whole body: `what` names it in messages, `param` is the field it came in."""
    value = read_document(raw, what, param)
    if not isinstance(value, dict):
        raise Refusal(Problem.INVALID_VALUE, f"{what} is a JSON {_kind(value)}; send one JSON object", param=param)
    _refuse_repeated(raw, len(value), what, param)
    return value


def read_document(raw: bytes, what: str, param: str | None) -> object:
    """Any JSON document, read strictly: malformed text, bytes that are no UTF-8, NaN, Infinity, too much nesting are Refusals."""
    text = raw.removeprefix(BOM)
    containers = text.count(b"[") + text.count(b"{")
    if containers > MAX_CONTAINERS:
        message = f"{what} has more than {MAX_CONTAINERS} objects and lists (brackets inside strings count)"
        raise Refusal(Problem.INVALID_VALUE, message, param=param)
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(Problem.INVALID_VALUE, _why(text, error, what), param=param) from None
    if containers > MAX_DEPTH and _skip(text, 0, MAX_DEPTH)[1] > MAX_DEPTH:
        raise Refusal(Problem.INVALID_VALUE, f"{what} is nested deeper than {MAX_DEPTH} levels", param=param)
    return value


def top_level(raw: bytes) -> list[Member]:
    """The members of the outermost object, in order. `raw` is JSON that has been read; bytes that do not begin an object are a Refusal."""
    return [
        Member(key.decode(errors="replace"), key_start, _string_end(raw, key_start), start, end)
        for key, key_start, start, end in _all(raw, _opening(raw))
    ]


def splice(raw: bytes, replace: Mapping[str, bytes | None], *, drop_nulls: bool = False) -> bytes:
    """`raw` with top-level values replaced by encoded JSON; None removes the member, an absent key is appended, `drop_nulls` removes nulls.

    `raw` is a JSON object that has been read. Every other byte stays as it was; of keys that occur twice only the first may be changed.
    """
    opening = _opening(raw)
    wanted = {key.encode(): value for key, value in replace.items()}
    if (drop_nulls and b"null" in raw) or None in wanted.values():
        places = _all(raw, opening)
    else:
        places = _until_found(raw, opening, set(wanted))
    edits, kept, gone = _edits(raw, places, wanted, drop_nulls=drop_nulls)
    for key, *_ in places:
        wanted.pop(key, None)
    added = b",".join(orjson.dumps(key.decode()) + b":" + value for key, value in wanted.items() if value is not None)
    if added or gone >= 0:
        edits.append(_tail(places, opening, (kept, gone), added))
    return _apply(raw, edits)


def replace_model(raw: bytes, new: str) -> bytes:
    """An answer with its top-level `model` set to `new`; an answer without one, or that is no JSON object, comes back unchanged."""
    opening = _OPEN.match(raw)
    if opening is None:
        return raw
    for key, _, start, end in _scan(raw, opening.end()):
        if key == b"model":
            return raw[:start] + orjson.dumps(new) + raw[end:]
    return raw


def _kind(value: object) -> str:
    """The JSON word for a value that is no object."""
    if value is None:
        return "null"
    words = {list: "array", str: "string", bool: "boolean"}
    return words.get(type(value), "number")


def _why(raw: bytes, error: orjson.JSONDecodeError, what: str) -> str:
    """One sentence on why a document could not be read, with the place."""
    if not raw.strip():
        return f"{what} is empty; send one JSON object"
    try:
        raw.decode()
    except UnicodeDecodeError as bad:
        return f"{what} is not valid UTF-8 (byte {bad.start}); JSON is sent as UTF-8"
    return f"{what} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"


def _refuse_repeated(raw: bytes, distinct: int, what: str, param: str | None) -> None:
    """Refuse a top-level key that occurs twice; `distinct` is how many different keys the parser saw."""
    found = _KEYS.findall(raw, _opening(raw))
    if len(found) == distinct and not any(hard for _, hard in found):
        return
    seen: set[str] = set()
    for name in (member.key for member in top_level(raw)):
        if name in seen:
            message = f"{what} has the key {name[:80]!r} more than once; send it once"
            raise Refusal(Problem.INVALID_VALUE, message, param=param or name[:80])
        seen.add(name)


def _opening(raw: bytes) -> int:
    """Where the first member may begin."""
    if raw[:1] == b"{":
        return 1
    opening = _OPEN.match(raw)
    if opening is None:
        raise Refusal(Problem.INVALID_VALUE, "the body is not a JSON object")
    return opening.end()


def _plain(key: bytes) -> bytes:
    """A key with its escapes resolved, as the parser sees it: `mo\\u0064el` is `model`."""
    try:
        return str(orjson.loads(b'"' + key + b'"')).encode()
    except orjson.JSONDecodeError:
        return key


def _all(raw: bytes, start: int) -> list[_Place]:
    """Every member from `start` on: in one sweep, or step by step where a value is hard or a key has escapes."""
    matches = list(_MEMBER.finditer(raw, start))
    if matches and matches[-1].lastindex == 3:
        return list(_scan(raw, start))
    places = [(match[1], match.start(), match.start(2), match.end(2)) for match in matches]
    if any(b"\\" in place[0] for place in places):
        return list(_scan(raw, start))
    return places


def _scan(raw: bytes, start: int) -> Iterator[_Place]:
    """Every member from `start` on."""
    resume = start
    while resume >= 0:
        begin, resume = resume, -1
        for match in _MEMBER.finditer(raw, begin):
            key, kind = match[1], match.lastindex or 0
            value, end = match.span(kind)
            if kind == 3:
                end, _ = _skip(raw, value)
                resume = end
            yield _plain(key) if b"\\" in key else key, match.start(), value, end
            if resume >= 0:
                break


def _until_found(raw: bytes, opening: int, missing: set[bytes]) -> list[_Place]:
    """The members up to the last wanted one, or all of them if one is absent."""
    places: list[_Place] = []
    for place in _scan(raw, opening):
        places.append(place)
        missing.discard(place[0])
        if not missing:
            break
    return places


def _skip(raw: bytes, start: int, limit: int = sys.maxsize) -> tuple[int, int]:
    """Where the value at `start` ends, and how deep it goes (exact only beyond the patterns' own levels); stops short beyond `limit`."""
    depth = deepest = 0
    position = start
    while (easy := _EASY.match(raw, position)) is not None:
        position = easy.end()
        mark = raw[position : position + 1]
        if mark == b'"':
            position = _string_end(raw, position)
        elif mark:
            depth += 1 if mark in b"[{" else -1
            deepest = max(deepest, depth)
            position += 1
        if depth <= 0 or not mark or depth + _LEVELS > limit:
            break
    return position, deepest + _LEVELS


def _string_end(raw: bytes, start: int) -> int:
    """Where the string at `start` ends: a plain search finds the end of megabytes of base64 ten times faster than a pattern."""
    quote = raw.find(b'"', start + 1)
    if raw[quote - 1 : quote] != b"\\":
        return quote + 1 or len(raw)
    match = _LONG.match(raw, start)
    return match.end() if match else len(raw)


def _edits(
    raw: bytes, places: list[_Place], wanted: Mapping[bytes, bytes | None], *, drop_nulls: bool
) -> tuple[list[tuple[int, int, bytes]], int, int]:
    """The cuts and replacements before the tail, the end of the last member kept, and the start of a run of removed ones at the end (or -1)."""
    edits: list[tuple[int, int, bytes]] = []
    kept = gone = -1
    for key, key_start, start, end in places:
        new = wanted.get(key, b"")
        if new is None or (not new and drop_nulls and end - start == 4 and raw[start:end] == b"null"):
            gone = key_start if gone < 0 else gone
            continue
        if gone >= 0:
            edits.append((gone, key_start, b""))
            gone = -1
        if new:
            edits.append((start, end, new))
        kept = end
    return edits, kept, gone


def _tail(places: list[_Place], opening: int, last: tuple[int, int], added: bytes) -> tuple[int, int, bytes]:
    """The edit behind the last member kept: it removes what follows there, and puts the added members."""
    kept, gone = last
    if kept >= 0:
        end = places[-1][3] if gone >= 0 else kept
        return kept, end, b"," + added if added else b""
    if gone >= 0:
        return gone, places[-1][3], added
    return opening, opening, added


def _apply(raw: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """`raw` with every (start, end, bytes) put in; they are in order and do not overlap."""
    pieces: list[bytes] = []
    position = 0
    for start, end, new in edits:
        pieces += (raw[position:start], new)
        position = end
    pieces.append(raw[position:])
    return b"".join(pieces)
