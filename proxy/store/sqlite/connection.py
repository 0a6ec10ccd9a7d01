"""Connections to a SQLite file and the plain sentences for what goes wrong with them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from proxy.errors import StoreError

T = TypeVar("T")

# What a statement may raise: the database's own errors, and values it cannot take (too large a number, half a surrogate pair).
FAILURES: Final = (sqlite3.Error, StoreError, ArithmeticError, ValueError, TypeError, LookupError)

_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and writing goes on by itself",
    sqlite3.SQLITE_READONLY: "it is read-only; check the permissions of the file, of its folder and of the file system",
    sqlite3.SQLITE_BUSY: "another process holds its lock for too long; end that process, or wait and try again",
    sqlite3.SQLITE_LOCKED: "another connection holds its lock for too long; wait and try again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that the path is right and its folder can be written",
    sqlite3.SQLITE_PERM: "access was denied; check the permissions of the file and of its folder",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database; name another file in store.url",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_IOERR: "the disk reported an error; check the disk and the system log",
}
_JOURNAL_LIMIT = 16 * 1024 * 1024
_PAUSE = 0.02


def explain(path: Path, error: Exception) -> StoreError:
    """A `StoreError` that says in one sentence what happened to which database and what to do; a `StoreError` stays itself."""
    if isinstance(error, StoreError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    sentence = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    return StoreError(f"the database {path} failed: {sentence or error}")


def prepare(path: Path) -> None:
    """Make the folder and the file, readable by their owner only: the database holds the secret that signs links."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database {path} cannot be made: {error.strerror}; name a folder that can be written"
        ) from error


def connect(path: Path, *, wait: float, cache_kib: int, reads_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that waits `wait` seconds for locks and keeps at most `cache_kib` of pages in memory."""
    connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        _into_wal(connection, time.monotonic() + wait)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",  # else INSERT OR REPLACE would delete ledger rows unseen
            "temp_store = FILE",
            "mmap_size = 0",
            f"cache_size = -{cache_kib}",
            f"journal_size_limit = {_JOURNAL_LIMIT}",
            f"query_only = {int(reads_only)}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return connection


def _into_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Turn to write-ahead logging; SQLite does not wait for locks here by itself when two processes come first together."""
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchall()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
            continue
        if mode != "wal":
            raise StoreError("the database cannot use write-ahead logging: keep it on a local file system")
        return


class Reader:
    """One connection and one thread for reads that take longer than an index look-up, so that the event loop goes on meanwhile."""

    def __init__(self, path: Path, *, wait: float, cache_kib: int) -> None:
        self._path = path
        self._connection = connect(path, wait=wait, cache_kib=cache_kib, reads_only=True)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `read` on one consistent view of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._guarded, read)

    def close(self) -> None:
        """Wait for the read under way and close."""
        self._pool.shutdown()
        self._connection.close()

    def _guarded(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._connection.execute("BEGIN")
            try:
                return read(self._connection)
            finally:
                self._connection.execute("ROLLBACK")
        except FAILURES as error:
            raise explain(self._path, error) from error
