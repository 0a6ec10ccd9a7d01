"""Form fields to nested values: brackets, and JSON documents in single fields (openai-wire.md §1.4, App. B).

Lists of objects lose their element boundaries on the wire: openai-python groups equal keys, openai-node writes element by element. What
the wire does not say is refused, never guessed. Scalars stay texts: their types are the family's to know.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.translate import jsonbody
from proxy.translate.wire import Upload

Value = str | Upload
Pair = tuple[str, Value]

MAX_FIELDS: Final = 1000
MAX_BRACKETS: Final = 5

JSON_FIELDS: Final = frozenset({"metadata", "content", "tools", "extra_body", "extra_params"})
"""Fields whose text may be a JSON document; besides these, every field whose name ends in `_reference`."""

_Path = tuple[str, ...]
_Entry = tuple[_Path, Value]

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}")
_TYPE: Final[_Path] = ("type",)
_ROLE: Final[_Path] = ("role",)
_MEDIA: Final = frozenset({"image_url", "video_url", "audio_url"})
_PAYLOADS: Final = frozenset({"text", "draft_task"} | _MEDIA)


def nest(pairs: Sequence[Pair]) -> dict[str, object]:
    """The fields of a form as one object: `a[b]` an object, `a[]` a list, `a[0]` an index; `extra_body` is merged below explicit fields."""
    if len(pairs) > MAX_FIELDS:
        raise Refusal(Problem.INVALID_VALUE, f"the form has {len(pairs)} fields; at most {MAX_FIELDS} are read")
    roots: dict[str, list[_Entry]] = {}
    for name, value in pairs:
        root, path = _split(name)
        roots.setdefault(root, []).append((path, value))
    fields = {root: _opened(root, _value(root, _without_empty_files(entries))) for root, entries in roots.items()}
    return _merged(fields)


def _split(name: str) -> tuple[str, _Path]:
    """`content[][image_url][url]` is `content` and `"", image_url, url` (rule 1)."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise Refusal(
            Problem.INVALID_VALUE, f"{name[:80]!r} is not a field name: its brackets do not pair", param=name[:80]
        )
    path = tuple(match[2][1:-1].split("][")) if match[2] else ()
    if len(path) > MAX_BRACKETS:
        message = (
            f"{match[1]}: more than {MAX_BRACKETS} brackets in {name[:80]!r}; send the request as application/json"
        )
        raise Refusal(Problem.INVALID_VALUE, message, param=match[1])
    return match[1], path


def _without_empty_files(entries: list[_Entry]) -> list[_Entry]:
    """Without the empty file that openai-python sends beside an id or a link of the same field (openai-wire.md §1.4)."""
    if all(isinstance(value, Upload) for _, value in entries):
        return entries
    return [(path, value) for path, value in entries if path or not isinstance(value, Upload) or value.data]


def _value(label: str, entries: list[_Entry]) -> object:
    """What the entries of one name make: `label` is that name as the caller wrote it."""
    heads = {path[0] if path else None for path, _ in entries}
    if heads == {None}:
        return _single(label, [value for _, value in entries])
    if None in heads or ("" in heads and len(heads) > 1):
        message = f"{label} is sent in two forms, as in {label}=… and {label}[…]=…; send one"
        raise Refusal(Problem.CONFLICTING_PARAMETERS, message, param=label)
    rest = [(path[1:], value) for path, value in entries]
    if heads == {""}:
        return _listed(label, rest)
    groups: dict[str, list[_Entry]] = {}
    for (path, _), entry in zip(entries, rest, strict=True):
        groups.setdefault(path[0], []).append(entry)
    values = {key: _value(f"{label}[{key}]", group) for key, group in groups.items()}
    return _indexed(label, values) if _are_indices(label, values) else values


def _single(label: str, values: list[Value]) -> object:
    """A scalar; files of one name are a list, a text sent twice is refused."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, Upload) for value in values):
        return values
    raise Refusal(
        Problem.INVALID_VALUE, f"{label} is sent {len(values)} times; send it once, or as {label}[]", param=label
    )


def _are_indices(label: str, values: dict[str, object]) -> bool:
    """Whether the keys count; those of `metadata` are names whatever they look like."""
    return label != "metadata" and all(_INDEX.fullmatch(key) for key in values)


def _indexed(label: str, values: dict[str, object]) -> list[object]:
    """A list from its indices, which run from 0 without a gap."""
    keys = [str(index) for index in range(len(values))]
    if set(keys) != set(values):
        raise Refusal(Problem.INVALID_VALUE, f"{label}: indices run from 0 without a gap", param=label)
    return [values[key] for key in keys]


def _listed(label: str, entries: list[_Entry]) -> list[object]:
    """The list behind `label[]`: scalars, or objects."""
    if all(not path for path, _ in entries):
        return [value for _, value in entries]
    if any(not path or not path[0] for path, _ in entries):
        raise _unclear(label, "")
    elements = _elements(label, entries)
    return [_value(f"{label}[{index}]", element) for index, element in enumerate(elements)]


def _elements(label: str, entries: list[_Entry]) -> list[list[_Entry]]:
    """The entries of each object of a list (rules 2 to 5).

    If every path occurs as often as there are elements that can have it, the n-th value belongs to the n-th of those elements,
    however the sender ordered them. Otherwise a sender that writes element by element shows by its first key where each one begins.
    """
    counts = Counter(path for path, _ in entries)
    types = [value for path, value in entries if path == _TYPE]
    owners = {path: _owners(path, types, counts) for path in counts}
    odd = [path for path, count in counts.items() if count != len(owners[path])]
    size = len(types) or max(counts.values())
    if odd:
        first = entries[0][0]
        if not types or counts[first] != size or _is_grouped(entries):
            raise _unclear(label, odd[0])
        return _cut(label, entries, odd)
    if size > 1 and (nested := [path for path in counts if "" in path]):
        raise _unclear(label, nested[0])
    elements: list[list[_Entry]] = [[] for _ in range(size)]
    for path, value in entries:
        elements[owners[path].pop(0)].append((path, value))
    return elements


def _owners(path: _Path, types: list[Value], counts: Counter[_Path]) -> list[int]:
    """The elements that have this path: a payload belongs to its type, a role to media (ark-wire.md §2.4), all else to every element."""
    if not types:
        return list(range(max(counts.values())))
    if path == _ROLE:
        return [index for index, kind in enumerate(types) if kind in _MEDIA]
    if path[0] in _PAYLOADS:
        return [index for index, kind in enumerate(types) if kind == path[0]]
    return list(range(len(types)))


def _is_grouped(entries: list[_Entry]) -> bool:
    """Whether equal paths stand together, as openai-python sends them; then nothing shows where an element begins."""
    paths = [path for path, _ in entries]
    turns = sum(one != other for one, other in pairwise(paths))
    return paths.count(_TYPE) > 1 and turns == len(set(paths)) - 1


def _cut(label: str, entries: list[_Entry], odd: list[_Path]) -> list[list[_Entry]]:
    """One element from each first path to the next; refused unless every one is whole and could not lend its last key to the next."""
    first = entries[0][0]
    elements: list[list[_Entry]] = []
    for path, value in entries:
        if path == first:
            elements.append([])
        elements[-1].append((path, value))
    settled = first == _TYPE or all(_closes(element[-1][0], odd) for element in elements[:-1])
    if not settled or not all(_is_whole(element) for element in elements):
        raise _unclear(label, odd[0])
    return elements


def _closes(path: _Path, odd: list[_Path]) -> bool:
    """Whether a key at the end of an element cannot be the first of the next one: its type, or the payload that it has just once."""
    return path not in odd and (path == _TYPE or path[0] in _PAYLOADS)


def _is_whole(element: list[_Entry]) -> bool:
    """Whether an element has one type, that type's payload and no other, a role only beside media, and nothing twice (rule 4)."""
    values = dict(element)
    kind = values.get(_TYPE)
    if len(values) != len(element) or not isinstance(kind, str):
        return False
    payloads = {path[0] for path in values if path[0] in _PAYLOADS}
    return payloads == {kind} & _PAYLOADS and (_ROLE not in values or kind not in _PAYLOADS - _MEDIA)


def _unclear(label: str, path: str | _Path) -> Refusal:
    """Rule 6."""
    what = f"[{']['.join(path)}]" if path else "a value"
    message = (
        f"{label}: the form encoding does not say which element {what} belongs to; send the request as application/json "
        "(openai-python: extra_headers={'Content-Type': 'application/json'}; openai-node: client.post('/videos', {body}))"
    )
    return Refusal(Problem.INVALID_VALUE, message, param=label)


def _opened(root: str, value: object) -> object:
    """A field, or the members of its list, with JSON documents read where the field may hold one."""
    if root not in JSON_FIELDS and not root.endswith("_reference"):
        return value
    return [_read(root, item) for item in value] if isinstance(value, list) else _read(root, value)


def _read(root: str, value: object) -> object:
    """The document in a text that begins like an object or a list; everything else as it is."""
    if not isinstance(value, str):
        return value
    mark = value.lstrip()[:1]
    if mark == "{":
        return jsonbody.read_object(value.encode(), f"the text of {root}", root)
    return jsonbody.read_document(value.encode(), f"the text of {root}", root) if mark == "[" else value


def _merged(fields: dict[str, object]) -> dict[str, object]:
    """The fields, and below them what `extra_body` holds."""
    extra = fields.pop("extra_body", "")
    if extra == "":
        return fields
    if not isinstance(extra, dict):
        raise Refusal(Problem.INVALID_VALUE, "extra_body must be a JSON object", param="extra_body")
    return {**extra, **fields}
