"""The result links and the object store behind them (ark-wire.md §0 item 10, §3.1): presigned, 24 hours, no CORS.

What an object store answers to a refused request was not seen; status and codes below follow the general habits of
S3-like stores, and nothing should be read into their bodies.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import media, pictures
from proxy.simulator.ark import task as tasks
from proxy.simulator.core import Core
from proxy.simulator.jobs import SUCCEEDED, Job

BUCKET = "/ark-acg-cn-beijing"
PICTURES = "/ark-content-generation-cn-beijing"
LASTS = 86_400
# Documented for 2.5 only; whether byte ranges count is not: here every GET counts.
MOST_DOWNLOADS = 100
_DATE = "%Y%m%dT%H%M%SZ"
_LAST_FRAME = "-last-frame"
_PICTURE = re.compile(r"([0-9a-f-]+)-(\d+)x(\d+)\.(jpeg|png)")
_CONTENT_TYPES: Final = {"mp4": "video/mp4", "mov": "video/quicktime", "jpeg": "image/jpeg"}


class Links:
    """Makes the links of a finished job and knows them again. A link says the same however often it is asked for,
    also after its end; only its origin is the one that the request came to."""

    def __init__(self, core: Core) -> None:
        secret = core.store.facts.get("secret")
        if not isinstance(secret, str):
            secret = f"{core.random.getrandbits(128):032x}"
            core.store.set_fact("secret", secret)
        self._secret = secret.encode()

    def video(self, job: Job, origin: str) -> str:
        """The link of the job's video."""
        form = tasks.of(job).echo.get("output_format", "mp4")
        return self._of_job(job, f"{job.id}.{form}", origin)

    def last_frame(self, job: Job, origin: str) -> str:
        """The link of the video's last frame."""
        return self._of_job(job, f"{job.id}{_LAST_FRAME}.jpeg", origin)

    def picture(self, name: str, made: float, origin: str) -> str:
        """The link of a picture that was made at `made`; its name says which one: `<label>-<width>x<height>.<form>`."""
        return self._link(f"{PICTURES}/{name}", made, origin)

    def holds(self, path: str, date: str, signature: str) -> bool:
        """Whether this signature was made for this path and date."""
        return hmac.compare_digest(self._sign(path, date).encode(), signature.encode())

    def _of_job(self, job: Job, name: str, origin: str) -> str:
        return self._link(f"{BUCKET}/{tasks.of(job).model.rpartition('-')[0]}/{name}", job.updated, origin)

    def _link(self, path: str, made: float, origin: str) -> str:
        date = datetime.fromtimestamp(made, UTC).strftime(_DATE)
        query = {
            "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
            "X-Tos-Date": date,
            "X-Tos-Expires": str(LASTS),
            "X-Tos-Signature": self._sign(path, date),
        }
        return f"{origin}{path}?{urlencode(query)}"

    def _sign(self, path: str, date: str) -> str:
        return hmac.new(self._secret, f"{path}\n{date}\n{LASTS}".encode(), hashlib.sha256).hexdigest()


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def answer(self) -> Response:
        return JSONResponse({"Code": self.code, "Message": str(self)}, self.status)


class _Bucket:
    def __init__(self, core: Core, links: Links) -> None:
        self._core = core
        self._links = links

    async def serve(self, request: Request) -> Response:
        """GET of a result; HEAD of a link that was signed for GET is refused, as presigned links do."""
        try:
            job = self._allowed(request)
        except _RefusedError as refused:
            return refused.answer()
        name = request.path_params["name"]
        if _LAST_FRAME in name:
            source = media.Source(media.LAST_FRAME, len(media.LAST_FRAME))
        else:
            size = job.directives.get("size", "")
            source = media.video(int(size) if size.isdigit() else None, label=job.id)
        return media.ranged(request, source, _CONTENT_TYPES[name.rpartition(".")[2]], job.updated)

    async def serve_picture(self, request: Request) -> Response:
        """GET of a picture, which is drawn again as its name says."""
        try:
            self._check_link(request)
        except _RefusedError as refused:
            return refused.answer()
        named = _PICTURE.fullmatch(request.path_params["name"])
        if named is None:
            raise ValueError("the link was signed here, but names no picture")
        label, width, height, form = named.groups()
        return Response(pictures.picture(form, int(width), int(height), label), media_type=pictures.TYPES[form])

    def _allowed(self, request: Request) -> Job:
        self._check_link(request)
        name = request.path_params["name"].rpartition(".")[0].removesuffix(_LAST_FRAME)
        job = self._core.life.get(name)
        if job is None or job.status != SUCCEEDED:
            raise _RefusedError(404, "NoSuchKey", "The specified key does not exist.")
        self._count(job)
        return job

    def _check_link(self, request: Request) -> None:
        if "authorization" in request.headers:
            raise _RefusedError(
                400, "InvalidArgument", "Only one way of authentication is allowed, and the link has one."
            )
        date = request.query_params.get("X-Tos-Date", "")
        signature = request.query_params.get("X-Tos-Signature", "")
        if request.method != "GET" or not self._links.holds(request.url.path, date, signature):
            raise _RefusedError(403, "SignatureDoesNotMatch", "The signature does not match the request.")
        made = datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()
        if self._core.clock.now() >= made + LASTS:
            raise _RefusedError(403, "AccessDenied", "Request has expired.")

    def _count(self, job: Job) -> None:
        downloads = job.data.get("downloads", 0)
        downloads = downloads + 1 if isinstance(downloads, int) else 1
        if downloads > MOST_DOWNLOADS and "-2-5-" in tasks.of(job).model:
            raise _RefusedError(403, "AccessDenied", f"The object was downloaded {MOST_DOWNLOADS} times.")
        job.data["downloads"] = downloads
        self._core.life.save(job)


def routes(core: Core, links: Links) -> list[BaseRoute]:
    """The object store's routes, outside /api/v3."""
    bucket = _Bucket(core, links)
    return [
        Route(BUCKET + "/{model}/{name}", bucket.serve, methods=["GET", "HEAD"]),
        Route(PICTURES + "/{name}", bucket.serve_picture, methods=["GET", "HEAD"]),
    ]
