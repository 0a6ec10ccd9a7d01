"""Multipart bodies with files."""

import hashlib

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.simulator import uploads
from proxy.simulator.uploads import UnreadableError


async def _show(request: Request) -> Response:
    try:
        parts = await uploads.read(request)
    except UnreadableError as error:
        return JSONResponse({"error": str(error)}, 400)
    shown = [[name, upload.filename, upload.content_type, upload.size, upload.kept()] for name, upload in parts.files]
    return JSONResponse({"texts": parts.texts, "files": shown})


@pytest.fixture
def client() -> httpx.AsyncClient:
    """A client of an application that shows what it reads."""
    app = Starlette(routes=[Route("/", _show, methods=["POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://uploads")


async def test_texts_and_files(client: httpx.AsyncClient) -> None:
    """Each part is there with its name, a file with its size, digest and bytes."""
    shown = (await client.post("/", data={"purpose": "x"}, files={"file": ("a.txt", b"hi", "text/plain")})).json()
    kept = {"sha256": hashlib.sha256(b"hi").hexdigest(), "content": "aGk="}
    assert shown == {"texts": [["purpose", "x"]], "files": [["file", "a.txt", "text/plain", 2, kept]]}


async def test_a_large_file_is_not_kept(client: httpx.AsyncClient) -> None:
    """It is counted and hashed to its end, but its bytes are not held."""
    data = bytes(uploads.MOST_KEPT + 1)
    shown = (await client.post("/", files={"file": ("a", data)})).json()
    ((_, _, _, size, kept),) = shown["files"]
    assert (size, kept) == (len(data), {"sha256": hashlib.sha256(data).hexdigest(), "content": None})


async def test_a_torn_body_is_told(client: httpx.AsyncClient) -> None:
    """A body that is none of its kind says so."""
    answer = await client.post("/", content=b"nonsense", headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 400
