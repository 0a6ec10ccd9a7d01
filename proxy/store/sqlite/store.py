"""The store on SQLite: writes go to one thread in group commits, index look-ups are read inline, lists and reports in threads."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from proxy.errors import StoreError
from proxy.model import JSON, Caller, Key, LedgerRow, Snapshot, TaskRecord
from proxy.store import Delivery, TaskFilter, UsageFilter, UsageSum
from proxy.store.archive import Copy
from proxy.store.commands import Command, Lease
from proxy.store.objects import ObjectFilter, Owned
from proxy.store.prune import Prune
from proxy.store.sqlite import (
    archive,
    commands,
    deliveries,
    ledger,
    objects,
    people,
    prune,
    repeats,
    reports,
    tasks,
)
from proxy.store.sqlite.connection import FAILURES, Reader, connect, explain, prepare
from proxy.store.sqlite.migrations import migrate
from proxy.store.sqlite.writer import Writer

T = TypeVar("T")
_INLINE_WAIT = 0.2  # seconds that a look-up may hold up the event loop; readers of a write-ahead log hardly ever wait
_CACHE_KIB = 1024


@dataclass(frozen=True, slots=True)
class _Open:
    """What an open store works with."""

    writer: Writer
    inline: sqlite3.Connection
    lists: Reader
    reports: Reader

    def close(self) -> None:
        """Finish and close everything; the writer last, so that it leaves one tidy file."""
        self.lists.close()
        self.reports.close()
        self.inline.close()
        self.writer.close()


class SqliteStore:
    """Implements `proxy.store.Store` on one file; several processes may use it at once.

    `timezone`: whose days reports are quick by (None: as before, at first UTC); `busy_timeout`: seconds to wait for other processes.
    """

    def __init__(self, path: Path | str, *, timezone: str | None = None, busy_timeout: float = 5.0) -> None:
        self._path = Path(path)
        self._timezone = timezone
        self._wait = busy_timeout
        self._opened: _Open | None = None

    @property
    def commits(self) -> int:
        """How many transactions were committed since the store was opened."""
        return self._parts.writer.commits

    async def open(self) -> None:
        """Make the file if there is none and migrate it forward; `SchemaTooNew` on a newer database."""
        if self._opened is None:
            self._opened = await asyncio.to_thread(self._connect, asyncio.get_running_loop())

    async def close(self) -> None:
        """Finish what waits and close; a closed store may be opened again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await asyncio.to_thread(opened.close)

    async def healthy(self) -> bool:
        """Whether a write succeeds now: one is made."""
        try:
            await self._write(people.touch)
        except StoreError:
            return False
        return True

    async def version(self) -> int:
        """See `Store.version`."""
        return self._look(people.version)

    async def setting(self, name: str, default: str) -> str:
        """See `Store.setting`."""
        found = self._look(lambda connection: people.setting(connection, name))
        if found is not None:
            return found
        return await self._write(lambda connection: people.first_setting(connection, name, default))

    async def set_setting(self, name: str, value: str) -> None:
        """See `Store.set_setting`."""
        await self._write(lambda connection: people.set_setting(connection, name, value))

    async def add_caller(self, caller: Caller) -> bool:
        """See `Store.add_caller`."""
        return await self._write(lambda connection: people.add_caller(connection, caller))

    async def caller(self, name: str) -> Caller | None:
        """See `Store.caller`."""
        return self._look(lambda connection: people.caller(connection, name))

    async def callers(self) -> list[Caller]:
        """See `Store.callers`."""
        return await self._parts.lists.run(people.callers)

    async def set_caller(self, caller: Caller) -> None:
        """See `Store.set_caller`."""
        await self._write(lambda connection: people.set_caller(connection, caller))

    async def add_key(self, key: Key) -> bool:
        """See `Store.add_key`."""
        return await self._write(lambda connection: people.add_key(connection, key))

    async def keys(self, caller: str | None = None) -> list[Key]:
        """See `Store.keys`."""
        return await self._parts.lists.run(lambda connection: people.keys(connection, caller))

    async def key_by_hash(self, digest: bytes) -> Key | None:
        """See `Store.key_by_hash`."""
        return self._look(lambda connection: people.key_by_hash(connection, digest))

    async def set_key(self, key: Key) -> None:
        """See `Store.set_key`."""
        await self._write(lambda connection: people.set_key(connection, key))

    async def rotate_key(self, old: Key, new: Key) -> bool:
        """See `Store.rotate_key`."""
        return await self._write(lambda connection: people.rotate_key(connection, old, new))

    async def add_task(self, record: TaskRecord) -> None:
        """See `Store.add_task`."""
        await self._write(lambda connection: tasks.add(connection, record))

    async def accept_task(
        self, key: str, task_id: str, snapshot: Snapshot, next_poll: float | None, seen_at: float | None = None
    ) -> bool:
        """See `Store.accept_task`."""
        return await self._write(
            lambda connection: tasks.accept(connection, key, task_id, snapshot, next_poll, seen_at)
        )

    async def mark_ambiguous(self, key: str, error_code: str) -> None:
        """See `Store.mark_ambiguous`."""
        await self._write(lambda connection: tasks.mark_ambiguous(connection, key, error_code))

    async def drop_task(self, key: str) -> None:
        """See `Store.drop_task`."""
        await self._write(lambda connection: tasks.drop(connection, key))

    async def task(self, task_id: str, caller: str | None) -> TaskRecord | None:
        """See `Store.task`."""
        return self._look(lambda connection: tasks.find(connection, task_id, caller))

    async def task_by_key(self, key: str) -> TaskRecord | None:
        """See `Store.task_by_key`."""
        return self._look(lambda connection: tasks.by_key(connection, key))

    async def save_snapshot(self, key: str, snapshot: Snapshot, seen_at: float, next_poll: float | None) -> bool:
        """See `Store.save_snapshot`."""
        return await self._write(lambda connection: tasks.save(connection, key, snapshot, seen_at, next_poll))

    async def settle(self, key: str, snapshot: Snapshot, seen_at: float, row: LedgerRow) -> bool:
        """See `Store.settle`."""
        return await self._write(lambda connection: tasks.settle(connection, key, snapshot, seen_at, row))

    async def delete_task(self, key: str) -> None:
        """See `Store.delete_task`."""
        await self._write(lambda connection: tasks.delete(connection, key))

    async def tasks(self, wanted: TaskFilter) -> list[TaskRecord]:
        """See `Store.tasks`."""
        return await self._parts.lists.run(lambda connection: tasks.page(connection, wanted))

    async def count_tasks(self, wanted: TaskFilter) -> int:
        """See `Store.count_tasks`."""
        return await self._parts.lists.run(lambda connection: tasks.count(connection, wanted))

    async def open_tasks(self, upstream: str | None = None) -> list[TaskRecord]:
        """See `Store.open_tasks`."""
        return await self._parts.lists.run(lambda connection: tasks.unsettled(connection, upstream))

    async def unanswered(self) -> list[TaskRecord]:
        """See `Store.unanswered`."""
        return await self._parts.lists.run(tasks.unanswered)

    async def assumed_tasks(self, since: float) -> list[TaskRecord]:
        """See `Store.assumed_tasks`."""
        return await self._parts.lists.run(lambda connection: tasks.assumed(connection, since))

    async def followed(self) -> list[tuple[str, str, str]]:
        """See `Store.followed`."""
        return await self._parts.lists.run(tasks.followed)

    async def open_upstreams(self) -> set[str]:
        """See `Store.open_upstreams`."""
        return await self._parts.lists.run(tasks.open_upstreams)

    async def tasks_by_ids(self, upstream: str, ids: Sequence[str]) -> list[TaskRecord]:
        """See `Store.tasks_by_ids`."""
        return await self._parts.lists.run(lambda connection: tasks.by_ids(connection, upstream, ids))

    async def adjust(self, key: str, snapshot: Snapshot, row: LedgerRow) -> bool:
        """See `Store.adjust`."""
        return await self._write(lambda connection: tasks.adjust(connection, key, snapshot, row))

    async def correct(self, key: str, before: Snapshot, snapshot: Snapshot, row: LedgerRow) -> bool:
        """See `Store.correct`."""
        return await self._write(lambda connection: tasks.correct(connection, key, before, snapshot, row))

    async def task_by_idempotency_key(self, caller: str, operation: str, key: str, since: float) -> TaskRecord | None:
        """See `Store.task_by_idempotency_key`."""
        return self._look(lambda connection: repeats.by_idempotency_key(connection, caller, operation, key, since))

    async def attempts(self, caller: str, operation: str, fingerprint: str, since: float) -> list[TaskRecord]:
        """See `Store.attempts`."""
        return self._look(lambda connection: repeats.attempts(connection, caller, operation, fingerprint, since))

    async def match_task(self, key: str) -> bool:
        """See `Store.match_task`."""
        return await self._write(lambda connection: repeats.match(connection, key))

    async def release_task(self, key: str) -> None:
        """See `Store.release_task`."""
        await self._write(lambda connection: repeats.release(connection, key))

    async def release_tasks(self) -> None:
        """See `Store.release_tasks`."""
        await self._write(repeats.release_all)

    async def set_delivered(self, key: str) -> None:
        """See `Store.set_delivered`."""
        await self._write(lambda connection: repeats.delivered(connection, key))

    async def known_ids(self, upstream: str, ids: Sequence[str]) -> set[str]:
        """See `Store.known_ids`."""
        return await self._parts.lists.run(lambda connection: repeats.known_ids(connection, upstream, ids))

    async def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        """See `Store.due_deliveries`."""
        return self._look(lambda connection: deliveries.due(connection, now, limit))

    async def delivery(self, key: str) -> Delivery | None:
        """See `Store.delivery`."""
        return self._look(lambda connection: deliveries.of_task(connection, key))

    async def end_delivery(self, delivery: Delivery, state: str, reason: str | None, next_try: float | None) -> None:
        """See `Store.end_delivery`."""
        await self._write(lambda connection: deliveries.end(connection, delivery, state, reason, next_try))

    async def copies_due(self, now: float, since: float, limit: int) -> list[str]:
        """See `Store.copies_due`."""
        return self._look(lambda connection: archive.due(connection, now, since, limit))

    async def copy(self, key: str) -> Copy | None:
        """See `Store.copy`."""
        return self._look(lambda connection: archive.find(connection, key))

    async def claim_copy(self, key: str, now: float, until: float, *, early: bool = False) -> Copy | None:
        """See `Store.claim_copy`."""
        return await self._write(lambda connection: archive.claim(connection, key, now, until, early=early))

    async def end_copy(self, copy: Copy) -> bool:
        """See `Store.end_copy`."""
        return await self._write(lambda connection: archive.end(connection, copy))

    async def release_copies(self, now: float) -> None:
        """See `Store.release_copies`."""
        await self._write(lambda connection: archive.release(connection, now))

    async def expired_copies(self, kind: str, now: float, limit: int) -> list[Copy]:
        """See `Store.expired_copies`."""
        return self._look(lambda connection: archive.expired(connection, kind, now, limit))

    async def drop_copy(self, copy: Copy, reason: str) -> None:
        """See `Store.drop_copy`."""
        await self._write(lambda connection: archive.drop(connection, copy, reason))

    async def add_object(self, owned: Owned) -> None:
        """See `Store.add_object`."""
        await self._write(lambda connection: objects.add(connection, owned))

    async def object_of(self, caller: str, kind: str, object_id: str) -> Owned | None:
        """See `Store.object_of`."""
        return self._look(lambda connection: objects.one(connection, caller, kind, object_id))

    async def see_object(self, caller: str, kind: str, object_id: str, facts: str) -> None:
        """See `Store.see_object`."""
        await self._write(lambda connection: objects.see(connection, caller, kind, object_id, facts))

    async def drop_object(self, caller: str, kind: str, object_id: str) -> None:
        """See `Store.drop_object`."""
        await self._write(lambda connection: objects.drop(connection, caller, kind, object_id))

    async def objects(self, wanted: ObjectFilter) -> list[Owned]:
        """See `Store.objects`."""
        return await self._parts.lists.run(lambda connection: objects.some(connection, wanted))

    async def add_command(self, command: Command) -> None:
        """See `Store.add_command`."""
        await self._write(lambda connection: commands.add(connection, command))

    async def pending_commands(self, kind: str, now: float) -> list[Command]:
        """See `Store.pending_commands`."""
        return self._look(lambda connection: commands.pending(connection, kind, now))

    async def command(self, key: str) -> Command | None:
        """See `Store.command`."""
        return self._look(lambda connection: commands.find(connection, key))

    async def finish_command(self, key: str, result: JSON, ended_at: float) -> bool:
        """See `Store.finish_command`."""
        return await self._write(lambda connection: commands.finish(connection, key, result, ended_at))

    async def lease(self, name: str) -> Lease | None:
        """See `Store.lease`."""
        return self._look(lambda connection: commands.lease(connection, name))

    async def set_lease(self, name: str, before: Lease | None, after: Lease | None) -> bool:
        """See `Store.set_lease`."""
        return await self._write(lambda connection: commands.set_lease(connection, name, before, after))

    async def prune(self, wanted: Prune) -> dict[str, int]:
        """See `Store.prune`."""
        return await prune.everything(self._parts.lists.run if wanted.dry_run else self._parts.writer.write, wanted)

    async def add_rows(self, rows: Sequence[LedgerRow]) -> None:
        """See `Store.add_rows`."""
        await self._write(lambda connection: ledger.add(connection, rows))

    async def usage(self, wanted: UsageFilter) -> list[UsageSum]:
        """See `Store.usage`."""
        return await self._parts.reports.run(lambda connection: reports.usage(connection, wanted))

    async def ledger(self, caller: str | None, since: float | None, until: float | None, limit: int) -> list[LedgerRow]:
        """See `Store.ledger`."""
        return await self._parts.reports.run(lambda connection: ledger.rows(connection, caller, since, until, limit))

    @property
    def _parts(self) -> _Open:
        if self._opened is None:
            raise StoreError(f"the database {self._path} is not open")
        return self._opened

    async def _write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        return await self._parts.writer.write(write)

    def _look(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """An index look-up on the event loop's own connection: about ten microseconds, less than handing it to a thread."""
        try:
            return read(self._parts.inline)
        except FAILURES as error:
            raise explain(self._path, error) from error

    def _connect(self, loop: asyncio.AbstractEventLoop) -> _Open:
        prepare(self._path)
        opened: list[Callable[[], None]] = []
        try:
            first = connect(self._path, wait=self._wait, cache_kib=2 * _CACHE_KIB)
            opened.append(first.close)
            migrate(first)
            reports.keep_by(first, self._timezone)
            inline = connect(self._path, wait=_INLINE_WAIT, cache_kib=_CACHE_KIB, reads_only=True)
            opened.append(inline.close)
            reader = partial(Reader, self._path, wait=self._wait, cache_kib=_CACHE_KIB)
            lists = reader()
            opened.append(lists.close)
            return _Open(Writer(self._path, first, loop), inline, lists, reader())
        except FAILURES as error:
            for close in reversed(opened):
                close()
            raise explain(self._path, error) from error
