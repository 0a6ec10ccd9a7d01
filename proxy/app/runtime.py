"""The composition root: builds every object from the configuration, wires them, owns their lifetimes. Nothing else chooses a database."""

import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.accounts import Accounts, KeyRing
from proxy.callbacks import Sender
from proxy.config import Config
from proxy.errors import ConfigError, Mistake
from proxy.follower import Follower
from proxy.follower.resolver import Resolver
from proxy.gateway import Gateway
from proxy.gateway.services import Services
from proxy.gateway.spool import Spool
from proxy.guard import Guard
from proxy.logs import Logs
from proxy.metrics import Metrics
from proxy.policy import Policy
from proxy.signing import Purpose, Signer
from proxy.store import Store
from proxy.store.sqlite import SqliteStore
from proxy.supervisor import Supervisor
from proxy.upstream.client import Client, pinned_transport, stock_transport
from proxy.upstream.quota import Quotas
from proxy.upstream.router import Router
from proxy.web.edge import Edge, HostCheck
from proxy.web.endpoint import Surroundings
from proxy.web.finished import Finished
from proxy.web.models import Models
from proxy.web.own import Own
from proxy.web.routes import Unknown, routes

KEY_WATCH = 0.5
"""Seconds between looks at the store's version: what another process writes works here within 1 s (contract.md §3)."""

RESOLVE_EVERY, SEND_EVERY, SPOOL_EVERY = 5.0, 0.5, 1.0
"""Seconds between rounds over unanswered creates, over callbacks that are due, and over writes that the store refused."""


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """The configured store, opened and migrated."""
    path = config.sqlite_path
    if path is None:
        where = str(config.path or "configuration")
        raise ConfigError([Mistake(where, 0, "store.url", "only sqlite:/// is served by this version")])
    path.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path, timezone=config.accounting.timezone)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class Runtime:
    """A running gateway: `asgi` is what the server calls; `reload` swaps what the configuration decides and keeps what is under way.

    `address` is where it is reached without a public address; `server` knows it for certain.
    """

    store: Store
    accounts: Accounts

    def __init__(self, config: Config, logs: Logs, now: Callable[[], float] = time.time) -> None:
        self._config = config
        self._logs = logs
        self._now = now
        self._stack = AsyncExitStack()
        self._metrics = Metrics()
        self._inner: ASGIApp | None = None
        self.address = f"http://{config.server.host}:{config.server.port}"
        self._started = int(now())

    async def __aenter__(self) -> "Runtime":
        config = self._config
        self.store = await self._stack.enter_async_context(open_store(config))
        supervisor = Supervisor(self._logs)
        await self._require_upstreams(config)
        self.accounts = Accounts(self.store, self._now)
        self._ring = KeyRing(self.store, self._now)
        self._services = await self._make_services(config, supervisor)
        self._gateway = Gateway(self._services)
        self._inner = self._web(config)
        await self._start_background(supervisor)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application as it is configured now; a call keeps the one it began with."""
        if self._inner is not None:
            await self._inner(scope, receive, send)

    async def reload(self, config: Config) -> None:
        """Take a new configuration; raises `ConfigError` and keeps the old one if it cannot be used."""
        await self._require_upstreams(config)
        before, after = self._config, config
        fixed = [
            name
            for name, old, new in (
                ("server.host", before.server.host, after.server.host),
                ("server.port", before.server.port, after.server.port),
                ("server.secret", before.server.secret, after.server.secret),
                ("server.trusted_proxies", before.server.trusted_proxies, after.server.trusted_proxies),
                ("store.url", before.store.url, after.store.url),
            )
            if old != new
        ]
        if fixed:
            self._logs.event("warning", "these keys need a restart to take effect", keys=fixed)
        self._services.router.configure(config.upstreams, config.models, config.passthrough)
        self._services.quotas.configure({upstream.name: upstream.limits for upstream in config.upstreams})
        self._services.policy.configure(_policy(config))
        self._inner = self._web(config)
        self._config = config

    async def _make_services(self, config: Config, supervisor: Supervisor) -> Services:
        client = Client(stock_transport(), pinned_transport())
        self._stack.push_async_callback(client.close)
        spool = Spool(self._logs, self._metrics)
        self._stack.push_async_callback(spool.close)
        stored = await self.store.setting("secret", secrets.token_hex(32))
        limits = {upstream.name: upstream.limits for upstream in config.upstreams}
        return Services(
            store=self.store,
            client=client,
            router=Router(config.upstreams, config.models, config.passthrough, random.random),
            quotas=Quotas(limits, time.monotonic),
            guard=Guard(),
            signer=Signer((config.server.secret.reveal() if config.server.secret else stored).encode()),
            supervisor=supervisor,
            spool=spool,
            events=self._logs,
            now=self._now,
            new_key=lambda: secrets.token_hex(16),
            policy=_policy(config),
            settled=Finished(self._logs, self._metrics).settled,
        )

    async def _start_background(self, supervisor: Supervisor) -> None:
        services, reader = self._services, self._gateway.reader
        follower = Follower(services, reader, random.random)
        reader.watcher = follower.changed
        await self.store.release_tasks()
        await follower.start()
        resolver = Resolver(services, reader, self._now())
        transport = pinned_transport()
        self._stack.push_async_callback(transport.aclose)
        # What is under way ends before what it works with: this is undone first.
        self._stack.push_async_callback(supervisor.close)
        sender = Sender(
            store=self.store,
            guard=services.guard,
            transport=transport,
            view=self._gateway.tasks.view,
            base=lambda: services.policy.public_url or self.address,
            secret=lambda caller: services.signer.key(Purpose.WEBHOOK, caller),
            supervisor=supervisor,
            events=self._logs,
            now=self._now,
            policy=services.policy,
        )
        supervisor.loop("key watch", self._ring.refresh_if_changed, KEY_WATCH)
        supervisor.loop("resolver", resolver.step, RESOLVE_EVERY)
        supervisor.loop("callbacks", sender.step, SEND_EVERY)
        supervisor.loop("spool", services.spool.step, SPOOL_EVERY)

    async def _require_upstreams(self, config: Config) -> None:
        """Open tasks of an upstream that is gone stop the start (contract.md §4)."""
        known = {upstream.name for upstream in config.upstreams}
        gone = {record.upstream for record in await self.store.open_tasks()} - known
        if gone:
            where = str(config.path or "configuration")
            text = "{!r} is gone but still has open tasks; keep it with retired = true until they end"
            raise ConfigError([Mistake(where, 0, "upstream", text.format(name)) for name in sorted(gone)])

    def _web(self, config: Config) -> ASGIApp:
        for secret in config.known_secrets():
            self._logs.add_secret(secret.reveal())
        around = Surroundings(
            authenticator=self._ring,
            log=Finished(self._logs, self._metrics),
            now=self._now,
            max_body=config.server.max_body,
            public_url=config.server.public_url,
        )
        own = Own(self.store, self._services.spool, self._metrics, ZoneInfo(config.accounting.timezone))
        models = Models(self._services.router, self._started)
        starlette = Starlette(routes=routes(self._gateway, own, models, around))
        starlette.router.redirect_slashes = False
        starlette.router.default = Unknown(config.server.public_url)
        public_host = urlsplit(config.server.public_url).hostname if config.server.public_url else None
        hosts = HostCheck(
            loopback=is_loopback(config.server.host), allowed=config.server.allowed_hosts, public_host=public_host
        )
        return Edge(starlette.router, hosts, self._logs, lambda: "req_" + secrets.token_hex(12))


def _policy(config: Config) -> Policy:
    return Policy(
        keep_prompts=config.video.keep_prompts,
        public_url=config.server.public_url,
        private_callbacks=config.callbacks.allow_private,
    )


def is_loopback(host: str) -> bool:
    """Whether a bind address is only reachable from this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")
