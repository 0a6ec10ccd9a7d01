"""Parts of a form to be sent: `prompt` first, files last; the HTTP client chooses the boundary, never the caller (openai-wire.md §5.4)."""

from collections.abc import Iterable, Iterator, Mapping

import orjson

from proxy.translate.media import sniff
from proxy.translate.wire import Part, Upload


def form(members: Mapping[str, object]) -> tuple[Part, ...]:
    """Members as parts in the SDKs' bracket style: `a[b]`, `a[]`, lists of objects element by element (openai-wire.md §1.4)."""
    return _ordered(part for name, value in members.items() for part in _flat(name, value))


def flat_form(members: Mapping[str, object], *files: Part) -> tuple[Part, ...]:
    """Members as parts where objects and lists are JSON texts, as vLLM-Omni reads them (openai-wire.md §2.2), and files behind them."""
    texts = (
        Part(name, orjson.dumps(value) if isinstance(value, Mapping | list) else text(value))
        for name, value in members.items()
    )
    return _ordered((*texts, *files))


def file(name: str, data: bytes, mime: str, filename: str = "") -> Part:
    """A file part; its type is what its bytes say, else what was claimed."""
    return Part(name, data, filename or "upload", sniff(data) or mime or "application/octet-stream")


def text(value: object) -> bytes:
    """A scalar as SDKs write it in forms: `true`, `4`, `0.5`, the text itself."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode(errors="replace")


def _ordered(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (part.filename is not None, part.name != "prompt")))


def _flat(name: str, value: object) -> Iterator[Part]:
    if isinstance(value, Upload):
        yield file(name, value.data, value.content_type, value.filename)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _flat(f"{name}[{key}]", member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _flat(f"{name}[]", member)
    elif value is not None:
        yield Part(name, text(value))
