"""The API of vLLM-Omni: videos as multipart only, no links, jobs in memory, one model per server (openai-wire.md §2.2);
and chat, embeddings and models (§3)."""

from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from proxy.simulator import faults, media
from proxy.simulator.core import Core
from proxy.simulator.jobs import QUEUED, RUNNING, SUCCEEDED, Job, Json
from proxy.simulator.openai import chat, embeddings, fastapi, images, models, ways, work
from proxy.simulator.openai.body import Form, UnreadableError, media_type, read_form
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler

# What the server was started with: the answers name it whatever the request asked for.
SERVED_MODEL = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
WAYS = Ways(ways.of_vllm, models=(SERVED_MODEL,), owner="vllm", served=SERVED_MODEL)
CANCEL_SECONDS = 2.0
WORDS: Final = {QUEUED: "queued", RUNNING: "in_progress", SUCCEEDED: "completed"}
BROKEN: Final = {"code": "RuntimeError", "message": "The generation failed."}
REFERENCES: Final = {"image_reference": "image_url", "video_reference": "video_url", "audio_reference": "audio_url"}

Seconds = Annotated[str, StringConstraints(pattern=r"^[1-9]\d*$")]
Size = Annotated[str, StringConstraints(pattern=r"^\d+x\d+$")]


class VideoForm(BaseModel):
    """The text fields of a create; others are ignored. References, lora and extra_params are JSON documents."""

    prompt: str
    model: str | None = None
    seconds: Seconds | None = None
    size: Size | None = None
    user: str | None = None
    image_reference: str | None = None
    video_reference: str | None = None
    audio_reference: str | None = None
    width: Annotated[int, Field(ge=1)] | None = None
    height: Annotated[int, Field(ge=1)] | None = None
    num_frames: Annotated[int, Field(ge=1)] | None = None
    fps: Annotated[int, Field(ge=1)] | None = None
    aspect_ratio: str | None = None
    num_inference_steps: Annotated[int, Field(ge=1, le=200)] | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=20)] | None = None
    guidance_scale_2: Annotated[float, Field(ge=0, le=20)] | None = None
    boundary_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    flow_shift: float | None = None
    true_cfg_scale: Annotated[float, Field(ge=0, le=20)] | None = None
    seed: int | None = None
    generate_sound: bool | None = None
    sound_duration: Annotated[float, Field(gt=0)] | None = None
    negative_prompt: str | None = None
    enable_frame_interpolation: bool | None = None
    frame_interpolation_exp: Annotated[int, Field(ge=1)] | None = None
    frame_interpolation_scale: Annotated[float, Field(gt=0)] | None = None
    frame_interpolation_model_path: str | None = None
    lora: str | None = None
    extra_params: str | None = None


class ListQuery(BaseModel):
    """The query of a list."""

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    order: Literal["asc", "desc"] = "desc"


def routes(core: Core) -> list[BaseRoute]:
    """The routes of the API; what an earlier run made is forgotten."""
    api = _Api(core)
    core.render_fault = fastapi.fault
    work.forget_all(core)
    table: dict[str, dict[str, Handler]] = {
        "/v1/videos": {"POST": api.create, "GET": api.page},
        "/v1/videos/sync": {"POST": api.sync},
        "/v1/videos/{id}": {"GET": api.get, "DELETE": api.delete},
        "/v1/videos/{id}/content": {"GET": api.content},
    }
    table |= {**chat.table(core, WAYS), **embeddings.table(core, WAYS), **models.table(WAYS)}
    keyed = {
        path: {method: fastapi.admitted(core, work.guarded(handler)) for method, handler in row.items()}
        for path, row in table.items()
    }
    return work.routing(keyed, fastapi.unknown)


class _Api:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def create(self, request: Request) -> Response:
        form, parts = await _form(request)
        data: dict[str, Json] = {
            "prompt": form.prompt,
            "seconds": form.seconds or "4",
            "size": form.size or (f"{form.width}x{form.height}" if form.width and form.height else None),
            "fields": form.model_dump(exclude_none=True),
            "received": parts.received(),
        }
        video_id = f"video_gen_{self._core.random.getrandbits(128):032x}"
        job = work.start(self._core, work.Order(video_id, form.prompt, int(form.seconds or "4"), BROKEN, data))
        return JSONResponse(self._shown(job))

    async def sync(self, request: Request) -> Response:
        """The video itself, at once: no test shall wait for what the clock cannot shorten."""
        form, _parts = await _form(request)
        if "fail" in faults.directives(form.prompt):
            raise fastapi.refused(500, f"Video generation failed: {BROKEN['message']}")
        self._core.recorder.counts["creates"] += 1
        return Response(media.video_bytes(label=form.prompt), media_type="video/mp4")

    async def page(self, request: Request) -> Response:
        query = fastapi.checked(ListQuery, dict(request.query_params), "query")
        page = work.page(self._core.life.all(), query.after, query.limit, ascending=query.order == "asc")
        jobs = page.jobs if page else []
        return JSONResponse(
            {
                "first_id": jobs[0].id if jobs else None,
                "last_id": jobs[-1].id if jobs else None,
                "has_more": bool(page and page.more),
                "data": [self._shown(job) for job in jobs],
                "object": "list",
            }
        )

    async def get(self, request: Request) -> Response:
        job = self._job(request)
        await work.hang_if_asked(request, job)
        return JSONResponse(self._shown(job))

    async def delete(self, request: Request) -> Response:
        """Cancel and forget. With `[[sim:cancel=pending]]` a running job first takes two seconds to stop."""
        job = self._job(request)
        if job.status == RUNNING and job.directives.get("cancel") == "pending":
            now = self._core.clock.now()
            stopped = job.data.setdefault("cancelled_at", now + CANCEL_SECONDS)
            self._core.life.save(job)
            if isinstance(stopped, int | float) and now < stopped:
                raise fastapi.refused(409, "Video cancellation is still pending")
        self._core.life.remove(job)
        return JSONResponse({"id": job.id, "deleted": True, "object": "video.deleted"})

    async def content(self, request: Request) -> Response:
        job = self._job(request)
        if work.finished(job) and job.status != SUCCEEDED:
            raise fastapi.refused(422, "Video generation failed. Check job status for error details.")
        if job.status != SUCCEEDED:
            raise fastapi.refused(404, "Generation is still in-progress")
        if job.directives.get("file") == "gone":
            raise fastapi.refused(404, "Generated video file not found")
        return work.deliver(request, job)

    def _shown(self, job: Job) -> dict[str, Json]:
        word = WORDS.get(job.status, "failed")
        over = work.finished(job)
        failure = job.error or BROKEN
        code = failure.get("code", "")
        return {
            "model": SERVED_MODEL,
            "prompt": job.data["prompt"],
            "id": job.id,
            "object": "video",
            "status": work.odd_word(job, self._core.clock.now()) or word,
            "size": job.data["size"],
            "progress": 100 if job.status == SUCCEEDED else 0,
            "seconds": job.data["seconds"],
            "quality": "default",
            "completed_at": int(job.updated) if over else None,
            "created_at": int(job.created),
            "remixed_from_video_id": None,
            "error": {**failure, "code": int(code) if code.isdecimal() else code} if word == "failed" else None,
            "media_type": "video/mp4",
            "expires_at": None,
            "file_name": f"{job.id}.mp4" if job.status == SUCCEEDED else None,
            "inference_time_s": job.updated - (job.started or job.created) if over else None,
            "stage_durations": {},
            "peak_memory_mb": 0.0,
        }

    def _job(self, request: Request) -> Job:
        job = self._core.life.get(request.path_params["id"])
        if job is None:
            raise fastapi.refused(404, "Video not found")
        return job


async def _form(request: Request) -> tuple[VideoForm, Form]:
    """The checked fields and the parts as they came. A body of another type has no fields at all."""
    try:
        parts = await read_form(request) if media_type(request) == "multipart/form-data" else Form([], [])
    except UnreadableError as error:
        raise fastapi.refused(400, "There was an error parsing the body") from error
    form = fastapi.checked(VideoForm, dict(parts.texts), "body")
    fastapi.only_files(parts, "input_reference", "control_reference")
    upload = parts.file("input_reference")
    if upload is not None and images.mime(upload.data) is None and upload.data[4:8] != b"ftyp":
        raise fastapi.refused(400, "Invalid input reference.")
    given = [upload, form.image_reference, form.video_reference]
    if sum(item is not None for item in given) > 1:
        raise fastapi.refused(400, "Provide only one of input_reference, image_reference, or video_reference.")
    for name, key in REFERENCES.items():
        _reference(name, key, parts.first(name))
    for name in ("lora", "extra_params"):
        if not isinstance(_document(name, parts.first(name), "{}"), dict):
            raise fastapi.refused(400, f"{name} must be a JSON object")
    return form, parts


def _reference(name: str, key: str, text: str | None) -> None:
    """One reference: a JSON object with the one key, or a list of such."""
    value = _document(name, text, "[]")
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and "file_id" in item:
            raise fastapi.refused(400, f"{name}: file_id is not implemented, provide {key}")
        if not isinstance(item, dict) or set(item) != {key} or not isinstance(item[key], str):
            raise fastapi.refused(400, f'{name} must be a JSON object {{"{key}": …}} or a list of such')


def _document(name: str, text: str | None, absent: str) -> Json:
    try:
        value: Json = orjson.loads(text or absent)
    except orjson.JSONDecodeError as error:
        raise fastapi.refused(400, f"{name} is not valid JSON") from error
    return value
