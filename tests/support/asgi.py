"""An application of a test on a real socket, served by the server that serves the gateway."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """uvicorn that leaves the signals of the test process alone and tells when it accepts."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(app, http="httptools", ws="none", lifespan="off", access_log=False, log_config=None)
        )
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serve the application on 127.0.0.1 inside the block; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(app)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listening]))
            await server.accepting.wait()
            try:
                yield listening.getsockname()[1]
            finally:
                server.should_exit = True


async def exchange(port: int, request: bytes) -> bytes:
    """Everything that a server answers to these bytes until it closes; the request should ask it to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
