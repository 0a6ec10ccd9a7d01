"""Running the simulator on a socket, with the one thing ASGI cannot do: breaking a connection without an answer."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "simulator.abort"


class AbortingProtocol(HttpToolsProtocol):
    """Gives every request a way to drop its connection, in the scope's extensions."""

    def on_message_begin(self) -> None:
        """Add the transport's abort to the scope that is begun here."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}


class ReadyServer(uvicorn.Server):
    """A server that tells `on_ready` its origin (`http://host:port`) once it accepts."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say where."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def _config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=AbortingProtocol,
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )


def serve_app(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; prints one line, `ready http://host:port`, when it accepts (port 0: any free one)."""

    def ready(origin: str) -> None:
        sys.stdout.write(f"ready {origin}\n")
        sys.stdout.flush()

    ReadyServer(_config(app, host, port), ready).run()


@contextlib.contextmanager
def background(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a thread with a loop of its own while the block runs; yields the origin, `http://host:port`.

    Raises OSError if the port cannot be had.
    """
    origins: list[str] = []
    settled = threading.Event()

    def ready(origin: str) -> None:
        origins.append(origin)
        settled.set()

    server = ReadyServer(_config(app, host, port), ready)

    def run() -> None:
        # uvicorn leaves by SystemExit when it cannot bind; in a thread that would only be silence
        with contextlib.suppress(SystemExit):
            server.run()
        settled.set()

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    settled.wait()
    if not origins:
        raise OSError(f"the simulator could not listen on {host} port {port}")
    try:
        yield origins[0]
    finally:
        server.should_exit = True
        thread.join()
