"""Derive keys from the server's one secret and sign what leaves our hands unguarded (contract.md §2). It never shows a secret.

HKDF-SHA256 is RFC 5869. Every purpose has a key of its own, so a signature made for one is worthless for another.
"""

import base64
import hashlib
import hmac
from enum import StrEnum

_HASH_LENGTH = 32


class Purpose(StrEnum):
    """What a derived key is for."""

    LINK = "link"
    CALLBACK = "callback"
    SESSION = "session"
    WEBHOOK = "webhook"


def hkdf(secret: bytes, *, salt: bytes = b"", info: bytes = b"", length: int = _HASH_LENGTH) -> bytes:
    """`length` bytes derived from `secret` by HKDF-SHA256 (RFC 5869 §2.2, §2.3); ValueError above 8160 bytes."""
    if length > 255 * _HASH_LENGTH:
        raise ValueError(f"HKDF-SHA256 gives at most {255 * _HASH_LENGTH} bytes, not {length}")
    extracted = hmac.digest(salt or bytes(_HASH_LENGTH), secret, hashlib.sha256)
    block, expanded = b"", b""
    for number in range(1, -(-length // _HASH_LENGTH) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), hashlib.sha256)
        expanded += block
    return expanded[:length]


class Signer:
    """Signs with keys derived from the server's secret; replicas that share the secret accept each other's signatures."""

    __slots__ = ("_link", "_secret")

    def __init__(self, secret: bytes) -> None:
        if not secret:
            raise ValueError("the server's secret is empty: nothing can be signed with it")
        self._secret = secret
        self._link = self.key(Purpose.LINK)

    def key(self, purpose: Purpose, context: str = "") -> bytes:
        """The 32 bytes for this purpose; `context` (the caller whose webhook it is, say) gives each its own."""
        return hkdf(self._secret, info=b"\0".join((b"arkbridge", purpose.encode(), context.encode())))

    def sign_link(self, task_key: str, expires: int) -> str:
        """The signature (43 characters, safe in an URL) of a link to a task's content that ends at `expires`, unix seconds."""
        signature = hmac.digest(self._link, f"{expires}\n{task_key}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()

    def check_link(self, task_key: str, expires: int, signature: str, now: float) -> bool:
        """Whether the signature belongs to this task and end, and the end is still to come; the same time whatever differs."""
        expected = self.sign_link(task_key, expires).encode()
        return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass")) and now < expires
