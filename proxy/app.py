"""The composition root: builds every object from the configuration, wires them, owns their lifetimes. Nothing else chooses a database."""

import asyncio
import random
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.accounts import Accounts, KeyRing
from proxy.config import Config
from proxy.errors import ConfigError, Mistake
from proxy.gateway import Gateway
from proxy.gateway.services import Services
from proxy.guard import Guard
from proxy.logs import Logs
from proxy.metrics import Metrics
from proxy.signing import Signer
from proxy.simulator import Settings, create_app
from proxy.store import Store
from proxy.store.sqlite import SqliteStore
from proxy.supervisor import Supervisor
from proxy.upstream.client import Client, pinned_transport, stock_transport
from proxy.upstream.quota import Quotas
from proxy.upstream.router import Router
from proxy.web.edge import Edge, HostCheck
from proxy.web.endpoint import Surroundings
from proxy.web.finished import Finished
from proxy.web.own import Own
from proxy.web.routes import Unknown, routes

KEY_WATCH = 0.5
"""Seconds between looks at the store's version: what another process writes works here within 1 s (contract.md §3)."""

DRAIN = 30
"""Seconds that SIGTERM gives to calls in flight."""

SIMULATOR_SPEED = 4.0
"""The built-in simulator makes a short video in about a quarter of a minute."""


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """The configured store, opened and migrated."""
    path = config.sqlite_path
    if path is None:
        raise ConfigError(
            [Mistake(str(config.path or "configuration"), 0, "store.url", "only sqlite:/// is served by this version")]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class Runtime:
    """A running gateway: `asgi` is what the server calls; `reload` swaps everything that the configuration decides."""

    def __init__(self, config: Config, logs: Logs, now: Callable[[], float] = time.time) -> None:
        self._config = config
        self._logs = logs
        self._now = now
        self._stack = AsyncExitStack()
        self._metrics = Metrics()
        self._inner: ASGIApp | None = None
        self._simulator_url = ""

    async def __aenter__(self) -> "Runtime":
        config = self._config
        self.store = await self._stack.enter_async_context(open_store(config))
        self._supervisor = Supervisor(self._logs)
        self._stack.push_async_callback(self._supervisor.close)
        self._client = Client(stock_transport(), pinned_transport())
        self._stack.push_async_callback(self._client.close)
        stored = await self.store.setting("secret", secrets.token_hex(32))
        self._signer = Signer((config.server.secret.reveal() if config.server.secret else stored).encode())
        self.accounts = Accounts(self.store, self._now)
        self._ring = KeyRing(self.store, self._now)
        if config.simulate:
            self._simulator_url = await self._stack.enter_async_context(_simulator(config))
        await self._require_upstreams(config)
        self._inner = self._build(config)
        self._supervisor.loop("key watch", self._ring.refresh_if_changed, KEY_WATCH)
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
        fixed = [
            name
            for name, before, after in (
                ("server.host", self._config.server.host, config.server.host),
                ("server.port", self._config.server.port, config.server.port),
                ("store.url", self._config.store.url, config.store.url),
                ("server.secret", self._config.server.secret, config.server.secret),
            )
            if before != after
        ]
        if fixed:
            self._logs.event("warning", "these keys need a restart to take effect", keys=fixed)
        self._inner = self._build(config)
        self._config = config

    async def _require_upstreams(self, config: Config) -> None:
        """Open tasks of an upstream that is gone stop the start (contract.md §4)."""
        known = {upstream.name for upstream in config.upstreams}
        gone = {record.upstream for record in await self.store.open_tasks()} - known
        if gone:
            where = str(config.path or "configuration")
            raise ConfigError(
                [
                    Mistake(
                        where,
                        0,
                        "upstream",
                        f"{name!r} is gone but still has open tasks; keep it with retired = true until they end",
                    )
                    for name in sorted(gone)
                ]
            )

    def _build(self, config: Config) -> ASGIApp:
        for secret in config.known_secrets():
            self._logs.add_secret(secret.reveal())
        if self._simulator_url:
            config = config.with_simulator(self._simulator_url)
        services = Services(
            store=self.store,
            client=self._client,
            router=Router(config.upstreams, config.models, config.passthrough, random.random),
            quotas=Quotas({upstream.name: upstream.limits for upstream in config.upstreams}, time.monotonic),
            guard=Guard(),
            signer=self._signer,
            supervisor=self._supervisor,
            events=self._logs,
            now=self._now,
            new_key=lambda: secrets.token_hex(16),
            keep_prompts=config.video.keep_prompts,
        )
        around = Surroundings(
            authenticator=self._ring,
            log=Finished(self._logs, self._metrics),
            now=self._now,
            max_body=config.server.max_body,
            public_url=config.server.public_url,
        )
        own = Own(self.store, self.accounts, self._metrics, ZoneInfo(config.accounting.timezone))
        gateway = Gateway(services)
        starlette = Starlette(routes=routes(gateway, own, around))
        starlette.router.redirect_slashes = False
        starlette.router.default = Unknown(config.server.public_url)
        public_host = urlsplit(config.server.public_url).hostname if config.server.public_url else None
        hosts = HostCheck(
            loopback=is_loopback(config.server.host), allowed=config.server.allowed_hosts, public_host=public_host
        )
        return Edge(starlette.router, hosts, self._logs, lambda: "req_" + secrets.token_hex(12))


def is_loopback(host: str) -> bool:
    """Whether a bind address is only reachable from this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


@asynccontextmanager
async def _simulator(config: Config) -> AsyncIterator[str]:
    """The built-in simulator beside the gateway, on a port of its own, its state beside the database; yields its base URL."""
    app = create_app(Settings(speed=SIMULATOR_SPEED, state=config.data_dir / "simulator.json"))
    listening = _listen("127.0.0.1", config.server.port + 1 if config.server.port else 0)
    async with asyncio.TaskGroup() as group:
        server = Server(app)
        serving = group.create_task(server.serve([listening]))
        try:
            yield f"{_url(listening)}/api/v3"
        finally:
            server.should_exit = True
            await serving


class Server(uvicorn.Server):
    """uvicorn on sockets of ours, telling when it accepts; signals belong to `run`, the lifespan to `Runtime`."""

    def __init__(self, app: ASGIApp, trusted_proxies: Sequence[str] = ()) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        self.accepting.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


Announce = Callable[[str, Runtime], Awaitable[None]]


async def serve(config: Config, logs: Logs, reread: Callable[[], Config], announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then drain. SIGHUP takes the configuration that `reread` gives.

    `announce` is called once, when connections are accepted, with the gateway's URL and the runtime.
    """
    listening = _listen(config.server.host, config.server.port)
    async with Runtime(config, logs) as runtime, asyncio.TaskGroup() as group:
        server = Server(runtime.asgi, config.server.trusted_proxies)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, server)
        loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(_reload(runtime, logs, reread)))
        serving = group.create_task(server.serve([listening]))
        await server.accepting.wait()
        await announce(_url(listening), runtime)
        await serving


def _stop(server: Server) -> None:
    server.should_exit = True


async def _reload(runtime: Runtime, logs: Logs, reread: Callable[[], Config]) -> None:
    try:
        await runtime.reload(reread())
    except ConfigError as broken:
        logs.event(
            "error",
            "the new configuration is not used; the old one stays",
            mistakes=[str(item) for item in broken.mistakes],
        )
        return
    logs.event("info", "configuration reloaded")


def run(config: Config, logs: Logs, reread: Callable[[], Config], announce: Announce) -> None:
    """`serve` on uvloop; raises `ConfigError`, `StoreError` or OSError when it cannot start."""
    uvloop.run(serve(config, logs, reread, announce))
