"""Vectors as lists of numbers or as base64 of little-endian 32-bit floats, whichever the caller asked for (openai-wire.md §3.4).

SDKs ask for base64 by default, and openai-node 6.49 makes an empty vector of a list that comes instead.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final

from proxy.errors import UnreadableAnswer

_KEY: Final = "embedding"


def converted(data: object, wanted: object) -> object | None:
    """The `data` of an answer (a list, or one object) with its vectors as `wanted`: float or base64; None if they are so already."""
    convert: Callable[[object], object | None] | None = {"base64": _to_base64, "float": _to_floats}.get(str(wanted))
    items = data if isinstance(data, list) else [data]
    if convert is None:
        return None
    changed = [_item(item, convert) for item in items]
    if all(new is None for new in changed):
        return None
    merged = [item if new is None else new for item, new in zip(items, changed, strict=True)]
    return merged if isinstance(data, list) else merged[0]


def _item(item: object, convert: Callable[[object], object | None]) -> object | None:
    """One embedding with its vector converted; None if there is nothing to convert."""
    if not isinstance(item, dict):
        return None
    new = convert(item.get(_KEY))
    return None if new is None else item | {_KEY: new}


def _to_base64(vector: object) -> str | None:
    if not isinstance(vector, list):
        return None
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError):
        raise UnreadableAnswer("the upstream's vector holds something other than 32-bit numbers") from None


def _to_floats(vector: object) -> list[float] | None:
    if not isinstance(vector, str):
        return None
    try:
        data = b64decode(vector, validate=True)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    except (ValueError, struct.error):
        raise UnreadableAnswer("the upstream's vector is no base64 of 32-bit numbers") from None
