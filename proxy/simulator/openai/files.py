"""Files at OpenAI: upload, list, get, delete, content (openai-wire.md §3.6).

A file is `uploaded` for two seconds at speed 1, then `processed`, or `error` where its name or its first words carry
`[[sim:fail]]`. What is longer than `uploads.MOST_KEPT` has no content to be read back.
"""

import base64

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.simulator import faults, shelf, uploads
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.shelf import Object, Shelf
from proxy.simulator.uploads import Parts, UnreadableError, Upload

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
PROCESSING_SECONDS = 2.0
MOST_LISTED = 10_000
_KNOWN = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})
_EXPIRES = (3600, 2_592_000)
_HEAD = 4096


def table(core: Core, ways: Ways) -> dict[str, dict[str, Handler]]:
    """The routes under /v1/files."""
    files = _Files(core, ways)
    return {
        "/v1/files": {"POST": files.create, "GET": files.page},
        "/v1/files/{id}": {"GET": files.get, "DELETE": files.delete},
        "/v1/files/{id}/content": {"GET": files.content},
    }


class _Files:
    def __init__(self, core: Core, ways: Ways) -> None:
        self._core = core
        self._ways = ways
        self._kept = Shelf(core.store, "file")

    async def create(self, request: Request) -> Response:
        try:
            parts = await uploads.read(request)
        except UnreadableError as problem:
            raise self._ways.refused(f"We could not parse the body of your request: {problem}") from problem
        upload = self._upload(parts)
        now, file_id = int(self._core.clock.now()), f"file-{self._core.random.getrandbits(88):022x}"
        shown: Object = {
            "id": file_id,
            "object": "file",
            "bytes": upload.size,
            "created_at": now,
            "expires_at": self._expires_at(parts, now),
            "filename": upload.filename,
            "purpose": self._purpose(parts),
        }
        words = faults.asked(request.scope, f"{upload.filename} {upload.data[:_HEAD].decode('utf-8', 'replace')}")
        ready = self._core.clock.now() + self._core.scaled(PROCESSING_SECONDS)
        kept: Object = {"file": shown, "ready": ready, "fail": "fail" in words, **upload.kept()}
        self._kept.put(file_id, kept)
        self._core.recorder.counts["files"] += 1
        return JSONResponse(self._shown(kept))

    async def page(self, request: Request) -> Response:
        query = request.query_params
        limit, purpose = query.get("limit", str(MOST_LISTED)), query.get("purpose")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_LISTED:
            raise self._ways.refused(f"Invalid 'limit': expected an integer from 1 to {MOST_LISTED}.", "limit")
        found = [self._shown(kept) for kept in self._kept.all() if self._is_alive(kept)]
        found = [shown for shown in found if purpose in {None, shown["purpose"]}]
        page = shelf.page(found if query.get("order") == "asc" else found[::-1], query.get("after"), int(limit))
        if page is None:
            raise self._ways.refused("No such file to continue after.", "after")
        items, more = page
        ends: Object = {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
        return JSONResponse({"object": "list", "data": items, "has_more": more, **ends})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._found(request)))

    async def delete(self, request: Request) -> Response:
        self._found(request)
        file_id = request.path_params["id"]
        self._kept.remove(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    async def content(self, request: Request) -> Response:
        """GET of the bytes as they were uploaded."""
        content = self._found(request)["content"]
        if not isinstance(content, str):
            raise self._ways.refused("The simulator did not keep the content of so large a file.", status=404)
        return Response(base64.b64decode(content), media_type="application/octet-stream")

    def _upload(self, parts: Parts) -> Upload:
        for name, _ in parts.texts:
            if name not in _KNOWN:
                raise self._ways.refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        files = parts.named("file")
        if not files:
            raise self._ways.refused("'file' is a required property", "file")
        return files[0]

    def _purpose(self, parts: Parts) -> str:
        purpose = parts.text("purpose")
        if purpose not in PURPOSES:
            raise self._ways.refused(f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", "purpose")
        return purpose

    def _expires_at(self, parts: Parts, now: int) -> int | None:
        seconds, anchor = parts.text("expires_after[seconds]"), parts.text("expires_after[anchor]")
        if seconds is None and anchor is None:
            return None
        low, high = _EXPIRES
        if anchor != "created_at" or seconds is None or not seconds.isdecimal() or not low <= int(seconds) <= high:
            text = f"Invalid 'expires_after': the anchor 'created_at' and {low} to {high} seconds are expected."
            raise self._ways.refused(text, "expires_after")
        return now + int(seconds)

    def _found(self, request: Request) -> Object:
        file_id = request.path_params["id"]
        kept = self._kept.get(file_id)
        if kept is None or not self._is_alive(kept):
            raise self._ways.refused(f"No such File object: {file_id}", "id", status=404)
        return kept

    def _is_alive(self, kept: Object) -> bool:
        expires_at = _object(kept["file"])["expires_at"]
        return not isinstance(expires_at, int) or self._core.clock.now() < expires_at

    def _shown(self, kept: Object) -> Object:
        ready = kept["ready"]
        over = not isinstance(ready, float) or self._core.clock.now() >= ready
        status = ("error" if kept["fail"] else "processed") if over else "uploaded"
        return _object(kept["file"]) | {"status": status, "status_details": None}


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}
