"""Sockets, signals and uvicorn: how the runtime is served, and how it ends."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from proxy.app.runtime import Runtime
from proxy.config import Config
from proxy.errors import ArkbridgeError, ConfigError
from proxy.logs import Logs
from proxy.simulator import Settings, create_app

DRAIN = 30
"""Seconds that SIGTERM gives to calls in flight."""

SIMULATOR_SPEED = 4.0
"""The built-in simulator makes a short video in about a quarter of a minute."""

Announce = Callable[[str, Runtime], Awaitable[None]]


@asynccontextmanager
async def _simulator(port: int, state: Path) -> AsyncIterator[str]:
    """The built-in simulator beside the gateway, on a port of its own, its state beside the database; yields its base URL."""
    state.parent.mkdir(parents=True, exist_ok=True)
    app = create_app(Settings(speed=SIMULATOR_SPEED, state=state))
    listening = _listen("127.0.0.1", port)
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


async def serve(config: Config, logs: Logs, reread: Callable[[], Config], announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then drain. SIGHUP takes the configuration that `reread` gives.

    `announce` is called once, when connections are accepted, with the gateway's URL and the runtime.
    """
    listening = _listen(config.server.host, config.server.port)
    async with AsyncExitStack() as stack:
        if config.simulate:
            port = config.server.port + 1 if config.server.port else 0
            url = await stack.enter_async_context(_simulator(port, config.data_dir / "simulator.json"))
            config, reread = config.with_simulator(url), _with_simulator(reread, url)
        await _serve_on(listening, config, logs, reread, announce)


def _with_simulator(reread: Callable[[], Config], url: str) -> Callable[[], Config]:
    return lambda: reread().with_simulator(url)


async def _serve_on(
    listening: socket.socket, config: Config, logs: Logs, reread: Callable[[], Config], announce: Announce
) -> None:
    async with Runtime(config, logs) as runtime, asyncio.TaskGroup() as group:
        runtime.address = _url(listening)
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
    except (ArkbridgeError, OSError) as broken:
        logs.event("error", "the new configuration is not used; the old one stays", reason=str(broken))
        return
    logs.event("info", "configuration reloaded")


def run(config: Config, logs: Logs, reread: Callable[[], Config], announce: Announce) -> None:
    """`serve` on uvloop; raises `ConfigError`, `StoreError` or OSError when it cannot start."""
    uvloop.run(serve(config, logs, reread, announce))
