"""What the gateway works with, built once by `app` and handed to every part."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from proxy.archive.keeper import Keeper
from proxy.gateway.spool import Spool
from proxy.guard import Guard
from proxy.model import LedgerRow
from proxy.policy import Policy
from proxy.signing import Signer
from proxy.store import Store
from proxy.supervisor import Events, Supervisor
from proxy.upstream.breaker import Breaker, RetryBudget
from proxy.upstream.client import Client
from proxy.upstream.quota import Quotas
from proxy.upstream.router import Router


class Clock(Protocol):
    """Unix seconds; injected so that tests move time themselves."""

    def __call__(self) -> float:
        """Now."""


def untold(row: LedgerRow) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The gateway's collaborators.

    `new_key` makes a task's internal key; `archive` None: results are not kept; `settled` is told of every settlement once it is durable.
    """

    store: Store
    client: Client
    router: Router
    quotas: Quotas
    guard: Guard
    signer: Signer
    supervisor: Supervisor
    spool: Spool
    events: Events
    now: Clock
    new_key: Callable[[], str]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    breaker: Breaker = field(default_factory=lambda: Breaker(time.monotonic))
    retries: RetryBudget = field(default_factory=lambda: RetryBudget(time.monotonic))
    policy: Policy
    settled: Callable[[LedgerRow], None] = untold
    archive: Keeper | None = None
