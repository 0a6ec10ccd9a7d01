"""The one thread that writes: whatever waits when it comes round goes into one commit. It must never die of a failed write.

A write is a function of the connection, run in a savepoint. It may run twice (when a commit fails as a whole, its writes are tried
again one by one), so it must have no effect but on the database.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from proxy.errors import StoreError
from proxy.store.sqlite.connection import FAILURES, explain

T = TypeVar("T")
Delivery = Callable[[], None]
_MOST = 1000  # writes in one commit, so that the first of a flood does not wait for the last


@dataclass(frozen=True, slots=True)
class _Job:
    """A write that waits: running it gives what hands its result over; `fail` gives what hands an error over."""

    run: Callable[[sqlite3.Connection], Delivery]
    fail: Callable[[StoreError], Delivery]


def _job(write: Callable[[sqlite3.Connection], T], future: asyncio.Future[T]) -> _Job:
    def succeed(result: T) -> None:
        if not future.done():  # else its caller was cancelled; the write stands all the same
            future.set_result(result)

    def fail(error: StoreError) -> None:
        if not future.done():
            future.set_exception(error)

    return _Job(lambda connection: partial(succeed, write(connection)), lambda error: partial(fail, error))


class Writer:
    """Runs writes on a connection of its own; each result is handed over when its commit is on disk. For one event loop only."""

    def __init__(self, path: Path, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self.commits = 0
        self._path = path
        self._connection = connection
        self._loop = loop
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """What `write` returned, once it is durable; `StoreError` if it failed, and then nothing of it was kept."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_job(write, future))
        if self._thread is None:
            self._start()
        return await future

    def close(self) -> None:
        """Finish what waits, then close the connection. Blocks: call it in a thread, once."""
        self._queue.put(None)
        while self._thread is not None and self._thread.is_alive():
            self._thread.join()  # and then its successor, should it have one by now
        self._connection.close()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._next()
            deliveries: list[Delivery] = []
            try:
                deliveries = self._commit(batch)
            finally:
                # Something nobody thought of ends this thread: another one goes on, and whoever waits hears of it.
                if batch and not deliveries:
                    self._roll_back()
                    if more:
                        self._start()
                    lost = StoreError(f"the database {self._path} failed: the write ended with an unforeseen error")
                    deliveries = [job.fail(lost) for job in batch]
                self._deliver(deliveries)

    def _next(self) -> tuple[list[_Job], bool]:
        """Everything that waits now, at least one; False once the end of the queue was seen."""
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _MOST:
                return batch, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: Sequence[_Job]) -> list[Delivery]:
        """Run the writes in one transaction; if it fails as a whole, each in one of its own."""
        if not batch:
            return []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [job.fail(explain(self._path, error)) for job in batch]
        try:
            deliveries = [batch[0].run(self._connection)] if len(batch) == 1 else [self._guarded(job) for job in batch]
            self._connection.execute("COMMIT")
        except FAILURES as error:
            self._roll_back()
            if len(batch) == 1:
                return [batch[0].fail(explain(self._path, error))]
            return [delivery for job in batch for delivery in self._commit([job])]
        self.commits += 1
        return deliveries

    def _guarded(self, job: _Job) -> Delivery:
        """Run one of several writes, so that its failure undoes nothing else; raises if the whole transaction is lost."""
        self._connection.execute("SAVEPOINT one")
        try:
            delivery = job.run(self._connection)
        except FAILURES as error:
            self._connection.execute("ROLLBACK TO one")
            delivery = job.fail(explain(self._path, error))
        self._connection.execute("RELEASE one")
        return delivery

    def _roll_back(self) -> None:
        """End the transaction, which SQLite may have done by itself already; never leave the lock with us."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        def hand_over() -> None:
            for delivery in deliveries:
                delivery()

        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(hand_over)
