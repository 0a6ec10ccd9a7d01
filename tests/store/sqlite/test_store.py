"""What the store on SQLite promises beyond the Protocol: group commits, crashes, full and locked disks, two processes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.store import Store, UsageFilter
from proxy.store.sqlite import SqliteStore
from tests.store.made import CALLER, TASK, call, task
from tests.support.processes import checkout_environment

WRITES_UNTIL_KILLED = """
import asyncio, os, sys
from dataclasses import replace
from proxy.store.sqlite import SqliteStore
from tests.store.made import DONE, QUEUED, ROW, call, task

async def bill(store, caller):
    number = caller * 1_000_000
    while True:
        number += 1
        record = task(number, key=f"k-{number}")
        await store.add_task(record)
        os.write(1, b"task %d\\n" % number)
        await store.accept_task(record.key, f"cgt-{number}", QUEUED, None)
        await store.settle(record.key, DONE, 1.0, replace(ROW, task_id=f"cgt-{number}"))
        os.write(1, b"settled %d\\n" % number)
        await store.add_rows([call(number), call(number)])
        os.write(1, b"calls %d\\n" % number)

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    async with asyncio.TaskGroup() as group:
        for caller in range(8):
            group.create_task(bill(store, caller))

asyncio.run(main())
"""


def is_a_store(store: SqliteStore) -> Store:
    """The type checker confirms here that nothing of the Protocol is missing."""
    return store


def said_by(script: str, path: Path) -> str:
    """What another process prints that runs this script on the database."""
    return subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        env=checkout_environment(),
        timeout=60,
        check=True,
    ).stdout


def killed_in_mid_writes(path: Path, lines: int) -> list[tuple[str, int]]:
    """What a process said was stored before it was killed, at least so many lines."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, env=checkout_environment()
    )
    assert child.stdout is not None
    said = b"".join(child.stdout.readline() for _ in range(lines))
    child.kill()
    said += child.stdout.read()
    child.stdout.close()
    assert child.wait(60) != 0
    *whole, _ = said.split(b"\n")
    return [(word, int(number)) for word, number in (line.decode().split() for line in whole)]


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """After SIGKILL in the middle of writing every acknowledged row is there, no write is half there, and sums equal rows."""
    for path in (tmp_path / "first.db", tmp_path / "second.db"):
        said = await asyncio.to_thread(killed_in_mid_writes, path, 300)
        store = SqliteStore(path)
        await store.open()
        rows = await store.ledger(None, None, None, 10**6)
        calls = Counter(int(row.time) for row in rows if row.kind == "call")
        settlements = Counter(row.task_key for row in rows if row.kind == "settlement")
        tasks = {number: await store.task_by_key(f"k-{number}") for _, number in said}
        settled = {record.key for record in tasks.values() if record is not None and record.settled}
        assert None not in tasks.values()
        assert {f"k-{number}" for word, number in said if word == "settled"} <= settled
        assert {number for word, number in said if word == "calls"} <= calls.keys()
        assert set(calls.values()) == {2}
        assert {key: settlements[key] for key in settled} == dict.fromkeys(settled, 1)
        assert sum(total.calls for total in await store.usage(UsageFilter())) == len(rows)
        await store.close()


async def test_rows_that_wait_together_share_commits(store: SqliteStore) -> None:
    """A thousand rows of a thousand calls take a few commits, not a thousand."""
    await asyncio.gather(*(store.add_rows([call(n)]) for n in range(1000)))
    assert store.commits <= 20
    assert (await store.usage(UsageFilter()))[0].calls == 1000


async def test_a_full_disk_is_told_and_survived(store: SqliteStore) -> None:
    """When the disk is full writes fail in a plain sentence, reads go on, and writes work again once there is room."""
    await store.add_rows([call(n) for n in range(50)])
    large = task(1, request={"prompt": "x" * 10**6})
    (pages,) = await store._write(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    await store._write(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    outcomes = await asyncio.gather(store.add_task(large), store.add_task(large), return_exceptions=True)
    assert ["the disk is full; free some space" in str(outcome) for outcome in outcomes] == [True, True]
    assert await store.task_by_key("k-1") is None
    assert len(await store.ledger(None, None, None, 100)) == 50
    await store._write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
    await store.add_task(large)
    assert await store.healthy()


async def test_a_disk_that_refuses_is_unhealthy(path: Path) -> None:
    """A process that may not let its files grow is told so by every write, keeps what it has, and knows that it is unhealthy."""
    script = """
import asyncio, resource, signal, sys
from proxy.errors import StoreError
from proxy.store.sqlite import SqliteStore
from tests.store.made import call

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = SqliteStore(sys.argv[1])
    await store.open()
    await store.add_rows([call(1)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    try:
        while True:
            await store.add_rows([call(n) for n in range(100)])
    except StoreError as error:
        print(error)
    print(await store.healthy())
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(await store.healthy())
    rows = len(await store.ledger(None, None, None, 10**6))
    await store.add_rows([call(2)])
    print(rows % 100, len(await store.ledger(None, None, None, 10**6)) - rows)
    await store.close()

asyncio.run(main())
"""
    said = await asyncio.to_thread(said_by, script, path)
    sentence, *further = said.splitlines()
    assert str(path) in sentence
    assert further == ["False", "True", "1 1"]


async def test_a_database_that_may_not_be_written_is_told(store: SqliteStore) -> None:
    """A read-only database fails writes in a sentence, is not healthy, and is written again as soon as it may be."""
    await store._write(lambda connection: connection.execute("PRAGMA query_only = 1").fetchall())
    with pytest.raises(StoreError, match="read-only; check the permissions"):
        await store.add_task(TASK)
    assert not await store.healthy()
    store._parts.writer._connection.execute("PRAGMA query_only = 0")
    assert await store.healthy()


async def test_a_locked_database_is_told_and_still_read(store: SqliteStore, connection: sqlite3.Connection) -> None:
    """While another process holds the write lock, writes fail in a sentence and reads are answered."""
    await store.add_task(TASK)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process holds its lock"):
        await store.add_task(task(2))
    assert not await store.healthy()
    assert await store.task_by_key("k-1") == TASK
    connection.execute("ROLLBACK")
    assert await store.healthy()


async def test_what_another_process_writes_is_seen_at_once(store: SqliteStore, path: Path) -> None:
    """A second process's callers are visible here as soon as it was told that they are stored, by look-ups and lists alike."""
    script = """
import asyncio, sys
from proxy.store.sqlite import SqliteStore
from tests.store.made import CALLER, KEY
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    print(await store.add_caller(CALLER), await store.add_key(KEY))
    await store.close()
asyncio.run(main())
"""
    before = await store.version()
    said = await asyncio.to_thread(said_by, script, path)
    assert said == "True True\n"
    assert await store.caller("alice") == CALLER
    assert await store.callers() == [CALLER]
    assert await store.version() > before


async def test_a_look_up_that_fails_is_a_store_error(store: SqliteStore) -> None:
    """An error of an inline look-up comes as a sentence, as that of a write does."""
    with pytest.raises(StoreError, match="failed"):
        await store.caller("\ud800")
    assert await store.caller("alice") is None


async def test_values_of_any_size_are_errors_not_accidents(store: SqliteStore) -> None:
    """A token count beyond 64 bits, which an upstream might send, fails its own row in a sentence and nothing else."""
    outcomes = await asyncio.gather(
        store.add_rows([call(1, total_tokens=2**63)]), store.add_rows([call(2)]), return_exceptions=True
    )
    assert [isinstance(outcome, StoreError) for outcome in outcomes] == [True, False]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_stays_small_while_rows_grow(store: SqliteStore) -> None:
    """Ten thousand rows more do not make the process grow by more than its page caches may hold."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    rows = [call(n, cost=Decimal(n)) for n in range(1000)]
    await store.add_rows(rows)
    before = resident()
    for _ in range(10):
        await store.add_rows(rows)
    assert resident() - before < 8 * 2**20
