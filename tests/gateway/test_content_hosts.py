"""Result links that lead to media hosts of all kinds: fast, slow, broken, forbidden, or no media host at all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from tests.gateway.house import Caller, House, error_of
from tests.support.raw import End, Line, Script, after_request, always, ok, raw

MEGABYTE = 1024 * 1024
LONG = b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n"


def task_at(house: House, caller: Caller, link: str) -> str:
    """A finished task whose result is at this link."""
    task_id = caller.create("ark")
    told = {"id": task_id, "status": "succeeded", "content": {"video_url": link}}
    house.sims["ark"].fault(f"GET .*/{task_id}", "answer", status=200, body=json.dumps(told))
    house.advance(5)
    assert caller.get(task_id)["metadata"]["url"] == link
    return task_id


@pytest.fixture
async def http(alice: Caller) -> AsyncIterator[httpx.AsyncClient]:
    """A client of Alice's on this test's own loop."""
    headers = {"authorization": f"Bearer {alice.key}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=10) as client:
        yield client


def route(house: House, task_id: str) -> str:
    """The content route of a task."""
    return f"{house.gateway.url}/v1/videos/{task_id}/content"


async def test_nothing_of_ours_reaches_the_host(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """The media host sees the link, its own name, and neither key nor anything else of the caller's."""
    async with raw(after_request(ok(b"bytes", b"content-type: binary/octet-stream"))) as host:
        task_id = task_at(house, alice, f"{host.url}/a/b%20c.mp4?sig=%2B1&x=y")
        noise = {"cookie": "c=1", "x-mine": "1", "referer": "http://me/", "range": "bytes=0-4", "if-range": '"v"'}
        answer = await http.get(route(house, task_id), headers=noise)
        heard: list[bytes] = []

        async def script(line: Line) -> None:
            heard.append(await line.head())
            await line.say(ok(b"bytes"))
            await line.end(End.CLOSE)

    assert (answer.status_code, answer.content) == (200, b"bytes")
    assert answer.headers["content-type"] == "video/mp4"
    async with raw(script) as host:
        task_id = task_at(house, alice, f"{host.url}/a/b%20c.mp4?sig=%2B1&x=y")
        await http.get(route(house, task_id), headers=noise)
        line, *rest = heard[0].decode().lower().split("\r\n")
        names = dict(row.split(": ", 1) for row in rest if row)
    assert line == "get /a/b%20c.mp4?sig=%2b1&x=y http/1.1"
    assert names.pop("host") == f"127.0.0.1:{host.port}"
    assert set(names) <= {"accept", "accept-encoding", "range", "if-range", "connection"}
    assert (names["range"], names["if-range"], names["accept-encoding"]) == ("bytes=0-4", '"v"', "identity")


def endless(closed: asyncio.Event, sent: list[int]) -> Script:
    """A host that sends for as long as somebody reads."""

    async def script(line: Line) -> None:
        await line.request()
        try:
            await line.say(LONG % (1 << 40))
            while True:
                await line.say(bytes(64 * 1024))
                sent.append(64 * 1024)
        finally:
            closed.set()
            await line.end(End.RESET)

    return script


async def test_a_caller_who_hangs_up_closes_the_source(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """The connection to the media host is closed within a second, and the log says that the caller left."""
    closed, sent = asyncio.Event(), list[int]()
    async with raw(endless(closed, sent)) as host:
        task_id = task_at(house, alice, f"{host.url}/v.mp4")
        async with http.stream("GET", route(house, task_id)) as answer:
            request_id = answer.headers["x-request-id"]
            async for _ in answer.aiter_bytes():
                break
        begun = time.monotonic()
        async with asyncio.timeout(5):
            await closed.wait()
        assert time.monotonic() - begun < 1
    assert (await asyncio.to_thread(house.gateway.line, request_id))["status"] == 499
    assert house.gateway.lines("internal error") == []


async def test_a_slow_caller_slows_the_source(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """Nothing is gathered for a caller who does not read: the media host can send no more than sockets hold."""
    closed, sent = asyncio.Event(), list[int]()
    async with raw(endless(closed, sent)) as host:
        task_id = task_at(house, alice, f"{host.url}/v.mp4")
        async with http.stream("GET", route(house, task_id)) as answer:
            chunks = answer.aiter_bytes()
            await anext(chunks)
            before = -1
            while len(sent) > before:  # until the host is held up
                before = len(sent)
                await asyncio.sleep(0.2)  # nothing tells that nothing more will happen
            assert sum(sent) < 40 * MEGABYTE
            for _ in range(2000):
                await anext(chunks)
            assert len(sent) > before


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_source_that_breaks_off(
    house: House, alice: Caller, http: httpx.AsyncClient, end: End, *, announced: bool
) -> None:
    """A part is never taken for the whole: the caller's connection breaks too, the log says why, and it is no bug of ours."""
    head = (
        LONG % 1000
        if announced
        else b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    part = bytes(10) if announced else b"a\r\n" + bytes(10) + b"\r\n"

    async def script(line: Line) -> None:
        await line.request()
        await line.say(head, part)
        await line.end(end)

    async with raw(script) as host:
        task_id = task_at(house, alice, f"{host.url}/v.mp4")
        async with http.stream("GET", route(house, task_id)) as answer:
            request_id = answer.headers["x-request-id"]
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
    line = await asyncio.to_thread(house.gateway.line, request_id)
    assert (line["status"], line["error"]) == (200, "upstream_unreadable")
    assert house.gateway.lines("internal error") == []


def answer(status: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """An answer of a media host."""
    return b"\r\n".join([b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers, b"", body])


STRANGE = {
    "redirect": (answer(b"302 Found", b"location: http://10.0.0.1/"), 502, "upstream_unreadable"),
    "error in a 200": (
        answer(b"200 OK", b"content-type: application/json; charset=utf-8", body=b'{"error":"gone"}'),
        502,
        "upstream_unreadable",
    ),
    "page": (answer(b"200 OK", b"content-type: text/html", body=b"<html>"), 502, "upstream_unreadable"),
    "failure": (answer(b"500 Oops"), 502, "upstream_unreadable"),
    "busy": (answer(b"503 Busy", b"retry-after: 3"), 502, "upstream_unreadable"),
    "gone": (answer(b"404 Not Found"), 410, "video_expired"),
    "no HTTP": (b"SSH-2.0-x\r\n", 502, "upstream_unreadable"),
    "nothing": (b"", 502, "upstream_unreadable"),
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_no_result_is_not_passed_on(
    house: House, alice: Caller, http: httpx.AsyncClient, strange: str, method: str
) -> None:
    """Whatever a host answers in place of the video is an error in the caller's envelope, and redirects are not followed."""
    said, status, code = STRANGE[strange]
    async with raw(after_request(said)) as host:
        task_id = task_at(house, alice, f"{host.url}/v.mp4")
        got = await http.request(method, route(house, task_id))
        assert host.accepted == 1
    assert got.status_code == status
    if method == "GET":
        error = error_of(got, "openai")
        assert error["code"] == code
        assert str(host.port) not in error["message"]


async def test_a_host_that_is_down(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """A media host that cannot be reached is a 503 to be tried again."""
    async with raw(after_request()) as host:
        task_id = task_at(house, alice, f"{host.url}/v.mp4")
    got = await http.get(route(house, task_id))
    assert (got.status_code, error_of(got, "openai")["code"]) == (503, "upstream_unavailable")


@pytest.mark.parametrize(
    "link",
    [
        "http://localhost:{port}/v.mp4",
        "http://[::1]:{port}/v.mp4",
        "http://10.1.2.3/v.mp4",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://127.0.0.1/v.mp4",
        "http://user:pass@127.0.0.1:{port}/v.mp4",
        "no link at all",
        "http://127.0.0.1:{port}/a\u0001b.mp4",
    ],
)
async def test_forbidden_links(house: House, alice: Caller, http: httpx.AsyncClient, link: str) -> None:
    """A link to where we must not go is a 502 that names media_origins; nobody is called."""
    async with raw(always(ok())) as host:
        task_id = task_at(house, alice, link.format(port=host.port))
        for headers in ({}, {"range": "bytes=0-1"}):
            got = await http.get(route(house, task_id), headers=headers)
            error = error_of(got, "openai")
            assert (got.status_code, error["code"]) == (502, "upstream_unreadable")
            assert "media_origins" in error["message"]
        assert host.accepted == 0


async def test_a_redirect_to_a_strange_link(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """Whatever a link has in it, a redirect's headers stay headers."""
    task_id = task_at(house, alice, "http://127.0.0.1/a\r\nset-cookie: a=b\u0001\u4e2d.mp4")
    got = await http.get(route(house, task_id), headers={"x-arkbridge-content": "redirect"})
    assert got.status_code == 302
    assert "set-cookie" not in got.headers


async def test_media_origins(house: House, alice: Caller, http: httpx.AsyncClient) -> None:
    """An origin that the configuration names is fetched from though it is private; a reload is enough."""
    async with raw(always(ok(b"bytes", b"content-type: video/mp4"))) as host:
        task_id = task_at(house, alice, f"http://localhost:{host.port}/v.mp4")
        assert (await http.get(route(house, task_id))).status_code == 502
        house.write(upstream=f'media_origins = ["http://localhost:{host.port}"]')
        try:
            house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
            assert (await http.get(route(house, task_id))).content == b"bytes"
        finally:
            house.write()
            house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
