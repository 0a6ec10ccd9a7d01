"""Uploads through a real gateway: every form the SDKs send, to either upstream, and what cannot be one makes no file."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from proxy.translate.files import LARGEST
from tests.gateway.house import ENVIRON, House, error_of
from tests.support import wire
from tests.support.servers import until
from tests.support.sink import form

FILES = {"openai": "/v1/files", "ark": "/api/v3/files"}
DATA = b"--\r\n\x00\xff" * 400
MEGABYTE = 1024 * 1024

Fields = dict[str, str]


@pytest.fixture(scope="module", params=["ark", "strict"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one upstream that has files."""
    with House(tmp_path_factory.mktemp("home"), (request.param,)) as running:
        yield running


def upstream(home: House) -> str:
    """The name of the house's one upstream."""
    (name,) = home.sims
    return name


def sent(home: House) -> dict[str, Any]:
    """The latest upload that the upstream got."""
    return home.sims[upstream(home)].requests("POST", "/files")[-1]


FILE = ("file", DATA)
ANCHOR, SECONDS = ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "86400")
# As captured: the fields in their order, by SDK; openai-node writes a streamed file first and its form in chunks.
FORMS: Mapping[str, tuple[str, tuple[tuple[str, str | bytes], ...]]] = {
    "openai-python": ("openai", (("purpose", "assistants"), ANCHOR, SECONDS, FILE)),
    "openai-node": ("openai", (("purpose", "user_data"), FILE)),
    "openai-node, streamed": ("openai", (FILE, ("purpose", "assistants"), ANCHOR, SECONDS)),
    "ark": ("ark", (("purpose", "user_data"), FILE)),
    "ark, kept for long": ("ark", (("purpose", "user_data"), ("expire_at", "LATER"), FILE)),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("sdk", FORMS)
def test_what_the_sdks_send(home: House, sdk: str, *, chunked: bool) -> None:
    """Each SDK's form reaches each upstream in that upstream's words, the file byte for byte, in whatever order it came."""
    family, parts = FORMS[sdk]
    later = str(int(home.clock()) + 100_000)
    body = form(*((name, later if value == "LATER" else value) for name, value in parts))
    headers = {"content-type": "multipart/form-data; boundary=b", "x-client-request-id": "mine"}
    content: Any = (body[at : at + 700] for at in range(0, len(body), 700)) if chunked else body
    answer = home.caller().call("POST", FILES[family], content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    recorded = sent(home)
    got = wire.fields(recorded)
    assert got["file"] == wire.Upload("a.mp4", "video/mp4", DATA)
    texts = {name: value for name, value in got.items() if name != "file"}
    check_texts(home, texts, dict(parts), later)
    shown = answer.json()
    assert (shown["bytes"], shown["filename"], shown["object"]) == (len(DATA), "a.mp4", "file")
    assert shown["status"] == {"openai": "uploaded", "ark": "processing"}[family]
    assert isinstance(shown["created_at"], int)
    assert wire.header(recorded, "x-client-request-id") == "mine"
    assert wire.header(recorded, "authorization") == f"Bearer {ENVIRON['HOUSE_KEY']}"
    line = home.gateway.line(answer.headers["x-request-id"])
    assert (line["operation"], line["bytes_in"], line["upstream"]) == ("files.create", len(body), upstream(home))


def check_texts(home: House, texts: Fields, asked: Mapping[str, str | bytes], later: str) -> None:
    """The fields beside the file, in the words of the house's upstream; lives are counted from a clock that runs."""
    wanted = dict(texts)
    if upstream(home) == "ark":
        assert wanted.pop("purpose") == "user_data"
        if "expire_at" in asked:
            assert wanted.pop("expire_at") == later
        elif SECONDS[0] in asked:
            assert abs(int(wanted.pop("expire_at")) - home.clock() - 86_400) < 60
    else:
        assert wanted.pop("purpose") == asked["purpose"]
        if "expire_at" in asked or SECONDS[0] in asked:
            assert wanted.pop("expires_after[anchor]") == "created_at"
            seconds = 100_000 if "expire_at" in asked else 86_400
            assert abs(int(wanted.pop("expires_after[seconds]")) - seconds) < 60
    assert wanted == {}


URL = "https://example.com/a.mp4"
BY_ADDRESS: Mapping[str, dict[str, Any]] = {
    "form": {
        "content": form(("purpose", "user_data"), ("url", URL), ("preprocess_configs[video][fps]", "0.3")),
        "headers": {"content-type": "multipart/form-data; boundary=b"},
    },
    "JSON": {"json": {"purpose": "user_data", "url": URL, "preprocess_configs": {"video": {"fps": 0.3}}, "tos": None}},
    "urlencoded": {"data": {"purpose": "user_data", "url": URL, "preprocess_configs[video][fps]": "0.3"}},
}


@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("shape", BY_ADDRESS)
def test_a_file_by_its_address(home: House, family: str, shape: str) -> None:
    """Ark fetches a file itself, whoever asks; callers of Ark's are told by name that the other upstream cannot."""
    answer = home.caller().call("POST", FILES[family], **BY_ADDRESS[shape])
    if upstream(home) == "ark":
        assert answer.status_code == 200, answer.text
        assert answer.json()["filename"] == "a.mp4"
        assert answer.json()["preprocess_configs"] == {"video": {"fps": 0.3}}
        assert "bytes" in answer.json() or family == "ark"
        return
    error = error_of(answer, family)
    assert answer.status_code == 400
    if family == "ark":
        assert (error["code"], error["param"]) == ("InvalidParameter.UnsupportedParameter", "url")


@pytest.mark.parametrize("family", FILES)
def test_what_was_done_is_told(home: House, family: str) -> None:
    """A purpose that the upstream has not is replaced, and a header says so."""
    asked = {"openai": "vision", "ark": "agent"}[family]
    answer = home.caller().call("POST", FILES[family], files={"file": b"x"}, data={"purpose": asked})
    assert answer.status_code == 200, answer.text
    own = (family == "ark") == (upstream(home) == "ark")
    assert answer.json()["purpose"] == (asked if own else "user_data")
    assert answer.headers.get("x-arkbridge-warning", "").startswith("purpose; sent as user_data") is not own


def test_losses(home: House) -> None:
    """Preprocessing, which changes what models see, is left out only by leave of the caller."""
    asked: dict[str, Any] = {
        "files": {"file": b"x"},
        "data": {"purpose": "user_data", "preprocess_configs[video][fps]": "0.3"},
    }
    answers = [
        home.caller().call("POST", FILES["ark"], headers={"x-arkbridge-lossy": word}, **asked)
        for word in ("no", "allow")
    ]
    if upstream(home) == "ark":
        assert [answer.status_code for answer in answers] == [200, 200]
        return
    assert [answer.status_code for answer in answers] == [400, 200]
    assert error_of(answers[0], "ark")["param"] == "preprocess_configs"
    assert answers[1].headers["x-arkbridge-warning"].startswith("preprocess_configs; not sent")


@pytest.mark.parametrize("family", FILES)
def test_the_upstreams_refusal(home: House, family: str) -> None:
    """What the upstream does not take is answered in its words and the caller's shape."""
    answer = home.caller().call("POST", FILES[family], files={"file": b"x" * MEGABYTE})
    error = error_of(answer, family)
    assert (answer.status_code, error["param"]) == (400, "purpose")
    assert answer.headers["x-arkbridge-upstream-request-id"]


def objects(home: House) -> int:
    """How many files belong to somebody."""
    ((count,),) = home.rows("SELECT COUNT(*) FROM objects WHERE kind = 'file'")
    return int(count)


def made(home: House) -> int:
    """How many files the upstream has made."""
    return int(home.sims[upstream(home)].control("GET", "counts").get("files", 0))


WHOLE = form(("purpose", "user_data"), ("file", DATA * 50))
TORN: Mapping[str, tuple[bytes, int, str]] = {
    "a file without an end": (WHOLE[:-20], 400, "invalid_value"),
    "a form without an end": (form(("purpose", "user_data"))[:-6], 400, "invalid_value"),
    "no form at all": (b"--nothing", 400, "invalid_value"),
    "JSON that is none": (b"{", 400, "invalid_value"),
    "a text that is too long": (form(FILE, ("purpose", "x" * 2 * MEGABYTE)), 413, "request_too_large"),
    "a body that is too long for what it is": (b" " * 100 + b"x" * 2 * MEGABYTE, 413, "request_too_large"),
}


@pytest.mark.parametrize("torn", TORN)
def test_what_is_torn_makes_no_file(home: House, torn: str) -> None:
    """A body that cannot be read to its end is refused, and the upstream has not made a file of the part that it got."""
    body, status, code = TORN[torn]
    before = (objects(home), made(home))
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = home.caller().call("POST", FILES["openai"], content=body, headers=headers)
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (status, code), answer.text
    assert (objects(home), made(home)) == before


@pytest.mark.parametrize("family", FILES)
def test_what_announces_itself_as_too_large(home: House, family: str) -> None:
    """A file beyond the limit is refused before a byte of it is asked for, with limit and size."""
    url = httpx.URL(home.gateway.url)
    size = LARGEST + 2 * MEGABYTE
    with socket.create_connection((url.host, url.port or 80), timeout=10) as line:
        head = f"POST {FILES[family]} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {home.caller().key}\r\n"
        line.sendall(f"{head}content-length: {size}\r\nexpect: 100-continue\r\n\r\n".encode())
        said = line.recv(65536)
    assert said.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in said
    until(lambda: home.gateway.lines("call")[-1]["status"], lambda status: status == 413)


def test_max_body_is_not_asked(tmp_path: Path) -> None:
    """The limit for bodies that are held does not bind files, which are not."""
    with House(tmp_path, ("ark",), 'max_body = "64KiB"') as small:
        files = {"file": b"x" * 3 * MEGABYTE}
        answer = small.caller().call("POST", "/v1/files", files=files, data={"purpose": "user_data"})
        assert (answer.status_code, answer.json()["bytes"]) == (200, 3 * MEGABYTE)


def test_a_key_is_needed(home: House) -> None:
    """Nobody without a key sends a file anywhere."""
    before = made(home)
    answer = httpx.post(home.gateway.url + "/v1/files", files={"file": b"x" * MEGABYTE}, trust_env=False)
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (401, "invalid_api_key")
    assert made(home) == before
