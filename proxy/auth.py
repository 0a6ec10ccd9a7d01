"""Make, hash, read and compare our keys (contract.md §2). The key itself is never kept, logged or put into a message."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

KEY_START = "sk-ab-"
ADMIN_START = "sk-ab-admin-"
PREFIX_LENGTH = 12
ADMIN_PREFIX_LENGTH = 16

_BYTES = 32
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43  # 62^43 > 2^256: every key of 256 bits has this many base62 digits
_SHAPE = re.compile(rf"sk-ab-(?:admin-)?[0-9A-Za-z]{{{_LENGTH}}}", re.ASCII)


def new_key(*, admin: bool = False, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A new key of 256 random bits: `sk-ab-` (or `sk-ab-admin-`) and 43 base62 characters."""
    number = int.from_bytes(random(_BYTES), "big")
    digits: list[str] = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return (ADMIN_START if admin else KEY_START) + "".join(reversed(digits))


def digest(key: str) -> bytes:
    """SHA-256 of the key, 32 bytes: enough for a key that is random, and all that is stored of it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def prefix(key: str) -> str:
    """The first 12 characters, by which people recognise a key; of an admin key 16, for all of those begin with the same 12."""
    return key[: ADMIN_PREFIX_LENGTH if key.startswith(ADMIN_START) else PREFIX_LENGTH]


def matches(key: str, stored: bytes) -> bool:
    """Whether this is the key whose SHA-256 is stored; takes the same time whatever differs."""
    return hmac.compare_digest(digest(key), stored)


def bearer(header: str | None) -> str | None:
    """The credential in an `Authorization: Bearer …` header; None for another scheme, an empty or a broken value."""
    scheme, _, credential = (header or "").strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential or any(character.isspace() for character in credential):
        return None
    return credential


def looks_like_key(text: str) -> bool:
    """Whether the text has the shape of one of our keys, so that anything else never reaches the store."""
    return _SHAPE.fullmatch(text) is not None
