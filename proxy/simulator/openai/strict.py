"""The strict OpenAI dialect: its Videos API, as specification and SDKs describe it (openai-wire.md §1), and beside it the
other routes of §3, each in a module of its own."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from proxy.simulator import media, pictures
from proxy.simulator.core import Core
from proxy.simulator.jobs import FAILED, QUEUED, RUNNING, SUCCEEDED, Job, Json
from proxy.simulator.openai import chat, embeddings, files, models, painting, responses, ways, work
from proxy.simulator.openai import strict_params as params
from proxy.simulator.openai.body import Upload
from proxy.simulator.openai.desk import Desk
from proxy.simulator.openai.strict_params import Fields, error, refused
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler, Refusal

# How long after its completion a video can still be downloaded.
KEPT_SECONDS = 3600
NOT_READY = "Video is not ready yet, use GET /v1/videos/{id} to check status."
WORDS: Final = {QUEUED: "queued", RUNNING: "in_progress", SUCCEEDED: "completed"}
WAYS = Ways(
    ways.of_openai,
    models=("gpt-4o-mini", "gpt-image-1", "dall-e-3", "text-embedding-3-small", "sora-2", "acme/tuned-7b"),
    owner="openai",
    strict=True,
)
BLOCKED: Final = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}


def routes(core: Core) -> list[BaseRoute]:
    """The routes of §1.1; the named ones before those with an id."""
    api, desk = _Api(core), Desk(core)
    core.render_fault = desk.fault
    table: dict[str, dict[str, Handler]] = {
        "/v1/videos": {"POST": api.create, "GET": api.page},
        "/v1/videos/characters": {"POST": api.create_character},
        "/v1/videos/characters/{character_id}": {"GET": api.get_character},
        "/v1/videos/edits": {"POST": api.edit},
        "/v1/videos/extensions": {"POST": api.extend},
        "/v1/videos/{id}": {"GET": api.get, "DELETE": api.delete},
        "/v1/videos/{id}/content": {"GET": api.content},
        "/v1/videos/{id}/remix": {"POST": api.remix},
    }
    table |= {
        **chat.table(core, WAYS),
        **responses.table(core, WAYS),
        **painting.table(core, WAYS),
        **embeddings.table(core, WAYS),
        **files.table(core, WAYS),
        **models.table(WAYS),
    }
    keyed = {path: {method: desk.endpoint(handler) for method, handler in row.items()} for path, row in table.items()}
    return work.routing(keyed, desk.endpoint(_unknown, keyless=True)) + painting.link_routes(core)


class _Api:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def create(self, request: Request) -> Response:
        fields = (await params.read(request)).known(
            "prompt", "model", "seconds", "size", "input_reference", "characters"
        )
        prompt, model, seconds = params.prompt(fields), params.model(fields), params.seconds(fields)
        size = params.size(fields, model)
        params.input_reference(fields, size)
        params.characters(fields)
        return self._started(fields, {"model": model, "prompt": prompt, "seconds": seconds, "size": size})

    async def page(self, request: Request) -> Response:
        query = request.query_params
        limit, order = query.get("limit", "20"), query.get("order", "desc")
        if not limit.isdecimal() or int(limit) > 100:
            raise refused(f"Invalid 'limit': expected an integer from 0 to 100, but got '{limit}'.", "limit")
        if order not in {"asc", "desc"}:
            text = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
            raise refused(text, "order", "invalid_value")
        jobs = self._core.life.all()
        page = work.page(jobs, query.get("after"), int(limit), ascending=order == "asc")
        if page is None:
            raise refused(f"No video with id '{query['after']}' to continue after.", "after")
        data = [self._shown(job) for job in page.jobs]
        return JSONResponse(
            {
                "object": "list",
                "data": data,
                "first_id": page.jobs[0].id if data else None,
                "last_id": page.jobs[-1].id if data else None,
                "has_more": page.more,
            }
        )

    async def get(self, request: Request) -> Response:
        job = self._job(request.path_params["id"])
        await work.hang_if_asked(request, job)
        return JSONResponse(self._shown(job))

    async def delete(self, request: Request) -> Response:
        job = self._job(request.path_params["id"])
        self._core.life.remove(job)
        return JSONResponse({"id": job.id, "deleted": True, "object": "video.deleted"})

    async def content(self, request: Request) -> Response:
        job = self._job(request.path_params["id"])
        variant = request.query_params.get("variant", "video")
        if variant not in {"video", "thumbnail", "spritesheet"}:
            text = f"Invalid value: '{variant}'. Supported values are: 'video', 'thumbnail', and 'spritesheet'."
            raise refused(text, "variant", "invalid_value")
        if job.status != SUCCEEDED:
            raise Refusal(error(404, NOT_READY))
        if self._core.clock.now() >= job.updated + KEPT_SECONDS:
            raise Refusal(error(404, f"The content of video '{job.id}' has expired."))
        if variant == "video":
            return work.deliver(request, job)
        if variant == "thumbnail":
            return Response(pictures.WEBP, media_type="image/webp")
        return Response(media.LAST_FRAME, media_type="image/jpeg")

    async def remix(self, request: Request) -> Response:
        source = self._finished(request.path_params["id"])
        fields = (await params.read(request)).known("prompt")
        data = {name: source.data[name] for name in ("model", "seconds", "size")}
        return self._started(fields, {**data, "prompt": params.prompt(fields), "remixed_from": source.id})

    async def edit(self, request: Request) -> Response:
        fields = (await params.read(request)).known("video", "prompt")
        return self._started(fields, {**self._source(fields), "prompt": params.prompt(fields)})

    async def extend(self, request: Request) -> Response:
        fields = (await params.read(request)).known("video", "prompt", "seconds")
        if "seconds" not in fields.values:
            raise refused("Missing required parameter: 'seconds'.", "seconds")
        prompt, more, data = params.prompt(fields), params.seconds(fields), self._source(fields)
        # An upload's own length is not read here, so only an earlier video adds to the stitched total.
        before = 0 if isinstance(fields.values["video"], Upload) else int(str(data["seconds"]))
        return self._started(fields, {**data, "prompt": prompt, "seconds": str(before + int(more))})

    async def create_character(self, request: Request) -> Response:
        fields = (await params.read(request)).known("video", "name")
        if not fields.multipart:
            raise refused("This API method only accepts 'multipart/form-data'.")
        params.clip(fields)
        made: dict[str, Json] = {
            "id": f"char_{self._core.random.getrandbits(128):032x}",
            "name": params.name(fields),
            "created_at": int(self._core.clock.now()),
        }
        self._core.store.set_fact("characters", {**self._characters(), str(made["id"]): made})
        return JSONResponse(made)

    async def get_character(self, request: Request) -> Response:
        wanted = request.path_params["character_id"]
        made = self._characters().get(wanted)
        if made is None:
            raise Refusal(error(404, f"Character with id '{wanted}' not found."))
        return JSONResponse(made)

    def _started(self, fields: Fields, data: dict[str, Json]) -> Response:
        video_id = f"video_{self._core.random.getrandbits(192):048x}"
        data["received"] = fields.received
        order = work.Order(video_id, str(data["prompt"]), int(str(data["seconds"])), BLOCKED, data)
        return JSONResponse(self._shown(work.start(self._core, order)))

    def _shown(self, job: Job) -> dict[str, Json]:
        """The Video object with every key of §1.3, and `quality`, which the examples show."""
        word = WORDS.get(job.status, "failed")
        completed = int(job.updated) if job.status == SUCCEEDED else None
        return {
            "id": job.id,
            "object": "video",
            "model": job.data["model"],
            "status": work.odd_word(job, self._core.clock.now()) or word,
            "progress": work.progress(self._core, job),
            "created_at": int(job.created),
            "completed_at": completed,
            "expires_at": completed and completed + KEPT_SECONDS,
            "prompt": job.data["prompt"],
            "size": job.data["size"],
            "seconds": job.data["seconds"],
            "quality": "standard",
            "remixed_from_video_id": job.data.get("remixed_from"),
            "error": dict(job.error or BLOCKED) if word == FAILED else None,
        }

    def _source(self, fields: Fields) -> dict[str, Json]:
        """What an edit or an extension takes over from the video it works on."""
        video = params.video(fields)
        if isinstance(video, Upload):
            return {"model": "sora-2", "seconds": "4", "size": params.SIZES[0]}
        source = self._finished(video)
        return {name: source.data[name] for name in ("model", "seconds", "size")}

    def _finished(self, video_id: str) -> Job:
        job = self._job(video_id)
        if job.status != SUCCEEDED:
            raise refused(f"Video '{video_id}' is not completed.")
        return job

    def _job(self, video_id: str) -> Job:
        job = self._core.life.get(video_id)
        if job is None:
            raise Refusal(error(404, f"Video with id '{video_id}' not found."))
        return job

    def _characters(self) -> dict[str, Json]:
        held = self._core.store.facts.get("characters", {})
        return held if isinstance(held, dict) else {}


async def _unknown(request: Request) -> Response:
    return error(404, f"Invalid URL ({request.method} {request.url.path})")
