"""The follower's lease: of all processes on one store, one follows tasks, sends callbacks and spends the upstreams' quotas on that.

It lasts LENGTH seconds unless it is renewed. A clean stop gives it back at once; the lease of a process of this machine that is gone is
taken over at once, any other when it is over.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from proxy.store import Store
from proxy.store.commands import Lease

NAME = "follower"

LENGTH, RENEW = 20.0, 5.0
"""Seconds that a lease lasts, and after which its holder renews it."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")
SEPARATOR = "|"


class Holder:
    """One process's hold on the lease. `now` gives unix seconds; `owner` is what no other process calls itself (`owner_name`)."""

    def __init__(self, store: Store, now: Callable[[], float], owner: str) -> None:
        self._store = store
        self._now = now
        self._owner = owner
        self._mine: Lease | None = None

    @property
    def held(self) -> bool:
        """Whether this process may follow now; also false if it slept through its lease and has not renewed it since."""
        return self._mine is not None and self._now() < self._mine.until

    async def step(self) -> bool:
        """Take the lease if it is free, renew it in time; call it every second. Returns `held`."""
        now = self._now()
        if self._mine is not None and LENGTH - RENEW < self._mine.until - now <= LENGTH:
            return True
        found = await self._store.lease(NAME)
        if found != self._mine:
            self._mine = None
            if found is not None and not is_free(found, self._owner, now):
                return False
        wanted = Lease(self._owner, now + LENGTH)
        self._mine = wanted if await self._store.set_lease(NAME, found, wanted) else None
        return self.held

    async def release(self) -> None:
        """Give the lease back."""
        mine, self._mine = self._mine, None
        if mine is not None:
            await self._store.set_lease(NAME, mine, None)


def owner_name(token: str) -> str:
    """This process as the owner of a lease: the machine since its start, the process id there, and a token that no other process has."""
    return SEPARATOR.join((_machine(), str(os.getpid()), token))


def is_free(lease: Lease, owner: str, now: float) -> bool:
    """Whether nobody can be holding this lease: it is over, ends later than any does (a clock was wrong), or its process is gone."""
    return not now < lease.until <= now + 2 * LENGTH or is_gone(lease.owner, owner)


def is_gone(other: str, owner: str) -> bool:
    """Whether that owner is a process of the machine of `owner` that has ended; False where this cannot be known."""
    machine, _, rest = other.partition(SEPARATOR)
    number = rest.partition(SEPARATOR)[0]
    if not machine or machine != owner.partition(SEPARATOR)[0] or not number.isascii() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _machine() -> str:
    """This boot of this machine and its table of processes; empty where the system does not tell."""
    with suppress(OSError):
        return BOOT.read_text("ascii").strip() + PROCESSES.readlink().name
    return ""
