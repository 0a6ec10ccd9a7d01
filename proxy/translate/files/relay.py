"""Turns the caller's form into the upstream's while it comes in: texts are translated one by one, a file's bytes pass at once.

Nothing is held back, so the parts go on in the order in which they came.
"""

from collections.abc import Iterator, Mapping, Sequence

from proxy.errors import Problem, Refusal
from proxy.model import JSON
from proxy.translate import coerce
from proxy.translate.files import LARGEST, Fields, Pair
from proxy.translate.parts import Data, Event, File, FormReader, FormWriter, Text

MOST_TEXT = 1024 * 1024
"""Bytes of everything in an upload that is no file."""


class Relay:
    """One upload; fed with the bytes of the caller's form."""

    def __init__(self, boundary: bytes, fields: Fields, writer: FormWriter, largest: int = LARGEST) -> None:
        self.has_file = False
        self._reader = FormReader(boundary, MOST_TEXT)
        self._fields = fields
        self._writer = writer
        self._largest = largest
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        """What the upstream gets for these bytes."""
        return b"".join([self._passed(event) for event in self._reader.feed(chunk)])

    def close(self) -> bytes:
        """What is left for the upstream when the caller's body has ended; a Refusal where it should not have."""
        self._reader.close()
        self._fields.end()
        return self._writer.close()

    def _passed(self, event: Event) -> bytes:
        match event:
            case Text(name, value):
                return b"".join([self._writer.text(*pair) for pair in self._fields.text(name, value)])
            case File(name, filename, content_type):
                self._fields.file(name)
                self.has_file = True
                return self._writer.file(name, filename, content_type)
            case Data(data):
                self._size += len(data)
                if self._size > self._largest:
                    raise too_large(self._largest, 0)
                return data
            case _:
                return self._writer.end()


def too_large(limit: int, announced: int) -> Refusal:
    """413, stating limit and size in bytes (contract.md §8)."""
    size = f"{announced} bytes" if announced else f"more than {limit} bytes"
    return Refusal(Problem.TOO_LARGE, f"The file has {size}; the limit for one file is {limit} bytes.", param="file")


def written(fields: Fields, body: JSON, writer: FormWriter) -> bytes:
    """An upload without a file (Ark's `url` form), which came as JSON or urlencoded, as the upstream's form."""
    pairs = [pair for name, value in body.items() for pair in _flat(name, value)]
    texts = [writer.text(*said) for pair in pairs for said in fields.text(*pair)]
    fields.end()
    return b"".join(texts) + writer.close()


def _flat(name: str, value: object) -> Iterator[Pair]:
    """A JSON value as the fields of a form, with brackets as the SDKs write them; nulls mean absent."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _flat(f"{name}[{key}]", member)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for member in value:
            yield from _flat(f"{name}[]", member)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, int | float):
        yield name, str(value)
    elif value is not None:
        yield name, value if isinstance(value, str) else coerce.text(value, name)
