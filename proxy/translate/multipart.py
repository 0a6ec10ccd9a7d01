"""A request body, in whatever encoding it came, to one mapping; what it is counts, not what its label says (openai-wire.md §1.4).

It must never raise anything but a Refusal, whatever the bytes and the label are.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_plus

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from proxy.errors import Problem, Refusal
from proxy.translate import forms, jsonbody
from proxy.translate.wire import JSON_TYPE, Body, Upload

FORM_TYPE: Final = "application/x-www-form-urlencoded"

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_LIKE_JSON: Final = frozenset({"", "text/plain", "application/octet-stream", "*/*"})
_UTF8: Final = frozenset({b"", b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_FIRST_LINE: Final = re.compile(rb"[\r\n]*--([^\r\n]{1,200}?)(?:--)?[ \t]*(?:[\r\n]|\Z)")
_SURELY_PARTS: Final = re.compile(rb"[\r\n]*--[^\r\n]{1,200}\r\ncontent-", re.IGNORECASE)
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_EXTENDED_FILENAME: Final = re.compile(rb";[ \t]*filename\*[ \t]*=[ \t]*([\w-]+)'[\w-]*'([^;\s]*)", re.IGNORECASE)
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN_ENCODINGS: Final = frozenset({b"binary", b"8bit", b"7bit"})

# What may stand before the first byte that tells.
_BLANK: Final = b" \t\r\n"


def read_body(content_type: str, raw: bytes) -> Body:
    """JSON, multipart or urlencoded to a Body, by its first bytes and then by its label; no body is an empty object."""
    if not raw or raw.isspace():
        return Body(fields={}, raw=raw)
    kind, options = _media_type(content_type)
    start = raw[:64].lstrip(_BLANK)
    if start.startswith((b"{", b"[", jsonbody.BOM)):
        return _json(raw, options)
    if start.startswith(b"--") and (kind != FORM_TYPE or _SURELY_PARTS.match(raw)):
        return Body(fields=forms.nest(_parts(raw, options)), raw=raw, form=True)
    if kind == FORM_TYPE:
        _check_charset(raw, options.get(b"charset", b""), "the form", None)
        return Body(fields=forms.nest(_urlencoded(raw)), raw=raw, form=True)
    if kind.startswith("multipart/"):
        raise Refusal(Problem.INVALID_VALUE, "the multipart body does not begin with a boundary line (--…)")
    if kind in _LIKE_JSON or kind.endswith("json"):
        return _json(raw, options)
    message = f"a body of type {kind[:80]!r} is not read; send {JSON_TYPE}, multipart/form-data or {FORM_TYPE}"
    raise Refusal(Problem.INVALID_VALUE, message)


def _media_type(content_type: str) -> tuple[str, Mapping[bytes, bytes]]:
    """The type in lower case, and its parameters."""
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    return kind.decode("latin-1").strip(), options


def _json(raw: bytes, options: Mapping[bytes, bytes]) -> Body:
    """A JSON body; its bytes go on without a byte order mark."""
    _check_charset(raw, options.get(b"charset", b""), "the body", None)
    return Body(fields=jsonbody.read_json(raw), raw=raw.removeprefix(jsonbody.BOM))


def _check_charset(data: bytes, charset: bytes, what: str, param: str | None) -> None:
    """Refuse a character set other than UTF-8; bytes that are ASCII are the same in all of them."""
    if charset.strip().lower() not in _UTF8 and not data.isascii():
        name = charset[:40].decode("ascii", "replace")
        raise Refusal(Problem.INVALID_VALUE, f"{what} is sent in the character set {name!r}; send UTF-8", param=param)


def _parts(raw: bytes, options: Mapping[bytes, bytes]) -> list[forms.Pair]:
    """The fields of a multipart body, by the boundary of its label or, if the body begins otherwise, of its first line."""
    boundary = options.get(b"boundary", b"")
    if not boundary or not raw.lstrip(b"\r\n").startswith(b"--" + boundary):
        first = _FIRST_LINE.match(raw)
        if first is None:
            raise Refusal(Problem.INVALID_VALUE, "the multipart body does not begin with a boundary line (--…)")
        boundary = first[1]
    reader = _Reader()
    try:
        MultipartParser(boundary, reader.callbacks()).write(raw)
    except FormParserError as error:
        raise Refusal(Problem.INVALID_VALUE, f"the multipart body cannot be read: {error}") from None
    if not reader.ended:
        message = "the multipart body ends before its closing boundary line (--…--); was it cut off?"
        raise Refusal(Problem.INVALID_VALUE, message)
    return reader.pairs


class _Reader:
    """What the parser reports, gathered into fields."""

    def __init__(self) -> None:
        self.pairs: list[forms.Pair] = []
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._header = self._value = b""
        self._data: list[bytes] = []

    def callbacks(self) -> "MultipartCallbacks":
        """The parser's view of this object."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.pairs) == forms.MAX_FIELDS:
            raise Refusal(Problem.INVALID_VALUE, f"the form has more than {forms.MAX_FIELDS} fields")
        self._headers = {}
        self._data = []

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value.strip(b" \t")
        self._header = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def _end(self) -> None:
        data = self._data[0] if len(self._data) == 1 else b"".join(self._data)
        self.pairs.append(_field(self._headers, data))

    def _finish(self) -> None:
        self.ended = True


def _field(headers: Mapping[bytes, bytes], data: bytes) -> forms.Pair:
    """One part: a file if it has a file name, else a text."""
    disposition = headers.get(b"content-disposition", b"")
    _, options = parse_options_header(disposition)
    name = _decoded(options.get(b"name", b""), "the name of a part", None)
    if not name:
        raise Refusal(Problem.INVALID_VALUE, "a part of the multipart body has no name in its Content-Disposition")
    encoding = headers.get(b"content-transfer-encoding", b"binary").lower()
    if encoding not in _PLAIN_ENCODINGS:
        shown = encoding[:40].decode("ascii", "replace")
        message = f"{name[:80]} is sent with Content-Transfer-Encoding {shown!r}; send its bytes as they are"
        raise Refusal(Problem.INVALID_VALUE, message, param=name[:80])
    content_type = headers.get(b"content-type", b"")
    filename = _filename(disposition, options.get(b"filename"))
    if filename is not None:
        return name, Upload(data, filename, content_type.decode("latin-1"))
    _, type_options = parse_options_header(content_type)
    _check_charset(data, type_options.get(b"charset", b""), name[:80], name[:80])
    return name, _decoded(data, f"the text of {name[:80]} (a file needs a file name)", name[:80])


def _filename(disposition: bytes, plain: bytes | None) -> str | None:
    """The file name, also where it comes only as `filename*`; None if there is neither. It is a label, so bad bytes do not matter."""
    if plain is not None:
        return plain.decode(errors="replace")
    extended = _EXTENDED_FILENAME.search(_QUOTED.sub(b'""', disposition))
    if extended is None:
        return None
    charset = "latin-1" if extended[1].lower() == b"iso-8859-1" else "utf-8"
    return unquote(extended[2].decode("latin-1"), charset, "replace")


def _urlencoded(raw: bytes) -> list[forms.Pair]:
    """The fields of a urlencoded body."""
    text = _decoded(raw, "the form", None)
    items = [item for item in text.split("&", forms.MAX_FIELDS + 1) if item]
    pairs: list[forms.Pair] = []
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name or _BAD_ESCAPE.search(item):
            message = f"the form cannot be read at {item[:40]!r}: fields are name=value, with a % sign sent as %25"
            raise Refusal(Problem.INVALID_VALUE, message)
        pairs.append((_unescaped(name), _unescaped(value)))
    return pairs


def _unescaped(text: str) -> str:
    """A name or value without its escapes."""
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise Refusal(Problem.INVALID_VALUE, f"the form is not valid UTF-8 at {text[:40]!r}") from None


def _decoded(data: bytes, what: str, param: str | None) -> str:
    """UTF-8 text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"{what} is not valid UTF-8 (byte {error.start})"
        raise Refusal(Problem.INVALID_VALUE, message, param=param) from None
