"""The yardstick: uvicorn with a bare ASGI answer of 0.9 kB, on the same loop and parser as the gateway."""

import asyncio
import socket

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

BODY = b"x" * 900


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer anything."""
    headers = [(b"content-length", b"900"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def main() -> None:
    """Serve on any free port and say which."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, interface="asgi3", http="httptools", lifespan="off", access_log=False, log_config=None)
    print(f"ready http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
