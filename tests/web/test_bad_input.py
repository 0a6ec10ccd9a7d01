"""Whatever callers send: a 4xx that names what is wrong in their family's envelope, nothing sent upstream, nothing written."""

import json
import socket
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.gateway.house import FAMILIES, TASKS, Caller, House, body, error_of
from tests.support.servers import until

every_family = pytest.mark.parametrize("family", FAMILIES)
JSON = "application/json"
FORM = "multipart/form-data; boundary=x"
MEBIBYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def nothing_happens(house: House) -> Iterator[None]:
    """No test of this file may reach an upstream or leave a row."""
    before = house.count(), {name: len(sim.requests("POST")) for name, sim in house.sims.items()}
    yield
    assert (house.count(), {name: len(sim.requests("POST")) for name, sim in house.sims.items()}) == before
    assert house.gateway.lines("internal error") == []


def post(caller: Caller, family: str, data: bytes, kind: str = JSON, **headers: str) -> httpx.Response:
    """A create of these bytes."""
    return caller.call("POST", TASKS[family], content=data, headers={"content-type": kind, **headers})


# -- single fields

WRONG: dict[str, dict[str, object]] = {
    "model": {"model": 7},
    "model ": {"model": ""},
    "model  ": {"model": ["fast"]},
    "model   ": {"model": None},
    "content": {"content": "a cat"},
    "content ": {"content": {"type": "text"}},
    "content[0]": {"content": ["a cat"]},
    "content[1]": {"content": [{"type": "text", "text": "a"}, 7]},
    "duration": {"duration": "soon"},
    "duration ": {"duration": 4.5},
    "duration  ": {"duration": True},
    "duration   ": {"duration": 10**30},
    "duration    ": {"duration": [4]},
    "seed": {"seed": "x"},
    "frames": {"frames": {}},
    "priority": {"priority": "high"},
    "execution_expires_after": {"execution_expires_after": "1h"},
    "watermark": {"watermark": "maybe"},
    "watermark ": {"watermark": 2},
    "generate_audio": {"generate_audio": "yes"},
    "camera_fixed": {"camera_fixed": []},
    "return_last_frame": {"return_last_frame": 0.5},
    "draft": {"draft": "no"},
    "resolution": {"resolution": 720},
    "ratio": {"ratio": 1.7},
    "service_tier": {"service_tier": {}},
    "tools": {"tools": "web_search"},
    "callback_url": {"callback_url": 1},
    "callback_url ": {"callback_url": "http://127.0.0.1/x"},
    "callback_url  ": {"callback_url": "http://169.254.169.254/"},
    "callback_url   ": {"callback_url": "no address"},
    "callback_url    ": {"callback_url": "file:///etc/passwd"},
}
OPENAI_ONLY: dict[str, dict[str, object]] = {
    "seconds": {"seconds": "soon"},
    "seconds ": {"seconds": []},
    "prompt": {"prompt": 7},
    "prompt ": {"prompt": ["a cat"]},
    "prompt  ": {"prompt": ""},
    "size": {"size": "big"},
    "size ": {"size": 1280},
    "metadata": {"metadata": "x"},
    "metadata.duration": {"seconds": None, "metadata": {"duration": "x"}},
    "extra_body": {"extra_body": 7},
    "extra_body.seed": {"extra_body": {"seed": "x"}},
    "input_reference": {"input_reference": 7},
    "input_reference ": {"input_reference": {"image_url": 7}},
    "input_reference  ": {"input_reference": {}},
    "characters": {"characters": [{"id": "char_1"}]},
    "n": {"n": 2},
}


@every_family
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_field(alice: Caller, family: str, name: str) -> None:
    """Every field of the wrong type is a 400 that names it."""
    answer = alice.call("POST", TASKS[family], json=body("ark", family) | WRONG[name])
    assert answer.status_code == 400, answer.text
    error = error_of(answer, family)
    assert error["param"] == name.strip()
    assert name.strip().partition("[")[0] in error["message"]


@pytest.mark.parametrize("name", OPENAI_ONLY)
def test_a_wrong_field_of_openais(alice: Caller, name: str) -> None:
    """The same for fields that only OpenAI callers have, by the name under which they came."""
    answer = alice.call("POST", TASKS["openai"], json=body("ark") | OPENAI_ONLY[name])
    assert answer.status_code == 400, answer.text
    assert error_of(answer, "openai")["param"] == name.strip()


TEXTS = [(name, value) for wrong in WRONG.values() for name, value in wrong.items() if isinstance(value, str) and value]


@pytest.mark.parametrize(("field", "value"), [pair for pair in TEXTS if pair[0] != "callback_url"])
def test_a_wrong_field_in_a_form(alice: Caller, field: str, value: str) -> None:
    """In a form every value comes as a text, and what is no number or no truth value is a 400 all the same."""
    fields = {key: str(item) for key, item in body("ark").items() if key != "seconds"} | {field: value}
    answer = alice.call("POST", "/v1/videos", files=[(key, (None, item.encode())) for key, item in fields.items()])
    assert (answer.status_code, error_of(answer, "openai")["param"]) == (400, field)


@every_family
def test_a_wrong_idempotency_key(alice: Caller, family: str) -> None:
    """A key that is empty or too long is a 400 by name."""
    for key in ("", "x" * 256):
        answer = alice.call("POST", TASKS[family], json=body("ark", family), headers={"idempotency-key": key})
        assert (answer.status_code, error_of(answer, family)["param"]) == (400, "Idempotency-Key")


# -- bodies

PART = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = b'--x\r\ncontent-disposition: form-data; name="%s"; filename="f"\r\ncontent-type: image/png\r\n\r\n%s\r\n'
MODEL = PART % (b"model", b"fast") + PART % (b"prompt", b"a cat")
GOOD = json.dumps(body("ark")).encode()

BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", JSON),
    "spaces": (b"  \n", JSON),
    "half a JSON": (GOOD[:-5], JSON),
    "two JSONs": (GOOD + GOOD, JSON),
    "a list": (b"[1]", JSON),
    "a text": (b'"model"', JSON),
    "null": (b"null", JSON),
    "a duplicate key": (b'{"model":"fast","prompt":"a cat","model":"fast"}', JSON),
    "a duplicate key in disguise": (b'{"model":"fast","prompt":"a cat","mo\\u0064el":"other"}', JSON),
    "NaN": (b'{"model":"fast","prompt":"a cat","seed":NaN}', JSON),
    "Infinity": (b'{"model":"fast","prompt":"a cat","seed":-Infinity}', JSON),
    "1e999": (b'{"model":"fast","prompt":"a cat","seed":1e999}', JSON),
    "invalid UTF-8": (b'{"model":"fast","prompt":"\xff\xfe"}', JSON),
    "half a surrogate": (b'{"model":"fast","prompt":"a \\ud800 cat","seconds":"x"}', JSON),
    "UTF-16": ('{"model":"fast","prompt":"a cat"}'.encode("utf-16"), JSON),
    "10,000 brackets": (b'{"model":"fast","prompt":"a","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", JSON),
    "10,000 open brackets": (b"[" * 10_000, JSON),
    "200 objects": (b'{"model":"fast","prompt":"a","x":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}", JSON),
    "NUL": (b"\x00" * 100, JSON),
    "gzip": (b"\x1f\x8b\x08\x00", JSON),
    "a form without end": (MODEL, FORM),
    "a form that is cut": (MODEL + b'--x\r\ncontent-disposition: form-data; name="si', FORM),
    "a form without a boundary": (b"model=fast", "multipart/form-data"),
    "a form with another boundary": (MODEL.replace(b"--x", b"--y"), FORM),
    "a part without a name": (MODEL + b"--x\r\n\r\nhello\r\n--x--\r\n", FORM),
    "a form of 5,000 parts": (PART % (b"a", b"1") * 5000 + b"--x--\r\n", FORM),
    "an empty file": (MODEL + FILE % (b"input_reference", b"") + b"--x--\r\n", FORM),
    "a file that is no picture": (MODEL + FILE % (b"input_reference", b"hello") + b"--x--\r\n", FORM),
    "a file for a text": (FILE % (b"prompt", b"a cat") + PART % (b"model", b"fast") + b"--x--\r\n", FORM),
    "a file for a model": (FILE % (b"model", b"fast") + PART % (b"prompt", b"a cat") + b"--x--\r\n", FORM),
    "binary in a text part": (MODEL + PART % (b"size", b"\xff\x00") + b"--x--\r\n", FORM),
    "brackets that never close": (MODEL + PART % (b"content[][type", b"text") + b"--x--\r\n", FORM),
    "deep brackets": (MODEL + PART % (b"content" + b"[a]" * 200, b"text") + b"--x--\r\n", FORM),
    "brackets that nobody can read": (
        MODEL + PART % (b"content[][type]", b"text") * 2 + PART % (b"content[][text]", b"one") + b"--x--\r\n",
        FORM,
    ),
    "JSON that says it is a form": (GOOD[:-9], FORM),
    "a form that says it is JSON": (MODEL, JSON),
    "a bad escape": (b"model=fast&prompt=%zz", "application/x-www-form-urlencoded"),
    "another type": (b"<model>fast</model>", "application/xml"),
    "no type": (b"\xff\xd8\xff\xe0", "image/jpeg"),
    "another character set": ('{"model":"fast","prompt":"猫"}'.encode("gbk"), f"{JSON}; charset=gbk"),
    "a type that cannot be read": (GOOD[:-2], ';;;="'),
}


@every_family
@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_body(alice: Caller, family: str, name: str) -> None:
    """Whatever bytes under whatever label: a 4xx with a message, never a 500."""
    data, kind = BODIES[name]
    answer = post(alice, family, data, kind)
    assert answer.status_code == 400, (name, answer.text)
    assert len(error_of(answer, family)["message"]) < 1000


# -- too large


def announced(house: House, caller: Caller, size: int, *more: str) -> bytes:
    """What a client gets that announces a body of that size and waits before it sends."""
    host, port = house.gateway.url.removeprefix("http://").split(":")
    head = [
        "POST /v1/videos HTTP/1.1",
        f"host: {host}",
        f"authorization: Bearer {caller.key}",
        f"content-type: {JSON}",
        f"content-length: {size}",
        *more,
        "",
        "",
    ]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join(head).encode())
        return connection.recv(65536)


@pytest.mark.parametrize("more", [(), ("expect: 100-continue",)])
def test_an_announced_size(house: House, alice: Caller, more: tuple[str, ...]) -> None:
    """A body that is announced as too large is refused before a byte of it is sent, stating both sizes."""
    answer = announced(house, alice, 10**12, *more)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"1000000000000 bytes" in answer
    assert str(64 * MEBIBYTE).encode() in answer


def test_a_client_that_writes_before_it_reads(house: House, alice: Caller) -> None:
    """70 MB, written whole before the answer is read, as SDKs do: the 413 arrives and not a broken connection."""
    data = b'{"prompt":"' + bytes(70 * MEBIBYTE) + b'"}'
    answer = post(alice, "openai", data)
    error = error_of(answer, "openai")
    assert (answer.status_code, error["code"]) == (413, "request_too_large")
    assert str(len(data)) in error["message"]
    assert str(64 * MEBIBYTE) in error["message"]
    line = house.gateway.line(answer.headers["x-request-id"])
    assert (line["status"], line["bytes_in"]) == (413, 0)


def test_a_body_that_does_not_say_its_size(alice: Caller) -> None:
    """A chunked body is refused when it passes the limit, and the answer arrives."""

    def chunks() -> Iterator[bytes]:
        for _ in range(70):
            yield bytes(MEBIBYTE)

    answer = alice.call("POST", TASKS["ark"], content=chunks(), headers={"content-type": JSON})
    error = error_of(answer, "ark")
    assert (answer.status_code, error["code"], error["type"]) == (413, "RequestTooLarge", "BadRequest")
    assert f"more than {64 * MEBIBYTE} bytes" in error["message"]


def test_strangers_send_less(house: House) -> None:
    """Who has no key is refused before the body is read, and cannot have our own routes read megabytes."""
    answer = httpx.post(f"{house.gateway.url}/v1/videos", content=bytes(2 * MEBIBYTE), trust_env=False)
    assert answer.status_code == 401
    answer = httpx.post(f"{house.gateway.url}/callbacks/x", content=bytes(2 * MEBIBYTE), trust_env=False)
    assert answer.status_code == 413


def test_a_body_that_ends_early(house: House, alice: Caller) -> None:
    """Half a body is no body: nothing is bought, and the log knows that the caller left."""
    host, port = house.gateway.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/videos HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {alice.key}\r\ncontent-length: 500\r\n\r\n"
    )
    before = len(house.gateway.lines("call"))
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + GOOD)
    until(lambda: [line for line in house.gateway.lines("call")[before:] if line["status"] == 499], bool)
