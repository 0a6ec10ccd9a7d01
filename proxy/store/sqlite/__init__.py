"""The store on SQLite; only `app` chooses it."""

from proxy.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
