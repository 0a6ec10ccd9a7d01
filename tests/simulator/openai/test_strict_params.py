"""The strict Videos API's rules for fields, over a real socket."""

import base64
import struct
import zlib
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from proxy.simulator import Settings, background, create_app
from proxy.simulator.jobs import Json

Case = tuple[dict[str, Json], str | None, str | None]


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


FRAME = _png(720, 1280)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client with a key; one server for all of these, for none of them looks at what another made."""
    with (
        background(create_app(Settings(dialect="openai", seed=1))) as origin,
        httpx.Client(base_url=origin, trust_env=False, headers={"authorization": "Bearer sk-any"}) as found,
    ):
        yield found


JSON_REFUSED: list[Case] = [
    ({}, "prompt", None),
    ({"prompt": ""}, "prompt", None),
    ({"prompt": "x" * 32_001}, "prompt", None),
    ({"prompt": 7}, "prompt", "invalid_type"),
    ({"prompt": None}, "prompt", "invalid_type"),
    ({"model": 7}, "model", "invalid_type"),
    ({"seconds": 4}, "seconds", "invalid_type"),
    ({"seconds": "5"}, "seconds", "invalid_value"),
    ({"size": "480p"}, "size", "invalid_value"),
    ({"size": "1920x1080"}, "size", "invalid_value"),
    ({"size": True}, "size", "invalid_type"),
    ({"seed": 1}, "seed", "unknown_parameter"),
    ({"metadata": {}}, "metadata", "unknown_parameter"),
    ({"content": []}, "content", "unknown_parameter"),
    ({"duration": 4}, "duration", "unknown_parameter"),
    ({"input_reference": "https://a/b.png"}, "input_reference", "invalid_type"),
    ({"input_reference": {}}, "input_reference", None),
    ({"input_reference": {"image_url": "https://a/b.png", "file_id": "file-1"}}, "input_reference", None),
    ({"input_reference": {"image_url": 1}}, "input_reference.image_url", "invalid_type"),
    ({"input_reference": {"image_url": "asset://a"}}, "input_reference", None),
    ({"input_reference": {"image_url": "https://" + "x" * 20_971_520}}, "input_reference", None),
    ({"input_reference": {"image_url": "data:image/png;base64,?"}}, "input_reference", None),
    ({"input_reference": {"image_url": _data_url(b"GIF89a")}}, "input_reference", None),
    ({"input_reference": {"image_url": _data_url(_png(2, 2))}}, "input_reference", None),
    ({"characters": {"id": "a"}}, "characters", "invalid_type"),
    ({"characters": [{"id": "a"}] * 3}, "characters", None),
    ({"characters": ["a"]}, "characters", None),
]


@pytest.mark.parametrize(("fields", "param", "code"), JSON_REFUSED, ids=[str(case[0])[:40] for case in JSON_REFUSED])
def test_a_wrong_field_is_refused_by_name(
    client: httpx.Client, fields: dict[str, Json], param: str | None, code: str | None
) -> None:
    """Each refusal is a 400 in the envelope that names the field, with a code only where one is known."""
    body = fields if not fields or "prompt" in fields else {"prompt": "a cat", **fields}
    answer = client.post("/v1/videos", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"model": "sora-2", "seconds": "4", "size": "720x1280"}),
        ({"seconds": "20"}, {"seconds": "20"}),
        ({"model": "sora-2-pro", "size": "1920x1080"}, {"model": "sora-2-pro", "size": "1920x1080"}),
        ({"model": "other", "size": "1080x1920"}, {"size": "1080x1920"}),
        ({"input_reference": {"image_url": "https://a.example/b.png"}}, {}),
        ({"input_reference": {"image_url": _data_url(FRAME)}}, {}),
        ({"input_reference": {"file_id": "file-1"}}, {}),
        ({"characters": [{"id": "char_1"}, {"id": "char_2"}]}, {}),
    ],
)
def test_what_the_api_takes(client: httpx.Client, fields: dict[str, Json], told: dict[str, Json]) -> None:
    """Defaults are filled in, everything else comes back as it was sent."""
    answer = client.post("/v1/videos", json={"prompt": "a cat", **fields})
    assert answer.status_code == 200
    assert told.items() <= answer.json().items()


def test_multipart_of_the_python_sdk(client: httpx.Client) -> None:
    """Scalars as parts and a nameless file: the control route shows what was received."""
    files = {"input_reference": ("upload", _png(1280, 720), "application/octet-stream")}
    data = {"prompt": "a cat", "model": "sora-2", "seconds": "8", "size": "1280x720"}
    video = client.post("/v1/videos", data=data, files=files).json()
    assert (video["seconds"], video["size"]) == ("8", "1280x720")
    received = client.get(f"/_sim/tasks/{video['id']}").json()["data"]["received"]
    assert data.items() <= received.items()
    assert received["input_reference"]["filename"] == "upload"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"input_reference[image_url]": "https://a/b.png"}, 200, None),
        ({"input_reference[file_id]": "file-1"}, 200, None),
        ({"characters[][id]": ["a", "b"]}, 200, None),
        ({"characters[]": ["a", "b"]}, 400, None),
        ({"input_reference": "https://a/b.png"}, 400, "invalid_type"),
        ({"content[][type]": "text"}, 400, "unknown_parameter"),
    ],
)
def test_bracket_fields_of_the_node_sdk(
    client: httpx.Client, data: dict[str, str | list[str]], status: int, code: str | None
) -> None:
    """Brackets make objects and lists; a text where a file belongs is a wrong type."""
    files = {"prompt": (None, b"a cat")}
    answer = client.post("/v1/videos", data=data, files=files)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("data", "declared"),
    [(FRAME, "image/gif"), (b"", "image/png"), (b"text", "text/plain"), (_png(2, 2), "image/png")],
)
def test_a_file_must_be_a_frame_of_the_videos_size(client: httpx.Client, data: bytes, declared: str) -> None:
    """Type by name, type by bytes and size in pixels all have to fit."""
    answer = client.post("/v1/videos", data={"prompt": "x"}, files={"input_reference": ("a", data, declared)})
    assert answer.json()["error"]["param"] == "input_reference"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"prompt=x"),
        ("application/json", b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--b--\r\n'),
        ("", b'{"prompt":"x"}'),
    ],
)
def test_a_body_that_cannot_be_read(client: httpx.Client, content_type: str, body: bytes) -> None:
    """Other encodings, and multipart under the name of JSON, are a 400 without a param."""
    answer = client.post("/v1/videos", content=body, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] is None


@pytest.mark.parametrize(
    ("path", "data", "files", "param"),
    [
        ("edits", {"prompt": "x"}, {"other": b"x"}, "other"),
        ("edits", {"prompt": "x", "video": "https://a"}, {}, "video"),
        ("edits", {"prompt": "x", "video[url]": "https://a"}, {}, "video"),
        ("edits", {"prompt": "x"}, {"video": b"no video"}, "video"),
        ("extensions", {"prompt": "x", "video[id]": "a"}, {}, "seconds"),
        ("characters", {"name": "x" * 81}, {"video": b"x"}, "name"),
        ("characters", {}, {"video": b"x"}, "name"),
        ("characters", {"name": "Bob"}, {}, "video"),
    ],
)
def test_the_other_operations_check_theirs(
    client: httpx.Client, path: str, data: dict[str, str], files: dict[str, bytes], param: str
) -> None:
    """Edits, extensions and characters refuse what they do not take."""
    parts = {name: (None, text.encode()) for name, text in data.items()}
    answer = client.post(f"/v1/videos/{path}", files={**parts, **{name: ("f", raw) for name, raw in files.items()}})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
