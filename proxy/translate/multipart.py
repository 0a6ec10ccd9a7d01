"""A request body, in whatever encoding it came, to one mapping; what it is counts, not what its label says (openai-wire.md §1.4).

It must never raise anything but a Refusal, whatever the bytes and the label are.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from python_multipart.multipart import parse_options_header

from proxy.errors import Problem, Refusal
from proxy.translate import forms, jsonbody, parts
from proxy.translate.parts import check_charset, decoded
from proxy.translate.wire import JSON_TYPE, Body, Upload

FORM_TYPE: Final = "application/x-www-form-urlencoded"

_LIKE_JSON: Final = frozenset({"", "text/plain", "application/octet-stream", "*/*"})
_FIRST_LINE: Final = re.compile(rb"[\r\n]*--([^\r\n]{1,200}?)(?:--)?[ \t]*(?:[\r\n]|\Z)")
_SURELY_PARTS: Final = re.compile(rb"[\r\n]*--[^\r\n]{1,200}\r\ncontent-", re.IGNORECASE)
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

# What may stand before the first byte that tells.
_BLANK: Final = b" \t\r\n"

_FIRST_BYTES: Final = 512


def read_body(content_type: str, raw: bytes) -> Body:
    """JSON, multipart or urlencoded to a Body, by its first bytes and then by its label; no body is an empty object."""
    if not raw or raw.isspace():
        return Body(fields={}, raw=raw)
    kind, options = _media_type(content_type)
    if raw[:64].lstrip(_BLANK).startswith((b"{", b"[", jsonbody.BOM)):
        return _json(raw, options)
    if _begins_parts(raw[:_FIRST_BYTES], kind):
        return Body(fields=forms.nest(_parts(raw, options)), raw=raw, form=True)
    if kind == FORM_TYPE:
        check_charset(raw, options.get(b"charset", b""), "the form", None)
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
    check_charset(raw, options.get(b"charset", b""), "the body", None)
    return Body(fields=jsonbody.read_json(raw), raw=raw.removeprefix(jsonbody.BOM))


def boundary_of(content_type: str, start: bytes) -> bytes | None:
    """The boundary, if these first bytes (its first line among them) begin a multipart body; else None."""
    kind, options = _media_type(content_type)
    return _boundary(start, options) if _begins_parts(start, kind) else None


def _begins_parts(start: bytes, kind: str) -> bool:
    return start.lstrip(_BLANK).startswith(b"--") and (kind != FORM_TYPE or bool(_SURELY_PARTS.match(start)))


def _boundary(raw: bytes, options: Mapping[bytes, bytes]) -> bytes:
    """The boundary of the label or, if the body begins otherwise, of its first line."""
    boundary = options.get(b"boundary", b"")
    if boundary and raw.lstrip(b"\r\n").startswith(b"--" + boundary):
        return boundary
    first = _FIRST_LINE.match(raw)
    if first is None:
        raise Refusal(Problem.INVALID_VALUE, "the multipart body does not begin with a boundary line (--…)")
    return first[1]


def _parts(raw: bytes, options: Mapping[bytes, bytes]) -> list[forms.Pair]:
    """The fields of a multipart body that is all there."""
    reader = parts.FormReader(_boundary(raw, options))
    pairs: list[forms.Pair] = []
    data = b""
    file: parts.File | None = None
    for event in reader.feed(raw):
        if isinstance(event, parts.Text):
            pairs.append((event.name, event.value))
        elif isinstance(event, parts.File):
            file, data = event, b""
        elif isinstance(event, parts.Data):
            data = event.data
        elif file is not None:
            pairs.append((file.name, Upload(data, file.filename, file.content_type)))
    reader.close()
    return pairs


def _urlencoded(raw: bytes) -> list[forms.Pair]:
    """The fields of a urlencoded body."""
    text = decoded(raw, "the form", None)
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
