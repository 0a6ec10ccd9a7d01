"""A running gateway: the engine and the web side before it. What the configuration decides can be changed while it runs."""

import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.accounts import Accounts, KeyRing
from proxy.app.engine import Engine, Outside
from proxy.app.stores import require_upstreams
from proxy.config import Config, zone
from proxy.logs import Logs
from proxy.metrics import Metrics
from proxy.store import Store
from proxy.web.edge import Edge, HostCheck
from proxy.web.endpoint import Surroundings
from proxy.web.finished import Finished
from proxy.web.models import Models
from proxy.web.own import Own
from proxy.web.routes import Unknown, routes

KEY_WATCH = 0.5
"""Seconds between looks at the store's version: what another process writes works here within 1 s (contract.md §3)."""


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
        self._finished = Finished(logs, self._metrics)
        outside = Outside(events=logs, metrics=self._metrics, settled=self._finished.settled, now=now)
        self._engine = Engine(config, outside, f"http://{config.server.host}:{config.server.port}")
        self._inner: ASGIApp | None = None
        self._started = int(now())

    @property
    def address(self) -> str:
        """Where the gateway is reached without a public address."""
        return self._engine.address

    @address.setter
    def address(self, url: str) -> None:
        self._engine.address = url

    async def __aenter__(self) -> "Runtime":
        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(self._engine)
            self.store, self._services = engine.store, engine.services
            self.accounts = Accounts(self.store, self._now)
            self._ring = KeyRing(self.store, self._now)
            self._inner = self._web(self._config)
            await engine.start()
            engine.supervisor.loop("key watch", self._ring.refresh_if_changed, KEY_WATCH)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application as it is configured now; a call keeps the one it began with."""
        if self._inner is not None:
            await self._inner(scope, receive, send)

    async def reload(self, config: Config) -> None:
        """Take a new configuration; raises `ConfigError` and keeps the old one if it cannot be used."""
        await require_upstreams(config, self.store)
        before, after = self._config, config
        fixed = [
            name
            for name, old, new in (
                ("server.host", before.server.host, after.server.host),
                ("server.port", before.server.port, after.server.port),
                ("server.secret", before.server.secret, after.server.secret),
                ("server.trusted_proxies", before.server.trusted_proxies, after.server.trusted_proxies),
                ("store.url", before.store.url, after.store.url),
                ("video.archive*", archiving(before), archiving(after)),
            )
            if old != new
        ]
        if fixed:
            self._logs.event("warning", "these keys need a restart to take effect", keys=fixed)
        self._engine.configure(config)
        self._inner = self._web(config)
        self._config = config

    def _web(self, config: Config) -> ASGIApp:
        for secret in config.known_secrets():
            self._logs.add_secret(secret.reveal())
        around = Surroundings(
            authenticator=self._ring,
            log=self._finished,
            now=self._now,
            max_body=config.server.max_body,
            public_url=config.server.public_url,
        )
        own = Own(self.store, self._services.spool, self._metrics, zone(config.accounting.timezone))
        models = Models(self._services.router, self._started)
        starlette = Starlette(routes=routes(self._engine.gateway, own, models, around))
        starlette.router.redirect_slashes = False
        starlette.router.default = Unknown(around)
        public_host = urlsplit(config.server.public_url).hostname if config.server.public_url else None
        hosts = HostCheck(
            loopback=is_loopback(config.server.host), allowed=config.server.allowed_hosts, public_host=public_host
        )
        return Edge(starlette.router, hosts, self._logs, lambda: "req_" + secrets.token_hex(12))


def archiving(config: Config) -> tuple[object, ...]:
    """Everything that the configuration says of the archive."""
    return tuple(value for name, value in config.video if name.startswith("archive"))


def is_loopback(host: str) -> bool:
    """Whether a bind address is only reachable from this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")
