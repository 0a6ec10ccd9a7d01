"""A stand-alone Ark server, and OpenAI-like ones, for demos and tests.

It imports nothing of `proxy` but its own folder, so that a mistake in the translation cannot hide behind the same
mistake here. `create_app` gives the ASGI application, `serve` runs it, `background` runs it in a thread.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.applications import Starlette

from proxy.simulator import ark, control, openai
from proxy.simulator.core import Core
from proxy.simulator.front import Front
from proxy.simulator.server import background, serve_app
from proxy.simulator.settings import Settings

__all__ = ["DIALECTS", "Settings", "background", "create_app", "serve"]

# Which dialect's routes a name stands for; the OpenAI-like ones tell their profile apart by `core.settings.dialect`.
DIALECTS: Final = {
    "ark": ark.routes,
    "openai": openai.routes,
    "newapi": openai.routes,
    "newapi-newer": openai.routes,
    "newapi-rc30": openai.routes,
    "newapi-wrapped": openai.routes,
    "vllm-omni": openai.routes,
    "sglang": openai.routes,
}


def create_app(settings: Settings) -> Starlette:
    """The simulator of one dialect; raises ValueError for a dialect that it does not know."""
    if settings.dialect not in DIALECTS:
        raise ValueError(f"no dialect {settings.dialect!r}; known are {', '.join(DIALECTS)}")
    core = Core(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop()) for loop in core.loops]
            yield
            for task in tasks:
                task.cancel()

    app = Starlette(routes=control.routes(core) + DIALECTS[settings.dialect](core), lifespan=lifespan)
    app.add_middleware(Front, core)
    return app


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; prints `ready http://host:port` when it accepts (port 0: any free one)."""
    serve_app(create_app(settings), host, port)
