"""What tests of callers and keys have in common: a time that they move, and a store that counts its look-ups."""

from proxy.model import Key
from proxy.store.sqlite import SqliteStore


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        """Now."""
        return self.time


class Counted(SqliteStore):
    """The store, counting how often a key is looked up in it."""

    looked_up = 0

    async def key_by_hash(self, digest: bytes) -> Key | None:
        """As the store does it."""
        self.looked_up += 1
        return await super().key_by_hash(digest)
