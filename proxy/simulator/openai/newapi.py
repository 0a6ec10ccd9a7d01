"""new-api in front of an Ark account: its tasks, its poller's view of them, and its own error bodies (openai-wire.md §2.1).

What a client reads is not Ark's state but what the poller last wrote down, every 15 seconds: a new task is `unknown`
until the first round. An expired or cancelled Ark task stays in progress at 30 % until new-api gives up on it.

Releases differ, so there are four shapes: `older` (the upstream's own `cgt-…` ids, no usage), `newer` (`task_…` ids
and usage), `rc30` (the flat task of v1.0.0-rc.30) and `wrapped` (the task in a `data` wrapper on /v1/videos too).
A dialect named `newapi-rc30` and the like picks one for the server, `[[sim:newapi=rc30]]` in a prompt for one task.
"""

import math
import string
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from proxy.simulator import faults
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.core import Core
from proxy.simulator.jobs import FAILED, RUNNING, SUCCEEDED, TERMINAL, Job, Json
from proxy.simulator.openai import chat, embeddings, models, newapi_submit, work
from proxy.simulator.openai import newapi_ark as ark
from proxy.simulator.openai.body import UnreadableError, media_type, read_form, read_json
from proxy.simulator.openai.newapi_submit import Submit, SubmitError
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler, Refusal

SHAPES = ("older", "newer", "rc30", "wrapped")
MODELS = ("seedance-2.5", "seedance-2.0-pro", "seedance-2.0-fast", "seedance-2.0-mini", "doubao-seed-2-1-turbo")
POLL_SECONDS = 15.0
GIVES_UP_SECONDS = 86_400.0
BUSY = "当前分组上游负载已饱和，请稍后再试"
VIDEO_WORDS: Final = {
    "SUBMITTED": "queued",
    "QUEUED": "queued",
    "IN_PROGRESS": "in_progress",
    "SUCCESS": "completed",
    "FAILURE": "failed",
}
SEEN: Final = {
    "queued": ("QUEUED", 10),
    "running": ("IN_PROGRESS", 50),
    "succeeded": ("SUCCESS", 100),
    "failed": ("FAILURE", 100),
}
EPSILON = 1e-6


@dataclass(frozen=True)
class Row:
    """A task as new-api's database has it."""

    status: str
    progress: int
    updated: int
    ark: str | None
    reason: str = ""


def routes(core: Core) -> list[BaseRoute]:
    """The video routes: no list, no delete, no edits; chat, embeddings and models. The result links are those of the Ark
    account behind."""
    account = ark.Account(core)
    api = _Api(core, account)
    core.render_fault = api.fault
    table: dict[str, dict[str, Handler]] = {
        "/v1/videos": {"POST": api.create},
        "/v1/videos/{id}": {"GET": api.get},
        "/v1/videos/{id}/content": {"GET": api.content},
        "/v1/videos/{id}/remix": {"POST": api.remix},
        "/v1/video/generations": {"POST": api.create},
        "/v1/video/generations/{id}": {"GET": api.generation},
    }
    own = Ways(api.relay_error, models=MODELS, owner="custom")
    table |= {**chat.table(core, own), **embeddings.table(core, own), **models.table(own)}
    keyed = {
        path: {method: work.guarded(api.admitted(handler)) for method, handler in row.items()}
        for path, row in table.items()
    }
    return work.routing(keyed, _unknown) + account.routes()


def task_error(status: int, code: str, message: str) -> Response:
    """new-api's error of a task operation."""
    return JSONResponse({"code": code, "message": message, "data": None}, status)


class _Api:
    def __init__(self, core: Core, account: ark.Account) -> None:
        self._core = core
        self._account = account
        named = core.settings.dialect.removeprefix("newapi").removeprefix("-")
        self._shape = named if named in SHAPES else SHAPES[0]

    def fault(self, kind: str) -> Response:
        """The failures on demand, those of the upstream with its body as a string in the message."""
        if kind == "empty-404":
            return Response(status_code=404)
        if kind == "429":
            return task_error(429, "fail_to_fetch_task", BUSY)
        return self._from_ark(ark.broken())

    def admitted(self, handler: Handler) -> Handler:
        """The handler behind the token check, whose errors have another envelope than those of tasks."""

        async def endpoint(request: Request) -> Response:
            key, wanted = work.bearer(request), self._core.settings.key
            if not key or (wanted is not None and key != wanted):
                return self._abort(401, "无效的令牌")
            return await handler(request)

        return endpoint

    def relay_error(self, status: int, message: str, param: str | None, code: str | None) -> Response:
        """The envelope of what is relayed at once, other than a task's."""
        text = f"{message} (request id: {ark.request_id(self._core)})"
        error = {"message": text, "type": "new_api_error", "param": param or "", "code": code or ""}
        return JSONResponse({"error": error}, status)

    async def create(self, request: Request) -> Response:
        submit, received = await self._submit(request)
        return self._started(submit, {"received": received})

    async def remix(self, request: Request) -> Response:
        """The Doubao adaptor knows no remix: it makes a new video of the prompt with the origin's model."""
        origin = self._core.life.get(request.path_params["id"])
        if origin is None:
            raise Refusal(task_error(400, "task_not_exist", "task_origin_not_exist"))
        model = str(_extra(origin)["origin_model"])
        submit, received = await self._submit(request, model)
        submit.model = submit.model or model
        return self._started(submit, {"received": received, "remixed_from": origin.id})

    async def get(self, request: Request) -> Response:
        job = self._job(request)
        await work.hang_if_asked(request, job)
        shape, row = str(_extra(job)["shape"]), self._row(job)
        if shape == "rc30":
            return JSONResponse(
                {
                    "created_at": int(job.created),
                    "fail_reason": row.reason,
                    "finished_at": row.updated if row.status in {"SUCCESS", "FAILURE"} else 0,
                    "platform": "1",
                    "progress": f"{row.progress}%",
                    "status": row.status,
                    "task_id": job.id,
                }
            )
        if shape == "wrapped":
            return self._wrapped(request, job, row)
        return JSONResponse(self._video(request, job, row, usage=shape == "newer"))

    async def generation(self, request: Request) -> Response:
        job = self._job(request)
        await work.hang_if_asked(request, job)
        return self._wrapped(request, job, self._row(job))

    async def content(self, request: Request) -> Response:
        job = self._core.life.get(request.path_params["id"])
        if job is None:
            return _proxy_error(404, "invalid_request_error", "Task not found")
        row = self._row(job)
        if row.status != "SUCCESS":
            text = f"Task is not completed yet, current status: {row.status}"
            return _proxy_error(400, "invalid_request_error", text)
        if self._core.clock.now() >= job.updated + ark.LINK_SECONDS:
            return _proxy_error(502, "server_error", "Upstream service returned status 403")
        if _extra(job)["shape"] == "older":
            # Older releases do not pass Range on.
            request.scope["headers"] = [header for header in request.scope["headers"] if header[0] != b"range"]
            request = Request(request.scope, request.receive)
        response = work.deliver(request, job)
        response.headers["cache-control"] = "public, max-age=86400"
        return response

    async def _submit(self, request: Request, model: str = "") -> tuple[Submit, dict[str, Json]]:
        try:
            if media_type(request) == "multipart/form-data":
                form = await read_form(request)
                self._need_model(form.first("model") or model)
                return newapi_submit.from_form(form), form.received()
            body = await read_json(request)
            self._need_model(body.get("model") or model)
            return newapi_submit.from_json(body), body
        except UnreadableError as error:
            raise Refusal(task_error(400, "invalid_request", str(error))) from error
        except SubmitError as error:
            raise Refusal(task_error(error.status, error.code, str(error))) from error

    def _need_model(self, model: Json) -> None:
        if not model:
            raise Refusal(self._abort(400, "未指定模型名称，模型名称不能为空"))

    def _started(self, submit: Submit, extra: dict[str, Json]) -> Response:
        words = faults.directives(submit.prompt)
        shape = words["newapi"] if words.get("newapi") in SHAPES else self._shape
        upstream_id = ark.new_id(self._core)
        job_id = upstream_id if shape == "older" else self._public_id()
        try:
            payload = newapi_submit.payload(submit, ark.upstream_model(submit.model))
            job = ark.job_of(self._core, ark.judge(payload), job_id, words)
        except SubmitError as error:
            raise Refusal(task_error(error.status, error.code, str(error))) from error
        except ArkError as error:
            raise Refusal(self._from_ark(error)) from error
        job.data["newapi"] = extra | {
            "shape": shape,
            "origin_model": submit.model,
            "prompt": submit.prompt,
            "upstream_id": upstream_id,
            "payload": payload,
        }
        self._core.life.add(job)
        self._core.recorder.counts["creates"] += 1
        video: dict[str, Json] = {
            "id": job.id,
            "task_id": job.id,
            "object": "video",
            "model": submit.model,
            "status": "queued",
            "progress": 0,
            "created_at": int(job.created),
        }
        return JSONResponse(video, headers={"X-New-Api-Other-Ratios": "{}"})

    def _row(self, job: Job) -> Row:
        """What the poller wrote down in its last round before now."""
        every = self._core.scaled(POLL_SECONDS)
        rounds = math.floor((self._core.clock.now() - job.created + EPSILON) / every)
        if rounds == 0:
            return Row("NOT_START", 0, int(job.created), None)
        at = job.created + rounds * every
        word = ark.status_at(job, at)
        if word in {SUCCEEDED, FAILED}:
            # Nobody asks again once the end was seen.
            at = job.created + math.ceil((job.updated - job.created - EPSILON) / every) * every
        elif at - job.created >= GIVES_UP_SECONDS:
            return Row("FAILURE", 100, int(job.created + GIVES_UP_SECONDS), word, "任务超时（1440分钟）")
        status, progress = SEEN.get(word, ("IN_PROGRESS", 30))
        return Row(status, progress, int(at), word, (job.error or {}).get("message", "") if word == FAILED else "")

    def _video(self, request: Request, job: Job, row: Row, *, usage: bool) -> dict[str, Json]:
        """The dto as the Doubao adaptor fills it: the link is "" until there is one, and the rest stays out."""
        raw = self._raw(request, job, row)
        shown: dict[str, Json] = {
            "id": job.id,
            "task_id": job.id,
            "object": "video",
            "model": _extra(job)["origin_model"],
            "status": VIDEO_WORDS.get(row.status, "unknown"),
            "progress": row.progress,
            "created_at": int(job.created),
            "completed_at": row.updated,
        }
        if row.ark == FAILED:
            error = dict(job.error or {})
            shown["error"] = {"message": error.get("message", ""), "code": error.get("code", "")}
        if usage and "usage" in raw:
            tokens = ark.token_count(job)
            shown["usage"] = {"completion_tokens": tokens, "total_tokens": tokens}
        return shown | {"metadata": {"url": _link(raw)}}

    def _wrapped(self, request: Request, job: Job, row: Row) -> Response:
        raw, extra = self._raw(request, job, row), _extra(job)
        over = row.status in {"SUCCESS", "FAILURE"}
        data: dict[str, Json] = {
            "id": list(self._core.store.jobs).index(job.id) + 1,
            "created_at": int(job.created),
            "updated_at": row.updated,
            "task_id": job.id,
            "platform": "54",
            "user_id": 1,
            "group": "default",
            "channel_id": 1,
            "quota": ark.token_count(job),
            "action": "generate",
            "status": row.status,
            "fail_reason": row.reason,
            "result_url": _link(raw),
            "submit_time": int(job.created),
            "start_time": int(job.started or 0) if row.ark in {RUNNING, *TERMINAL} else 0,
            "finish_time": row.updated if over else 0,
            "progress": f"{row.progress}%",
            "properties": {
                "input": extra["prompt"],
                "upstream_model_name": raw.get("model", ""),
                "origin_model_name": extra["origin_model"],
            },
            "data": raw,
        }
        return JSONResponse({"code": "success", "message": "", "data": data})

    def _raw(self, request: Request, job: Job, row: Row) -> dict[str, Json]:
        """The Ark task as the poller last read it; before its first round, Ark's answer to the create."""
        upstream: dict[str, Json] = {"id": _extra(job)["upstream_id"]}
        return upstream if row.ark is None else self._account.record(request, job, row.ark) | upstream

    def _job(self, request: Request) -> Job:
        job = self._core.life.get(request.path_params["id"])
        if job is None:
            raise Refusal(task_error(400, "task_not_exist", "task_not_exist"))
        return job

    def _from_ark(self, error: ArkError) -> Response:
        return task_error(error.status, "fail_to_fetch_task", ark.error_body(self._core, error))

    def _abort(self, status: int, text: str) -> Response:
        message = f"{text} (request id: {ark.request_id(self._core)})"
        return JSONResponse({"error": {"message": message, "type": "new_api_error", "code": ""}}, status)

    def _public_id(self) -> str:
        return "task_" + "".join(self._core.random.choices(string.ascii_letters + string.digits, k=32))


def _extra(job: Job) -> dict[str, Json]:
    extra = job.data["newapi"]
    if not isinstance(extra, dict):
        raise TypeError(f"job {job.id} was not made by this dialect")
    return extra


def _link(raw: dict[str, Json]) -> str:
    made = raw.get("content")
    return str(made["video_url"]) if isinstance(made, dict) else ""


def _proxy_error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": kind}}, status)


async def _unknown(request: Request) -> Response:
    message = f"Invalid URL ({request.method} {request.url.path})"
    body = {"message": message, "type": "invalid_request_error", "param": "", "code": ""}
    return JSONResponse({"error": body}, 404)
