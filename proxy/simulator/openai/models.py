"""GET /v1/models and /v1/models/{id} at OpenAI and at the servers that follow it; an id may hold slashes (openai-wire.md §3.5)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.shelf import Object

CREATED = 1_735_689_600


def table(ways: Ways) -> dict[str, dict[str, Handler]]:
    """The routes of one server's models."""

    async def listed(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_row(name, ways) for name in ways.models]})

    async def one(request: Request) -> Response:
        name = request.path_params["id"]
        if name not in ways.models:
            raise ways.refused(f"The model '{name}' does not exist", "model", "model_not_found", 404)
        return JSONResponse(_row(name, ways))

    return {"/v1/models": {"GET": listed}, "/v1/models/{id:path}": {"GET": one}}


def _row(name: str, ways: Ways) -> Object:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": ways.owner}
