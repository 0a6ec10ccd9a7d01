"""The control routes under /_sim/: what a test reads and sets. No key, but only from this machine."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from proxy.simulator.core import Core
from proxy.simulator.faults import FaultError
from proxy.simulator.jobs import QUEUED, RUNNING, TERMINAL, Job

Handler = Callable[[Request], Awaitable[Response]]


def routes(core: Core) -> list[BaseRoute]:
    """The control routes of one simulator."""
    control = _Control(core)
    return [
        Route("/_sim/requests", _guarded(control.requests), methods=["GET", "DELETE"]),
        Route("/_sim/counts", _guarded(control.counts), methods=["GET"]),
        Route("/_sim/clock", _guarded(control.clock), methods=["GET", "POST"]),
        Route("/_sim/faults", _guarded(control.faults), methods=["POST", "DELETE"]),
        Route("/_sim/tasks", _guarded(control.tasks), methods=["GET"]),
        Route("/_sim/tasks/{id}", _guarded(control.task), methods=["GET", "POST"]),
    ]


class _Control:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def requests(self, request: Request) -> Response:
        recorder = self._core.recorder
        if request.method == "DELETE":
            recorder.clear()
            return JSONResponse({})
        return JSONResponse([entry.as_json() for entry in recorder.requests(request.query_params.get("path"))])

    async def counts(self, _request: Request) -> Response:
        recorder = self._core.recorder
        named = {"creates": recorder.counts["creates"], "limited": recorder.counts["limited"]}
        return JSONResponse(dict(recorder.counts) | named | {"routes": dict(recorder.routes)})

    async def clock(self, request: Request) -> Response:
        if request.method == "POST":
            advance = (await _object(request)).get("advance")
            if not isinstance(advance, int | float):
                raise _BadControlError("`advance` must be a number of seconds")
            self._core.advance(advance)
        return JSONResponse({"now": self._core.clock.now(), "offset": self._core.clock.offset})

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._core.faults.clear()
        else:
            self._core.faults.add(await _object(request))
        return JSONResponse({})

    async def tasks(self, _request: Request) -> Response:
        return _jobs(self._core.life.all())

    async def task(self, request: Request) -> Response:
        job = self._core.life.get(request.path_params["id"])
        if job is None:
            return JSONResponse({"error": "no such task"}, 404)
        if request.method == "POST":
            wanted = await _object(request)
            status, error, data = wanted.pop("status", job.status), wanted.pop("error", job.error), wanted
            if status not in {QUEUED, RUNNING, *TERMINAL} or not (error is None or isinstance(error, dict)):
                raise _BadControlError(f"`status` must be one of {QUEUED}, {RUNNING}, {', '.join(sorted(TERMINAL))}")
            job.error = error
            job.data.update(data)
            self._core.life.force(job, status)
        return _jobs(job)


class _BadControlError(ValueError):
    """A control request that cannot be carried out."""


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        if not _is_local(request):
            return JSONResponse({"error": "the control routes answer to this machine only"}, 403)
        try:
            return await handler(request)
        except (_BadControlError, FaultError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return guarded


def _is_local(request: Request) -> bool:
    return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback


async def _object(request: Request) -> dict[str, Any]:
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise _BadControlError(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _BadControlError("the body must be a JSON object")
    return value


def _jobs(value: Job | list[Job]) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
