"""Reading JSON and multipart bodies."""

import json
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.simulator import background
from proxy.simulator.openai.body import UnreadableError, Upload, media_type, read_form, read_json

TORN = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nno end'


async def _echo(request: Request) -> Response:
    try:
        if media_type(request) == "multipart/form-data":
            form = await read_form(request)
            first, file = form.first("a"), form.file("f")
            return JSONResponse([form.received(), first, form.all("a"), file and file.filename])
        return JSONResponse(await read_json(request))
    except UnreadableError as error:
        return JSONResponse({"unreadable": str(error)}, 400)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """A server that shows what it read."""
    with background(Starlette(routes=[Route("/", _echo, methods=["POST"])])) as found:
        yield found


def test_a_form_keeps_texts_and_files_apart(origin: str) -> None:
    """Texts come as they were sent, a repeated one as a list, a file as its name, type, size and hash."""
    data = {"a": ["1", "2"], "b": "true"}
    answer = httpx.post(origin, data=data, files={"f": ("x.png", b"abc", "image/png")}, trust_env=False)
    described = {
        "filename": "x.png",
        "content_type": "image/png",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert answer.json() == [{"a": ["1", "2"], "b": "true", "f": described}, "1", ["1", "2"], "x.png"]


def test_a_json_object_is_read_as_it_is(origin: str) -> None:
    """Nothing is added, dropped or converted, nulls included."""
    body = {"a": None, "b": [1, "x"], "c": {"d": 1.5}}
    assert httpx.post(origin, json=body, trust_env=False).json() == body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", TORN),
        ("multipart/form-data", TORN),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense\r\n\r\n--b--"),
    ],
)
def test_what_is_not_what_it_says_is_unreadable(origin: str, content_type: str, body: bytes) -> None:
    """A body under a wrong name is refused, never guessed at."""
    answer = httpx.post(origin, content=body, headers={"content-type": content_type}, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["unreadable"]


def test_an_uploads_bytes_are_in_no_repr() -> None:
    """A failing test shall not print a video."""
    assert "secret" not in repr(Upload("a", "b", b"secret"))
    assert json.dumps(Upload("a", "b", b"").described())
