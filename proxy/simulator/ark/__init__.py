"""The Ark dialect of the simulator: video tasks as ark-wire.md §2 to §4 and §7.1 have them, the other families as §5 has.

Each family is a module of its own with a `routes` like those below and one line here.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator.ark import catalog, chat, embeddings, images, responses, results
from proxy.simulator.ark.callbacks import Callbacks
from proxy.simulator.ark.desk import Desk, broken
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.files import Files
from proxy.simulator.ark.results import Links
from proxy.simulator.ark.service import Service
from proxy.simulator.core import Core

TASKS = "/api/v3/contents/generations/tasks"
_ANY: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(core: Core) -> list[BaseRoute]:
    """The routes under /api/v3, those of the result links, and Ark's answer to every other path."""
    links = Links(core)
    desk = Desk(core)
    files = Files(core, desk)
    service = Service(core, desk, links)
    Callbacks(core, links)
    core.slots = lambda pool: 1 if pool.endswith(" 4k") else core.settings.concurrency
    core.render_fault = lambda kind: _fault(desk, kind)
    answering = desk.answering
    return [
        Route(TASKS, answering(service.create), methods=["POST"]),
        Route(TASKS, answering(service.list_), methods=["GET"]),
        Route(TASKS, service.preflight, methods=["OPTIONS"]),
        Route(TASKS + "/{id}", answering(service.get), methods=["GET"]),
        Route(TASKS + "/{id}", answering(service.delete), methods=["DELETE"]),
        Route(TASKS + "/{id}", service.preflight, methods=["OPTIONS"]),
        *chat.routes(core, desk, files.check),
        *responses.routes(core, desk, files.check),
        *images.routes(core, desk, links),
        *embeddings.routes(core, desk),
        *files.routes(),
        *catalog.routes(desk),
        *results.routes(core, links),
        Route("/api/plan/v3/{path:path}", _empty, methods=_ANY),
        Route("/{path:path}", answering(_unknown_path), methods=_ANY),
    ]


async def _unknown_path(request: Request) -> Response:
    raise ArkError(404, "InvalidAction", f"The specified action is invalid: {request.url.path}.")


async def _empty(_request: Request) -> Response:
    """What the plan bases answer to a path they do not know."""
    return Response(status_code=404)


def _fault(desk: Desk, kind: str) -> Response:
    """The answer to a fault that was asked for, in Ark's shape."""
    if kind == "empty-404":
        return Response(status_code=404)
    if kind == "429":
        return desk.refuse(ArkError(429, "RateLimitExceeded.EndpointRPMExceeded", "The rate limit is exceeded."))
    return desk.refuse(broken())
