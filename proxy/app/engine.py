"""Everything of a gateway but its web side: the store, the services, and the work that only the holder of the follower's lease does."""

import random
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from proxy.app.shelves import archive_of, keeper_of
from proxy.app.stores import open_store, require_upstreams, signer
from proxy.archive.keeper import Keeper, Means
from proxy.callbacks import Sender
from proxy.config import Config
from proxy.errors import StoreError
from proxy.follower import Follower
from proxy.follower.commands import Commands
from proxy.follower.lease import Holder, owner_name
from proxy.follower.resolver import Resolver
from proxy.gateway import Gateway
from proxy.gateway.services import Services, untold
from proxy.gateway.spool import Spool
from proxy.guard import Guard
from proxy.metrics import Metrics
from proxy.model import LedgerRow
from proxy.policy import Policy
from proxy.signing import Purpose
from proxy.store import Store
from proxy.supervisor import Events, Supervisor
from proxy.upstream.client import Client, pinned_transport, stock_transport
from proxy.upstream.media import Media
from proxy.upstream.quota import Quotas
from proxy.upstream.router import Router

RESOLVE_EVERY, SEND_EVERY, SPOOL_EVERY = 5.0, 0.5, 1.0
"""Seconds between rounds over unanswered creates, over callbacks that are due, and over writes that the store refused."""

LEASE_EVERY, CATCH_UP_EVERY, COMMAND_EVERY = 1.0, 5.0, 0.3
"""Seconds between looks at the follower's lease, at tasks that other processes took on, and at commands that wait."""

COPY_EVERY, COPIES_AT_ONCE = 1.0, 2
"""Seconds between looks for results to archive, and how many are copied side by side."""

LINGER = 10.0
"""Seconds that work in the background has to end by itself when the gateway ends; creates whose callers have left are such work."""

Step = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where an engine's words go, and its clock in unix seconds; `settled` is told of every settlement."""

    events: Events
    metrics: Metrics = field(default_factory=Metrics)
    settled: Callable[[LedgerRow], None] = untold
    now: Callable[[], float] = time.time


class Engine:
    """Entering it builds everything and starts nothing; `start` begins the background work. `address` is where the gateway is reached."""

    store: Store
    services: Services
    gateway: Gateway
    holder: Holder
    commands: Commands

    def __init__(self, config: Config, outside: Outside, address: str = "") -> None:
        self._config = config
        self._outside = outside
        self._stack = AsyncExitStack()
        self._following = False
        self.address = address
        self.linger = LINGER
        self.supervisor = Supervisor(outside.events)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.store = await stack.enter_async_context(open_store(self._config))
            await require_upstreams(self._config, self.store)
            self.services = await self._make_services(stack)
            self.gateway = Gateway(self.services)
            self.holder = Holder(self.store, self._outside.now, owner_name(secrets.token_hex(8)))
            self._make_workers(stack)
            stack.push_async_callback(self._release)
            # What is under way ends before what it works with: the last is undone first. What does not end in time loses its connections,
            # and finds out that its outcome is not known.
            stack.push_async_callback(self.supervisor.close)
            stack.push_async_callback(self.services.client.close)
            stack.push_async_callback(lambda: self.supervisor.drain(self.linger))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def configure(self, config: Config) -> None:
        """Take what a new configuration says; what is under way goes on."""
        self.services.router.configure(config.upstreams, config.models, config.passthrough)
        self.services.quotas.configure({upstream.name: upstream.limits for upstream in config.upstreams})
        self.services.policy.configure(policy_of(config))
        self._config = config

    async def start(self) -> None:
        """Take the lease if it is free, and begin the background work."""
        self.gateway.reader.watcher = self._follower.changed
        await self._keep_lease()
        self._loop("spool", self.services.spool.step, SPOOL_EVERY)
        self._loop("lease", self._keep_lease, LEASE_EVERY)
        self._loop("catch up", self._holding(self._follower.catch_up), CATCH_UP_EVERY)
        self._loop("resolver", self._holding(self._resolver.step), RESOLVE_EVERY)
        self._loop("callbacks", self._holding(self._sender.step), SEND_EVERY)
        if self._keeper is not None:
            for number in range(COPIES_AT_ONCE):
                self._loop(f"archive {number + 1}", self._holding(self._keeper.step), COPY_EVERY)
        for kind in self.commands.kinds:
            self._loop(f"commands: {kind}", partial(self.commands.step, kind), COMMAND_EVERY)

    def keep_lease_only(self) -> None:
        """Keep the lease that this process holds, and begin nothing else."""
        self._loop("lease", self.holder.step, LEASE_EVERY)

    def _loop(self, name: str, step: Step, seconds: float) -> None:
        self.supervisor.loop(name, step, seconds)

    def _holding(self, step: Step) -> Step:
        """The step, for as long as this process holds the lease."""

        async def gated() -> None:
            if self.holder.held:
                await step()

        return gated

    async def _keep_lease(self) -> None:
        """Take or renew the lease; whoever gets it takes up every open task, also those of a process that has died."""
        if not await self.holder.step():
            self._following = False
        elif not self._following:
            await self.store.release_tasks()
            if self._keeper is not None:
                await self._keeper.recover()
            await self._follower.start()
            self._following = True

    async def _release(self) -> None:
        try:
            await self.holder.release()
        except StoreError as broken:
            self._outside.events.event("warning", "the follower's lease was not given back", reason=str(broken))

    async def _make_services(self, stack: AsyncExitStack) -> Services:
        config, outside = self._config, self._outside
        client = Client(stock_transport(), pinned_transport())
        stack.push_async_callback(client.close)
        spool = Spool(outside.events, outside.metrics)
        stack.push_async_callback(spool.close)
        router = Router(config.upstreams, config.models, config.passthrough, random.random)
        quotas = Quotas({upstream.name: upstream.limits for upstream in config.upstreams}, time.monotonic)
        guard = Guard()
        self._keeper = self._make_keeper(stack, Media(client, guard, quotas), router)
        return Services(
            store=self.store,
            client=client,
            router=router,
            quotas=quotas,
            guard=guard,
            archive=self._keeper,
            signer=await signer(config, self.store),
            supervisor=self.supervisor,
            spool=spool,
            events=outside.events,
            now=outside.now,
            new_key=lambda: secrets.token_hex(16),
            policy=policy_of(config),
            settled=outside.settled,
        )

    def _make_keeper(self, stack: AsyncExitStack, media: Media, router: Router) -> Keeper | None:
        archive = archive_of(self._config)
        if archive is None:
            return None
        means = Means(
            store=self.store,
            archive=archive,
            media=media,
            upstream=router.upstream,
            events=self._outside.events,
            now=self._outside.now,
        )
        keeper = keeper_of(self._config, means)
        stack.push_async_callback(keeper.close)
        return keeper

    def _make_workers(self, stack: AsyncExitStack) -> None:
        services, reader = self.services, self.gateway.reader

        def works() -> bool:
            return self.holder.held

        self._follower = Follower(services, reader, random.random, works)
        self._resolver = Resolver(services, reader, services.now())
        self.commands = Commands(services, reader, self._resolver, works)
        transport = pinned_transport()
        stack.push_async_callback(transport.aclose)
        self._sender = Sender(
            store=self.store,
            guard=services.guard,
            transport=transport,
            view=self.gateway.tasks.view,
            base=lambda: services.policy.public_url or self.address,
            secret=lambda caller: services.signer.key(Purpose.WEBHOOK, caller),
            supervisor=self.supervisor,
            events=services.events,
            now=services.now,
            policy=services.policy,
        )


def policy_of(config: Config) -> Policy:
    """What the configuration decides about calls."""
    return Policy(
        keep_prompts=config.video.keep_prompts,
        public_url=config.server.public_url,
        private_callbacks=config.callbacks.allow_private,
    )
