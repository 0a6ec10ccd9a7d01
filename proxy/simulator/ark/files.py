"""Files at Ark: upload, list, get, delete (ark-wire.md §5.3). There is no route for their content.

A file is `processing` for two seconds at speed 1, then `active`, or `failed` where its name or its first words carry
`[[sim:fail=Code]]`. Nothing is fetched from a `url`.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, shelf, uploads
from proxy.simulator.ark import fields
from proxy.simulator.ark.desk import Desk, read_object
from proxy.simulator.ark.errors import ArkError, invalid, missing
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Object, Shelf
from proxy.simulator.uploads import Parts, UnreadableError, Upload

PURPOSES = ("user_data", "agent", "voice")
PROCESSING_SECONDS = 2.0
_DAY = 86_400
USUAL_DAYS, MOST_DAYS = 7, 30
MOST_LISTED = 1000
_HEAD = 4096


class Files:
    """The files of one account."""

    def __init__(self, core: Core, desk: Desk) -> None:
        self._core = core
        self._desk = desk
        self._kept = Shelf(core.store, "file")

    def routes(self) -> list[BaseRoute]:
        """The routes under /api/v3/files."""
        path, answering = "/api/v3/files", self._desk.answering
        return [
            Route(path, answering(self.create), methods=["POST"]),
            Route(path, answering(self.list_), methods=["GET"]),
            Route(path + "/{id}", answering(self.get), methods=["GET"]),
            Route(path + "/{id}", answering(self.delete), methods=["DELETE"]),
        ]

    def check(self, file_id: str, where: str) -> None:
        """Refuse an id that is no file here, and a file that cannot be used (yet)."""
        kept = self._alive(file_id)
        if kept is None:
            raise ArkError(404, "NotFound.file_id", f"The specified file {file_id} is not found.", where)
        if self._shown(kept)["status"] != "active":
            raise invalid(where, f"the file {file_id} is not active")

    async def create(self, request: Request) -> Response:
        """POST: a file part, or the address of a file."""
        self._desk.authenticate(request)
        body, upload = await _read(request)
        now = int(self._core.clock.now())
        file_id = f"file-{now}-{self._core.random.getrandbits(24):06x}"
        shown: Object = {"id": file_id, "object": "file", "purpose": _purpose(body), **_source(body, upload)}
        shown |= {"created_at": now, "expire_at": _expire_at(body, now)}
        if "preprocess_configs" in body:
            shown["preprocess_configs"] = body["preprocess_configs"]
        head = upload.data[:_HEAD].decode("utf-8", "replace") if upload else ""
        words = faults.asked(request.scope, f"{shown['filename']} {head}")
        ready = self._core.clock.now() + self._core.scaled(PROCESSING_SECONDS)
        kept: Object = {"file": shown, "ready": ready, "fail": words.get("fail")}
        self._kept.put(file_id, kept | (upload.kept() if upload else {}))
        self._core.recorder.counts["files"] += 1
        return self._desk.answer(self._shown(kept))

    async def list_(self, request: Request) -> Response:
        """GET of the files of a purpose, the newest first."""
        self._desk.authenticate(request)
        query = request.query_params
        limit, purpose = query.get("limit", "100"), query.get("purpose")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_LISTED:
            raise invalid("limit", f"it must be within [1, {MOST_LISTED}]")
        alive = [self._shown(kept) for kept in self._kept.all() if self._is_alive(kept)]
        alive = [shown for shown in alive if purpose in {None, "", shown["purpose"]}]
        ordered = alive if query.get("order") == "asc" else alive[::-1]
        page = shelf.page(ordered, query.get("after"), int(limit))
        if page is None:
            raise invalid("after", "there is no such file")
        items, more = page
        ends: Object = {"first_id": items[0]["id"] if items else "", "last_id": items[-1]["id"] if items else ""}
        # The newer SDK's notes say that the list calls itself a `file`, unlike any other list.
        return self._desk.answer({"object": "file", "data": [*items], "has_more": more, **ends})

    async def get(self, request: Request) -> Response:
        """GET of one file's object."""
        self._desk.authenticate(request)
        return self._desk.answer(self._shown(self._found(request)))

    async def delete(self, request: Request) -> Response:
        """DELETE of a file."""
        self._desk.authenticate(request)
        self._found(request)
        file_id = request.path_params["id"]
        self._kept.remove(file_id)
        return self._desk.answer({"id": file_id, "object": "file", "deleted": True})

    def _found(self, request: Request) -> Object:
        file_id = request.path_params["id"]
        kept = self._alive(file_id)
        if kept is None:
            raise ArkError(404, "NotFound.file_id", f"The specified file {file_id} is not found.", "file_id")
        return kept

    def _alive(self, file_id: str) -> Object | None:
        kept = self._kept.get(file_id)
        return kept if kept is not None and self._is_alive(kept) else None

    def _is_alive(self, kept: Object) -> bool:
        expire_at = _object(kept["file"])["expire_at"]
        return not isinstance(expire_at, int) or expire_at < 0 or self._core.clock.now() < expire_at

    def _shown(self, kept: Object) -> Object:
        ready, fail = kept["ready"], kept["fail"]
        shown = _object(kept["file"])
        if isinstance(ready, float) and self._core.clock.now() < ready:
            return shown | {"status": "processing"}
        if not isinstance(fail, str):
            return shown | {"status": "active"}
        error: Object = {"code": fail or "InternalServiceError", "message": "The file could not be processed."}
        return shown | {"status": "failed", "error": error | {"param": "", "type": "BadRequest"}}


async def _read(request: Request) -> tuple[Object, Upload | None]:
    """The fields and the file, from multipart or, for a `url`, from JSON."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return without_nulls(await read_object(request)), None
    try:
        parts = await uploads.read(request)
    except UnreadableError as error:
        raise ArkError(400, "InvalidParameter", f"The request body is no multipart body: {error}.") from error
    files = parts.named("file")
    return _of_form(parts), files[0] if files else None


def _of_form(parts: Parts) -> Object:
    """The fields of a form; an integer and the preprocessing, which come as text, as what they are."""
    body: Object = {name: text for name, text in parts.texts if "[" not in name}
    expire_at = parts.text("expire_at")
    if expire_at is not None and expire_at.removeprefix("-").isdecimal():
        body["expire_at"] = int(expire_at)
    video: Object = {}
    for name, text in parts.texts:
        if name.startswith("preprocess_configs[video]["):
            key = name.removeprefix("preprocess_configs[video][").removesuffix("]")
            video[key] = text if key == "model" else _float(name, text)
    return body | ({"preprocess_configs": {"video": video}} if video else {})


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise invalid(name, "a number is expected") from error


def _purpose(body: Object) -> str:
    purpose = fields.word(body, "purpose", PURPOSES)
    if purpose is None:
        raise missing("purpose")
    return purpose


def _source(body: Mapping[str, Json], upload: Upload | None) -> Object:
    url = fields.text(body, "url")
    if upload is not None and url is not None:
        raise invalid("url", "it cannot be set together with file")
    if upload is not None:
        return {"filename": upload.filename, "bytes": upload.size, "mime_type": upload.content_type}
    if url is None:
        raise missing("file")
    if not url.startswith(("http://", "https://", "tos://")):
        raise invalid("url", "an http(s) or tos address is expected")
    return {"filename": url.partition("?")[0].rpartition("/")[2]}


def _expire_at(body: Object, now: int) -> int:
    """Seconds since 1970, 1 to 30 days from now; -1, which the newer SDK knows, keeps a file for ever."""
    if "expire_at" not in body:
        return now + USUAL_DAYS * _DAY
    if body["expire_at"] == -1:
        return -1
    wanted = fields.integer(body, "expire_at", now + _DAY, now + MOST_DAYS * _DAY)
    return now if wanted is None else wanted


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}
