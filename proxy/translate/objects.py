"""Finds the objects that a body names by id. They belong to callers, so none may be overlooked (contract.md §5, "Isolation")."""

from collections.abc import Iterator, Mapping
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.model import JSON
from proxy.translate import coerce
from proxy.translate.calls import ObjectRef

_TOP: Final[Mapping[str, str]] = {"previous_response_id": "response", "context_id": "context"}
_FILES: Final = frozenset({"file_id", "file_ids"})

# Where files are named, and what there is the caller's own data, which an upstream only repeats: schemas, arguments, labels.
_HOLDERS: Final = ("messages", "input", "tools", "image", "images", "mask")
_OPAQUE: Final = frozenset({"parameters", "schema", "json_schema", "arguments", "metadata"})


def named_objects(fields: JSON, raw: bytes) -> tuple[ObjectRef, ...]:
    """Responses, contexts, conversations and files that a body names; `raw` is the body, searched before the body is walked."""
    found = [ObjectRef(kind, coerce.text(fields[name], name), name) for name, kind in _TOP.items() if name in fields]
    if "conversation" in fields:
        found.append(_conversation(fields["conversation"]))
    if b"file_id" in raw or b"\\u" in raw:  # a key can be spelled with escapes
        for name in _HOLDERS:
            if name in fields:
                found += _files(fields[name], name)
    return tuple(found)


def _conversation(value: object) -> ObjectRef:
    """A conversation by its id, or by an object with its id."""
    name = "conversation"
    if isinstance(value, Mapping):
        value, name = value.get("id"), "conversation.id"
    return ObjectRef("conversation", coerce.text(value, name), name)


def _files(value: object, where: str) -> Iterator[ObjectRef]:
    """Every `file_id` below a value, with its place."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _files(item, f"{where}[{index}]")
    elif isinstance(value, dict):
        for key, member in value.items():
            if key in _FILES:
                yield from _ids(member, f"{where}.{key}")
            elif isinstance(member, dict | list) and key not in _OPAQUE:
                yield from _files(member, f"{where}.{key}")


def _ids(value: object, where: str) -> Iterator[ObjectRef]:
    """The ids at one place: a text or a list of texts; what is neither cannot be checked."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ids(item, f"{where}[{index}]")
    elif isinstance(value, str):
        yield ObjectRef("file", value, where)
    elif value is not None:
        raise Refusal(Problem.INVALID_VALUE, f"{where}: an id is a text.", param=where)
