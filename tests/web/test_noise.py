"""Noise at every route: whatever comes, nobody sees a 5xx, and no bug of ours is in the log."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.translate.registry import FAMILIES
from proxy.web.routes import NOT_BUILT, PREFIX
from tests.gateway.house import body
from tests.support.servers import Gateway, Simulator, upstream

SERVED = {
    PREFIX[dialect] + path
    for family in FAMILIES
    for operation in family.operations
    for dialect, routes in operation.routes.items()
    for _, path in routes
}
PATHS = (
    *sorted(SERVED),
    *(prefix + path for dialect, prefix in PREFIX.items() for path in NOT_BUILT[dialect]),
    "/v1/usage",
    "/v1/models",
    "/v1/models/{id}",
    "/api/v3/models",
    "/healthz",
    "/readyz",
    "/metrics",
    "/callbacks/{id}",
    "/console/",
    "/admin/v1/{id}",
    "/",
    "/{id}",
)
MODEL = '[[model]]\nname = "fast"\nupstream = "ark"\nupstream_model = "doubao-seedance-2-0-fast-260128"\n'
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NAMES = (
    *("limit", "after", "order", "page_num", "page_size", "filter.status", "filter.task_ids", "filter.model"),
    *("filter.service_tier", "variant", "exp", "sig", "since", "until", "by", "x"),
)
HEADERS = (
    *("prefer", "range", "if-range", "x-arkbridge-content", "x-arkbridge-lossy", "x-client-request-id", "accept"),
    *("idempotency-key", "x-stainless-retry-count", "content-type", "user-agent", "x-forwarded-for", "expect"),
)
FIELDS = tuple(dict.fromkeys((*body("ark"), *body("ark", "ark"), "content", "metadata", "input_reference", "images")))
FIELDS += ("callback_url", "tools", "seed", "frames", "watermark", "extra_body", "characters", "n", "user", "video")

odd_numbers = st.sampled_from([0, -1, 2**63, 2**64, 10**40, 1e308, -0.0, 0.5])
odd_words = st.sampled_from(
    ["9" * 5000, "-1", "²", "1e9", "true", "bytes=0-", "bytes=9-1", "0001-01-01", "9999-12-31T23:59:59-14:00", "wait=9"]
)
words = st.text(max_size=12) | odd_words
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | odd_numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
creates = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6).map(lambda fields: body("ark") | fields)
documents = (creates | values).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
contents = documents | st.binary(max_size=60) | st.just(b"")
queries = st.lists(st.tuples(st.sampled_from(NAMES), words), max_size=3)
# What a client library lets through; the rest is sent by hand below.
plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip) | st.sampled_from(
    ["wait=" + "9" * 5000, "bytes=0-1", "application/json", "multipart/form-data; boundary=x", "1"]
)
headers = st.dictionaries(st.sampled_from(HEADERS), plain, max_size=3)

noisy = settings(max_examples=200, deadline=None, derandomize=True)


class Noise:
    """A gateway in a process of its own (whatever draws random numbers in this one confuses the generator), and a caller."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.gateway = gateway
        self.http = httpx.Client(trust_env=False, timeout=30, headers={"authorization": f"Bearer {key}"})

    def send(self, method: str, path: str, **request: object) -> httpx.Response:
        """One call; whatever is answered, it is nobody's fault but the caller's, and is said in an envelope."""
        answer = self.http.request(method, self.gateway.url + path, **request)  # type: ignore[arg-type]  # passed on
        assert answer.status_code < 500, (answer.status_code, answer.text)
        assert len(answer.headers.get_list("x-request-id")) == 1
        if answer.status_code >= 400 and method != "HEAD":
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        return answer


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noise]:
    """The gateway of this file; in the end its log is searched for bugs."""
    folder = tmp_path_factory.mktemp("noise")
    with Simulator("ark", folder / "ark") as simulator:
        gateway = Gateway(folder, upstream(simulator, "ark") + MODEL)
        key = gateway.create_keys("noise")["noise"]
        with gateway:
            running = Noise(gateway, key)
            yield running
            running.http.close()
        assert '"internal error"' not in gateway.words()
        assert "Traceback" not in gateway.words()


@noisy
@given(st.tuples(st.sampled_from(METHODS), st.sampled_from(PATHS)), words, queries, headers, contents)
def test_noise_with_a_key(
    noise: Noise, route: tuple[str, str], word: str, query: list[tuple[str, str]], further: dict[str, str], data: bytes
) -> None:
    """Arbitrary ids, queries, headers and bodies at every path by every method."""
    method, path = route
    text = quote(word[:40].encode("utf-8", "replace"), safe="")
    pairs = [(name, value.encode("utf-8", "replace").decode()) for name, value in query]
    noise.send(method, re.sub(r"\{[^}]*\}", text, path), params=pairs, headers={**further, "expect": ""}, content=data)


@noisy
@given(st.sampled_from(["/v1/videos", "/api/v3/contents/generations/tasks"]), documents, headers)
def test_noise_in_creates(noise: Noise, path: str, data: bytes, further: dict[str, str]) -> None:
    """Arbitrary documents whose fields have the right names and anything as values."""
    kind = {"content-type": "application/json", "expect": "", "prefer": ""}
    noise.send("POST", path, content=data, headers={**further, **kind})


@noisy
@given(
    st.sampled_from(["authorization", "host", "content-length", "transfer-encoding", "cookie", "x-forwarded-proto"]),
    st.binary(max_size=30),
    st.sampled_from([b"", b"/", b"/v1/videos?", b"/v1/videos/", b"/api/v3/"]),
    st.binary(max_size=30),
)
def test_noise_on_the_line(noise: Noise, name: str, value: bytes, start: bytes, target: bytes) -> None:
    """Arbitrary bytes in the request line and in the headers that the server itself reads."""
    where, port = noise.gateway.url.removeprefix("http://").split(":")
    head = b"GET " + start + target.replace(b"\r", b"").replace(b"\n", b"") + b" HTTP/1.1\r\n"
    host = b"" if name == "host" else b"host: " + where.encode() + b"\r\n"
    with socket.create_connection((where, int(port)), timeout=10) as connection:
        connection.sendall(head + host + name.encode() + b": " + value + b"\r\nconnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert not answer.startswith(b"HTTP/1.1 5"), answer


def test_the_gateway_still_works(noise: Noise) -> None:
    """After all that a poll is a poll."""
    assert noise.send("GET", "/v1/videos").status_code == 200
    assert noise.send("GET", "/readyz").status_code == 200
