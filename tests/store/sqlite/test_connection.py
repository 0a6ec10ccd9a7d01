"""Connections are safe from the first moment and say plainly what is wrong with a file."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.connection import Reader, connect, explain


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The folder and all files of a new database are closed to others: it holds the secret that signs links."""
    path = tmp_path / "new" / "folder" / "arkbridge.db"
    store = SqliteStore(path)
    await store.open()
    await store.set_setting("a", "b")
    files = list(path.parent.iterdir())
    await store.close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(files) == 3
    assert [file.name for file in path.parent.iterdir()] == ["arkbridge.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_connection_promises(path: Path) -> None:
    """Write-ahead log, every commit on disk, foreign keys, triggers also for replaced rows, little memory, no memory maps."""
    connection = connect(path, wait=1, cache_kib=256)
    names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "cache_size", "mmap_size")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    connection.close()
    assert found == ["wal", 2, 1, 1, -256, 0]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_READONLY | 5 << 8, "read-only"),
        (sqlite3.SQLITE_BUSY, "another process holds its lock"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk reported an error"),
        (sqlite3.SQLITE_NOTADB, "not a SQLite database"),
        (sqlite3.SQLITE_ERROR, "as SQLite put it"),
    ],
)
def test_failures_are_told_in_plain_sentences(path: Path, code: int, sentence: str) -> None:
    """Each kind of failure, extended codes included, names the file and what happened."""
    error = sqlite3.OperationalError("as SQLite put it")
    error.sqlite_errorcode = code
    text = str(explain(path, error))
    assert str(path) in text
    assert sentence in text


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Something else at that path is named as what it is not, and not written to."""
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match=r"not a SQLite database; name another file in store\.url"):
        asyncio.run(SqliteStore(path).open())
    assert path.read_text() == "Dear diary, " * 1000


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A path through a file is refused in a sentence that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made: .*name a folder"):
        await SqliteStore(tmp_path / "file" / "arkbridge.db").open()


async def test_a_reader_never_writes_and_goes_on_after_an_error(path: Path) -> None:
    """A read that fails is a StoreError and the next one works; a reader's connection cannot write."""
    reader = Reader(path, wait=1, cache_kib=64)
    with pytest.raises(StoreError, match="no such table"):
        await reader.run(lambda connection: connection.execute("SELECT * FROM none_such"))
    with pytest.raises(StoreError, match="read-only"):
        await reader.run(lambda connection: connection.execute("CREATE TABLE t (a)"))
    assert await reader.run(lambda connection: connection.execute("SELECT 1").fetchall()) == [(1,)]
    reader.close()
