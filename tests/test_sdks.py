"""Creating videos with the real OpenAI SDKs through a real gateway, to every kind of upstream: rows 1 to 7 of the matrix.

Each test is one row; each of its cases is a cell of the table that pytest prints at the end (tests/support/matrix.py).
What must reach the upstream is written down here, field by field, as the upstream's own documents name it.
"""

import json
import subprocess
from typing import Any

import pytest

from tests.support import wire
from tests.support.expected import plain
from tests.support.processes import PATIENCE, environment
from tests.support.require import program
from tests.support.sdk import Reply
from tests.support.servers import until
from tests.support.stand import OPENAI_NODE, OPENAI_PYTHON, TERMINAL, Cell, cells

VIDEO_KEYS = {
    "id", "task_id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt",
    "seconds", "size", "remixed_from_video_id", "error", "metadata",
}  # fmt: skip
IMAGE_URL = "https://example.com/first.png"
LAST_URL = "https://example.com/last.png"
AS_JSON = {"Content-Type": "application/json"}


def content(cell: Cell) -> list[dict[str, Any]]:
    """Ark's content with a text, a first and a last frame."""
    return [
        {"type": "text", "text": cell.prompt},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}, "role": "first_frame"},
        {"type": "image_url", "image_url": {"url": LAST_URL}, "role": "last_frame"},
    ]


def ark_fields(cell: Cell) -> dict[str, Any]:
    """What a user of Ark's fields adds to an OpenAI call."""
    return {"content": content(cell), "resolution": "720p", "duration": 4, "watermark": False, "seed": 7}


def check_created(cell: Cell, video: dict[str, Any]) -> None:
    """The answer to a create is a whole OpenAI video in the seed's words."""
    assert set(video) >= VIDEO_KEYS
    assert video["task_id"] == video["id"]
    assert (video["object"], video["status"], video["progress"]) == ("video", "queued", 0)
    assert (video["model"], video["prompt"]) == (cell.model, cell.prompt)
    assert video["error"] is None
    assert isinstance(video["created_at"], int)
    assert video["_request_id"]


def check_ark_fields(cell: Cell, reply: Reply) -> None:
    """What becomes of a create with Ark's fields at each upstream: the same, as much as it can say, or a refusal by name."""
    wanted = ark_fields(cell)
    if cell.upstream in ("strict", "sglang"):
        error = reply.refused()
        assert (error["status_code"], error["code"]) == (400, "unsupported_parameter")
        assert error["param"].partition("[")[0] in ("content", "seed")
        assert cell.nothing_sent()
        return
    check_created(cell, reply.ok())
    fields = cell.sent()
    if cell.upstream == "ark":
        # The very body that a JSON caller would send.
        assert fields == {"model": cell.upstream_model, **wanted}
    elif cell.upstream == "newapi":
        assert (fields["model"], fields["prompt"], fields["seconds"]) == (cell.upstream_model, cell.prompt, "4")
        assert [item for item in fields["metadata"]["content"] if item["type"] != "text"] == wanted["content"][1:]
        assert {name: wanted[name] for name in wanted if name != "content"}.items() <= fields["metadata"].items()
    else:
        assert (fields["prompt"], fields["seconds"], fields["seed"]) == (cell.prompt, "4", "7")
        assert json.loads(fields["image_reference"]) == [{"image_url": IMAGE_URL}, {"image_url": LAST_URL}]


def check_first_frame(fields: dict[str, Any], cell: Cell, url: str, data: bytes | None = None) -> None:
    """The picture is the first frame in the upstream's own way; `data` if the caller sent bytes, `url` what they become."""
    item = {"type": "image_url", "image_url": {"url": url}, "role": "first_frame"}
    if cell.upstream == "ark":
        assert fields["content"] == [{"type": "text", "text": cell.prompt}, item]
    elif cell.upstream == "newapi":
        assert [one for one in fields["metadata"]["content"] if one["type"] != "text"] == [item]
    elif data is not None and cell.upstream in ("strict", "vllm-omni"):
        assert fields["input_reference"].data == data
    elif cell.upstream == "strict":
        # As JSON, or in the form that the SDK itself sends.
        assert url in (fields.get("input_reference[image_url]"), fields.get("input_reference", {}).get("image_url"))
    elif cell.upstream == "vllm-omni":
        assert json.loads(fields["image_reference"]) == {"image_url": url}
    else:
        assert url in (fields.get("input_reference"), fields.get("reference_url"))


def curl(cell: Cell, path: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON that curl gets."""
    words = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
    command = [
        program("curl", "curl"),
        "-s",
        f"{cell.stand.gateway.url}{path}",
        "-H",
        f"Authorization: Bearer {cell.key}",
    ]
    done = subprocess.run([*command, *words], env=environment(), capture_output=True, timeout=PATIENCE, check=True)
    return json.loads(done.stdout)


@cells(1, ("curl",), ("strict", "newapi", "vllm-omni", "sglang"))
def test_seed_shape_without_an_sdk(cell: Cell) -> None:
    """The quick start's JSON creates, polls and downloads at every upstream (Ark: tests/test_seed.py runs its very samples)."""
    body = {"model": cell.model, "content": [{"type": "text", "text": cell.prompt}], "size": "1280x720", "duration": 4}
    created = curl(cell, "/v1/videos", body)
    assert list(created)[:7] == ["id", "task_id", "object", "model", "status", "progress", "created_at"]
    assert cell.sent() == plain(cell)
    cell.force(created["id"], "succeeded")
    done = until(lambda: curl(cell, f"/v1/videos/{created['id']}"), lambda video: video["status"] in TERMINAL)
    assert (done["status"], done["progress"]) == ("completed", 100)
    link = subprocess.run(
        ["curl", "-s", done["metadata"]["url"]], env=environment(), capture_output=True, timeout=PATIENCE, check=True
    )
    assert link.stdout[4:8] == b"ftyp"


@cells(2, OPENAI_PYTHON)
def test_create(cell: Cell) -> None:
    """create(prompt, model, seconds, size) reaches each upstream as that upstream wants it, and answers a whole video."""
    video = cell.create(seconds="4", size="1280x720")
    check_created(cell, video)
    assert (video["seconds"], video["size"]) == ("4", "1280x720")
    assert cell.sent() == plain(cell)


@cells(3, OPENAI_PYTHON)
def test_create_with_ark_content(cell: Cell) -> None:
    """Ark's content and fields as extra_body arrive as in the JSON that one would have sent, or are refused by name."""
    reply = cell.call("create", {"prompt": cell.prompt, "model": cell.model, "extra_body": ark_fields(cell)})
    check_ark_fields(cell, reply)


@cells(4, OPENAI_NODE)
def test_node_create(cell: Cell) -> None:
    """The Node SDKs' create reaches each upstream like the Python SDKs'."""
    video = cell.create(seconds="4", size="1280x720")
    check_created(cell, video)
    assert cell.sent() == plain(cell)


@cells(4, OPENAI_NODE)
def test_node_create_with_ark_content(cell: Cell) -> None:
    """Ark's content as further members of Node's body, which come element by element, arrive whole."""
    reply = cell.call("create", {"prompt": cell.prompt, "model": cell.model, **ark_fields(cell)})
    check_ark_fields(cell, reply)


@cells(4, OPENAI_NODE)
def test_node_image_url(cell: Cell) -> None:
    """input_reference {image_url} is the first frame."""
    cell.create(seconds="4", size="1280x720", input_reference={"image_url": IMAGE_URL})
    check_first_frame(cell.sent(), cell, IMAGE_URL)


@cells(4, OPENAI_NODE)
def test_node_streamed_file(cell: Cell) -> None:
    """A file stream (chunked, no length, no type) is sniffed and is the first frame."""
    picture = wire.png(1280, 720)
    spec = {"$file": {"form": "stream", "path": cell.file("first.bin", picture)}}
    reply = cell.call(
        "create",
        {"prompt": cell.prompt, "model": cell.model, "seconds": "4", "size": "1280x720", "input_reference": spec},
    )
    reply.ok()
    check_first_frame(cell.sent(), cell, wire.data_url("image/png", picture), picture)


@cells(5, OPENAI_PYTHON)
@pytest.mark.parametrize("form", ["bytes", "tuple", "open"])
def test_file_forms(cell: Cell, form: str) -> None:
    """input_reference as bytes, as a tuple and as an open file is the first frame."""
    picture = wire.png(1280, 720)
    spec = {"form": form, "path": cell.file("first.png", picture), "name": "first.png", "type": "image/png"}
    cell.create(seconds="4", size="1280x720", input_reference={"$file": spec})
    check_first_frame(cell.sent(), cell, wire.data_url("image/png", picture), picture)


@cells(5, OPENAI_PYTHON, ("ark",))
@pytest.mark.parametrize(
    ("mime", "data"),
    [("image/png", wire.png(1280, 720)), ("image/jpeg", wire.JPEG), ("image/webp", wire.WEBP)],
    ids=["png", "jpeg", "webp"],
)
def test_file_types_are_sniffed(cell: Cell, mime: str, data: bytes) -> None:
    """Bytes without a name or a type become a data URL of what they are."""
    spec = {"form": "bytes", "path": cell.file("upload", data)}
    cell.create(seconds="4", size="1280x720", input_reference={"$file": spec})
    check_first_frame(cell.sent(), cell, wire.data_url(mime, data), data)


@cells(5, OPENAI_PYTHON, ("ark",))
@pytest.mark.parametrize("data", [wire.MP4, b""], ids=["mp4", "empty"])
def test_files_that_cannot_be_sent(cell: Cell, data: bytes) -> None:
    """A video file and an empty file are refused by name, and nothing is sent."""
    spec = {"form": "bytes", "path": cell.file("upload", data)}
    args = {"prompt": cell.prompt, "model": cell.model, "input_reference": {"$file": spec}}
    error = cell.call("create", args).refused()
    assert (error["class"], error["param"]) == ("BadRequestError", "input_reference")
    assert cell.nothing_sent()


@cells(6, OPENAI_PYTHON)
def test_json_by_header(cell: Cell) -> None:
    """With a JSON content type the Python SDK sends JSON, nulls and all, which says the same."""
    body = {"extra_body": {**ark_fields(cell), "generate_audio": None}, "extra_headers": AS_JSON}
    reply = cell.call("create", {"prompt": cell.prompt, "model": cell.model, **body})
    assert reply.exchanges[0]["request_headers"]["content-type"] == "application/json"
    check_ark_fields(cell, reply)


@cells(7, OPENAI_NODE)
def test_mislabelled_multipart(cell: Cell) -> None:
    """With that header Node sends a multipart body labelled as JSON, which is read as what it is."""
    args = {"prompt": cell.prompt, "model": cell.model, "seconds": "4", "size": "1280x720"}
    reply = cell.call("create", args, options={"headers": AS_JSON})
    check_created(cell, reply.ok())
    assert cell.sent() == plain(cell)


@cells(7, OPENAI_NODE)
def test_raw_json(cell: Cell) -> None:
    """client.post('/videos', {body}), the way to send JSON from Node, says the same."""
    args = {"prompt": cell.prompt, "model": cell.model, "seconds": "4", "size": "1280x720"}
    check_created(cell, {"_request_id": "raw", **cell.call("raw_create", args).ok()})
    assert cell.sent() == plain(cell)
