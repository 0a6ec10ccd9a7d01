"""Which bytes a request wants (RFC 9110 §14): one range, or the whole. Pure; several ranges in one header are answered with the whole."""

import re
from collections.abc import Mapping

FORM = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE | re.ASCII)


class OutsideError(ValueError):
    """The range has no byte of the file: a 416."""


def wanted(headers: Mapping[str, str], size: int, etag: str, modified: str) -> tuple[int, int] | None:
    """The bytes [start, end) to send, None for the whole; raises `OutsideError`.

    A header that cannot be read asks for nothing (RFC 9110 §14.2), and neither does one whose If-Range names another version.
    """
    match = FORM.fullmatch(headers.get("range", ""))
    if match is None or headers.get("if-range", etag) not in {etag, modified}:
        return None
    first, last = match[1], match[2]
    if not first:
        return _suffix(last, size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise OutsideError(f"bytes */{size}")
    return start, min(size, int(last) + 1) if last else size


def _suffix(length: str, size: int) -> tuple[int, int] | None:
    """The last `length` bytes; an empty one is no range at all."""
    if not length:
        return None
    if int(length) == 0 or size == 0:
        raise OutsideError(f"bytes */{size}")
    return max(0, size - int(length)), size
