"""Multipart bodies part by part: read as their bytes come in, at whatever point these are split, and written with a boundary of our own.

A file is never gathered here: its bytes are handed on as they come. Reading must never raise anything but a Refusal.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from proxy.errors import Problem, Refusal
from proxy.translate import forms

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_UTF8: Final = frozenset({b"", b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_EXTENDED_FILENAME: Final = re.compile(rb";[ \t]*filename\*[ \t]*=[ \t]*([\w-]+)'[\w-]*'([^;\s]*)", re.IGNORECASE)
_PLAIN_ENCODINGS: Final = frozenset({b"binary", b"8bit", b"7bit"})
_TYPE: Final = re.compile(r"[\x20-\x7e]{1,200}")

# As the SDKs' HTTP client writes names, which is how browsers do it, but for the backslash.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': "%22", **{chr(code): f"%{code:02X}" for code in (*range(32), 127)}})


@dataclass(frozen=True, slots=True)
class Text:
    """A part without a file name, whole."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class File:
    """A file begins; its bytes follow as `Data`, then `End`. Name and type are what its sender claims."""

    name: str
    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the file that began last."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """The file that began last is complete."""


Event = Text | File | Data | End


@dataclass(frozen=True, slots=True)
class _Head:
    """What the headers of a part say; no file name makes it a text."""

    name: str
    filename: str | None
    content_type: str
    charset: bytes


class FormReader:
    """Fed with the bytes of one body; `longest` bounds the bytes of all its texts together."""

    def __init__(self, boundary: bytes, longest: int | None = None) -> None:
        self.ended = False
        self._longest = longest
        self._events: list[Event] = []
        self._parts = self._texts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header = self._value = b""
        self._head: _Head | None = None
        self._data: list[bytes] = []
        with _readable():
            self._parser = MultipartParser(boundary, self._callbacks())

    def feed(self, chunk: bytes) -> list[Event]:
        """What these bytes complete, in order."""
        with _readable():
            self._parser.write(chunk)
        if self._head is not None and self._head.filename is not None:
            self._flush()
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """No further byte will come; a body that was cut off is a Refusal."""
        if not self.ended:
            message = "the multipart body ends before its closing boundary line (--…--); was it cut off?"
            raise Refusal(Problem.INVALID_VALUE, message)

    def _callbacks(self) -> "MultipartCallbacks":
        """The parser's view of this object."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if self._parts == forms.MAX_FIELDS:
            raise Refusal(Problem.INVALID_VALUE, f"the form has more than {forms.MAX_FIELDS} fields")
        self._parts += 1
        self._headers = {}

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value.strip(b" \t")
        self._header = self._value = b""

    def _end_headers(self) -> None:
        self._head = head = _read_head(self._headers)
        if head.filename is not None:
            self._events.append(File(head.name, head.filename, head.content_type))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])
        if self._head is not None and self._head.filename is None:
            self._texts += end - start
            if self._longest is not None and self._texts > self._longest:
                message = f"the texts of the form have more than {self._longest} bytes, which is the limit here; only a file may be large"
                raise Refusal(Problem.TOO_LARGE, message, param=self._head.name[:80])

    def _end(self) -> None:
        head, self._head = self._head, None
        if head is None:
            return
        if head.filename is None:
            self._events.append(Text(head.name, _read_text(head, self._taken())))
        else:
            self._flush()
            self._events.append(End())

    def _finish(self) -> None:
        self.ended = True

    def _flush(self) -> None:
        """Hand on what has come of a file."""
        if self._data:
            self._events.append(Data(self._taken()))

    def _taken(self) -> bytes:
        pieces, self._data = self._data, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class FormWriter:
    """The bytes of a multipart body; whoever chooses the boundary makes sure that no file has it inside."""

    def __init__(self, boundary: str) -> None:
        self._boundary = boundary

    @property
    def content_type(self) -> str:
        """The label of the body."""
        return f"multipart/form-data; boundary={self._boundary}"

    def text(self, name: str, value: str) -> bytes:
        """A whole text part."""
        return self._begin(f'name="{name.translate(_ESCAPES)}"', value.encode() + b"\r\n")

    def file(self, name: str, filename: str, content_type: str) -> bytes:
        """The head of a file part; a type that cannot stand in a header is left unsaid."""
        kind = content_type if _TYPE.fullmatch(content_type) else "application/octet-stream"
        disposition = f'name="{name.translate(_ESCAPES)}"; filename="{filename.translate(_ESCAPES)}"'
        return self._begin(disposition, b"", f"Content-Type: {kind}\r\n")

    def end(self) -> bytes:
        """What stands behind the bytes of a file."""
        return b"\r\n"

    def close(self) -> bytes:
        """What stands behind the last part."""
        return f"--{self._boundary}--\r\n".encode()

    def _begin(self, disposition: str, data: bytes, more: str = "") -> bytes:
        head = f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
        return head.encode() + data


@contextmanager
def _readable() -> Iterator[None]:
    """What the parser cannot read is the sender's mistake."""
    try:
        yield
    except FormParserError as error:
        raise Refusal(Problem.INVALID_VALUE, f"the multipart body cannot be read: {error}") from None


def decoded(data: bytes, what: str, param: str | None) -> str:
    """UTF-8 text; `what` names it in the refusal."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"{what} is not valid UTF-8 (byte {error.start})"
        raise Refusal(Problem.INVALID_VALUE, message, param=param) from None


def check_charset(data: bytes, charset: bytes, what: str, param: str | None) -> None:
    """Refuse a character set other than UTF-8; bytes that are ASCII are the same in all of them."""
    if charset.strip().lower() not in _UTF8 and not data.isascii():
        name = charset[:40].decode("ascii", "replace")
        raise Refusal(Problem.INVALID_VALUE, f"{what} is sent in the character set {name!r}; send UTF-8", param=param)


def _read_head(headers: Mapping[bytes, bytes]) -> _Head:
    """Name, file name and type of a part."""
    disposition = headers.get(b"content-disposition", b"")
    _, options = parse_options_header(disposition)
    name = decoded(options.get(b"name", b""), "the name of a part", None)
    if not name:
        raise Refusal(Problem.INVALID_VALUE, "a part of the multipart body has no name in its Content-Disposition")
    encoding = headers.get(b"content-transfer-encoding", b"binary").lower()
    if encoding not in _PLAIN_ENCODINGS:
        shown = encoding[:40].decode("ascii", "replace")
        message = f"{name[:80]} is sent with Content-Transfer-Encoding {shown!r}; send its bytes as they are"
        raise Refusal(Problem.INVALID_VALUE, message, param=name[:80])
    content_type = headers.get(b"content-type", b"")
    _, type_options = parse_options_header(content_type)
    filename = _filename(disposition, options.get(b"filename"))
    return _Head(name, filename, content_type.decode("latin-1"), type_options.get(b"charset", b""))


def _read_text(head: _Head, data: bytes) -> str:
    """The text of a part that is no file."""
    name = head.name[:80]
    check_charset(data, head.charset, name, name)
    return decoded(data, f"the text of {name} (a file needs a file name)", name)


def _filename(disposition: bytes, plain: bytes | None) -> str | None:
    """The file name, also where it comes only as `filename*`; None if there is neither. It is a label, so bad bytes do not matter."""
    if plain is not None:
        return plain.decode(errors="replace")
    extended = _EXTENDED_FILENAME.search(_QUOTED.sub(b'""', disposition))
    if extended is None:
        return None
    charset = "latin-1" if extended[1].lower() == b"iso-8859-1" else "utf-8"
    return unquote(extended[2].decode("latin-1"), charset, "replace")
