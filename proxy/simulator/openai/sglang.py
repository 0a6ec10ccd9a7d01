"""The API of SGLang-Diffusion: videos as JSON or multipart, no state between queued and the end (openai-wire.md §2.3);
and chat, embeddings and models (§3)."""

import re
import uuid
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from proxy.simulator.core import Core
from proxy.simulator.jobs import SUCCEEDED, Job, Json
from proxy.simulator.openai import chat, embeddings, fastapi, links, models, ways, work
from proxy.simulator.openai.body import Form, UnreadableError, media_type, read_form, read_json
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler

DEFAULT_SIZE = "1280x720"
DEFAULT_FPS = 24
WAYS = Ways(ways.of_fastapi, models=("sora-2",), owner="sglang")
BROKEN: Final = {"message": "The generation failed."}


class MultipartFields(BaseModel):
    """The text fields of a multipart create; width and height are not among them and get lost."""

    prompt: str | None = None
    reference_url: str | None = None
    model: str | None = None
    seconds: int | None = None
    size: str | None = None
    fps: int | None = None
    num_frames: int | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    extra_body: str | None = None
    extra_params: str | None = None


class VideoRequest(BaseModel):
    """What a create comes down to, from either encoding; unknown fields are ignored."""

    prompt: str
    input_reference: str | None = None
    reference_url: str | None = None
    video_path: str | None = None
    video_url: str | None = None
    model: str | None = None
    n: int | None = None
    seconds: int | None = 4
    size: str | None = ""
    width: int | None = None
    height: int | None = None
    fps: int | None = None
    num_frames: int | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None


class ListQuery(BaseModel):
    """The query of a list; any word that is not `asc` is the order `desc`."""

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    order: str = "desc"


def routes(core: Core) -> list[BaseRoute]:
    """The routes of the API and of its cloud store; what an earlier run made is forgotten."""
    api = _Api(core)
    core.render_fault = fastapi.fault
    work.forget_all(core)
    table: dict[str, dict[str, Handler]] = {
        "/v1/videos": {"POST": api.create, "GET": api.page},
        "/v1/videos/{id}": {"GET": api.get, "DELETE": api.delete},
        "/v1/videos/{id}/content": {"GET": api.content},
    }
    table |= {**chat.table(core, WAYS), **embeddings.table(core, WAYS), **models.table(WAYS)}
    keyed = {
        path: {method: fastapi.admitted(core, work.guarded(handler)) for method, handler in row.items()}
        for path, row in table.items()
    }
    return work.routing(keyed, fastapi.unknown) + links.routes(core)


class _Api:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def create(self, request: Request) -> Response:
        wanted, received = await _read(request)
        fps = wanted.fps or DEFAULT_FPS
        seconds = 4 if wanted.seconds is None else wanted.seconds
        frames = fps * seconds if wanted.num_frames is None else wanted.num_frames
        data: dict[str, Json] = {
            "model": wanted.model or "sora-2",
            "seconds": str(round(frames / fps)),
            "size": _size(wanted),
            "fields": wanted.model_dump(exclude_none=True),
            "received": received,
        }
        video_id = str(uuid.UUID(int=self._core.random.getrandbits(128), version=4))
        job = work.start(self._core, work.Order(video_id, wanted.prompt, round(frames / fps), BROKEN, data))
        return JSONResponse(self._shown(request, job))

    async def page(self, request: Request) -> Response:
        query = fastapi.checked(ListQuery, dict(request.query_params), "query")
        kept = [job for job in self._core.life.all() if not job.data.get("deleted")]
        page = work.page(kept, query.after, query.limit, ascending=query.order.lower() == "asc")
        data = [self._shown(request, job) for job in page.jobs] if page else []
        return JSONResponse({"data": data, "object": "list"})

    async def get(self, request: Request) -> Response:
        job = self._job(request)
        await work.hang_if_asked(request, job)
        return JSONResponse(self._shown(request, job))

    async def delete(self, request: Request) -> Response:
        """Forget the record; the job goes on and keeps its place in the queue."""
        job = self._job(request)
        shown = self._shown(request, job)
        job.data["deleted"] = True
        self._core.life.save(job)
        return JSONResponse(shown | {"status": "deleted"})

    async def content(self, request: Request) -> Response:
        job = self._job(request)
        url = self._cloud(request, job)
        if url is not None:
            raise fastapi.refused(400, f"Video has been uploaded to cloud storage. Please use the cloud URL: {url}")
        if not work.finished(job):
            raise fastapi.refused(404, "Generation is still in-progress")
        if job.status != SUCCEEDED:
            raise fastapi.refused(404, "Video output not found")
        return work.deliver(request, job)

    def _shown(self, request: Request, job: Job) -> dict[str, Json]:
        over, done = work.finished(job), job.status == SUCCEEDED
        word = ("completed" if done else "failed") if over else "queued"
        url = self._cloud(request, job)
        path = f"outputs/{job.id}.mp4" if url is None else None
        return {
            "id": job.id,
            "object": "video",
            "model": job.data["model"],
            "status": work.odd_word(job, self._core.clock.now()) or word,
            "progress": 100 if done else 0,
            "created_at": int(job.created),
            "size": job.data["size"],
            "seconds": job.data["seconds"],
            "quality": "standard",
            "url": url,
            "remixed_from_video_id": None,
            "completed_at": int(job.updated) if done else None,
            "expires_at": None,
            "error": {"message": (job.error or BROKEN)["message"]} if over and not done else None,
            "file_path": path,
            "file_paths": [path] if path else None,
            "peak_memory_mb": 0.0 if done else None,
            "inference_time_s": job.updated - (job.started or job.created) if done else None,
        }

    def _cloud(self, request: Request, job: Job) -> str | None:
        """The link of a video that was moved to a cloud store: with `[[sim:cloud]]`, once it is finished."""
        if "cloud" in job.directives and job.status == SUCCEEDED:
            return links.url(self._core, request, job)
        return None

    def _job(self, request: Request) -> Job:
        job = self._core.life.get(request.path_params["id"])
        if job is None or job.data.get("deleted"):
            raise fastapi.refused(404, "Video not found")
        return job


async def _read(request: Request) -> tuple[VideoRequest, dict[str, Json]]:
    if media_type(request) == "multipart/form-data":
        return await _multipart(request)
    try:
        body = await read_json(request)
    except UnreadableError:
        # The server takes what is not JSON for an empty object and then misses the prompt.
        body = {}
    merged = {name: value for name, value in body.items() if name not in {"extra_body", "extra_json"}}
    for name in ("extra_body", "extra_json"):
        extra = body.get(name)
        merged |= extra if isinstance(extra, dict) else {}
    return _request(merged), body


async def _multipart(request: Request) -> tuple[VideoRequest, dict[str, Json]]:
    try:
        form: Form = await read_form(request)
    except UnreadableError as error:
        raise fastapi.refused(400, "There was an error parsing the body") from error
    fields = fastapi.checked(MultipartFields, dict(form.texts), "body")
    fastapi.only_files(form, "input_reference")
    if not fields.prompt:
        raise fastapi.refused(400, "prompt is required")
    upload = form.file("input_reference")
    values: dict[str, Json] = {}
    for text in (fields.extra_body, fields.extra_params):
        values |= _extra(text)
    values |= fields.model_dump(exclude_none=True, exclude={"extra_body", "extra_params"})
    if upload is not None:
        values["input_reference"] = f"inputs/{upload.filename}"
    return _request(values), form.received()


def _request(values: dict[str, Json]) -> VideoRequest:
    try:
        return VideoRequest.model_validate(values)
    except ValidationError as error:
        raise fastapi.refused(400, f"Invalid request body: {error}") from error


def _extra(text: str | None) -> dict[str, Json]:
    """A JSON object in a field; whatever cannot be read as one counts as empty."""
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _size(wanted: VideoRequest) -> str:
    if wanted.size:
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", wanted.size):
            raise fastapi.refused(400, f"Invalid size: {wanted.size}")
        return wanted.size
    return f"{wanted.width}x{wanted.height}" if wanted.width and wanted.height else DEFAULT_SIZE
