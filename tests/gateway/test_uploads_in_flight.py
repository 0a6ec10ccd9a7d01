"""Uploads in flight: what happens to one when somebody leaves, breaks off or takes nothing, and how much of it is held."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from proxy.translate.files import LARGEST
from tests.gateway.house import Clock, Gateway, error_of
from tests.support import servers
from tests.support.servers import until
from tests.support.sink import Sink, form, sink

MEGABYTE = 1024 * 1024
FILE = ("file", b"--\r\n\x00\xff" * 400)


class Gate:
    """A gateway before one upstream, and somebody with a key."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.gateway = gateway
        self.headers = {"authorization": f"Bearer {key}", "content-type": "multipart/form-data; boundary=b"}
        url = httpx.URL(gateway.url)
        self.place = url.host, url.port or 80

    def head(self, size: int) -> bytes:
        """The head of an upload of so many bytes."""
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(
            ["POST /v1/files HTTP/1.1", "host: localhost", *lines, f"content-length: {size}", "", ""]
        ).encode()


@asynccontextmanager
async def gate(folder: Path, server: Sink) -> AsyncIterator[Gate]:
    """A gateway whose upstream is this one."""
    config = folder / "config.toml"
    config.write_text(
        f'[server]\nport = 0\n[store]\nurl = "sqlite:///{folder / "arkbridge.db"}"\n'
        f'[[upstream]]\nname = "ark"\ndialect = "ark"\nbase_url = "{server.url}"\napi_key = {{ env = "HOUSE_KEY" }}\n'
    )
    with Gateway(config, Clock()) as gateway:
        _, key = gateway.do(gateway.runtime.accounts.create_key("alice"))
        yield Gate(gateway, key)


HALF = form(("purpose", "user_data"), ("file", b"x" * 4 * MEGABYTE))[: 2 * MEGABYTE]


async def test_a_caller_who_leaves(tmp_path: Path) -> None:
    """Whoever hangs up in the middle of a file closes the upstream within a second; no file is made and none is anybody's."""
    async with sink() as server, gate(tmp_path, server) as gated:
        _, writer = await asyncio.open_connection(*gated.place)
        writer.write(gated.head(4 * MEGABYTE) + HALF)
        async with asyncio.timeout(10):
            await server.begun.wait()
        writer.transport.abort()
        async with asyncio.timeout(1):
            await server.closed.wait()
        assert not server.whole
        (line,) = until(lambda: gated.gateway.lines("call"), bool)
        assert line["status"] == 499
        store = gated.gateway.runtime.store
        assert gated.gateway.do(store.object_of("alice", "file", "file-sink")) is None


async def test_an_upstream_that_breaks_off(tmp_path: Path) -> None:
    """An upstream that is lost in the middle leaves open whether there is a file, so the SDK is not to send it again by itself."""
    async with sink() as server, gate(tmp_path, server) as gated:

        async def body() -> AsyncIterator[bytes]:
            yield HALF
            await server.begun.wait()
            await server.stop()
            for _ in range(64):
                yield b"x" * MEGABYTE

        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.post(gated.gateway.url + "/v1/files", content=body(), headers=gated.headers)
        assert (answer.status_code, error_of(answer, "openai")["code"]) == (502, "upstream_ambiguous")
        assert answer.headers["x-should-retry"] == "false"


async def test_an_upstream_out_of_reach(tmp_path: Path) -> None:
    """An upstream that nobody reaches has been sent nothing."""
    async with sink() as server:
        pass
    async with gate(tmp_path, server) as gated, httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            gated.gateway.url + "/v1/files", content=form(("purpose", "agent"), FILE), headers=gated.headers
        )
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (503, "upstream_unavailable")


@pytest.mark.parametrize(
    ("status", "body", "wanted", "code"),
    [
        ("401 Unauthorized", {"error": {"code": "AuthenticationError", "message": "bad"}}, 502, "upstream_account"),
        ("200 OK", {"object": "file"}, 502, "upstream_unreadable"),
        ("200 OK", [], 502, "upstream_unreadable"),
        ("200 OK", {"error": {"code": "AccountOverdueError", "message": "pay"}}, 502, "upstream_account"),
        ("413 Too Large", {"error": {"code": "Big", "message": "no"}}, 413, "Big"),
    ],
)
async def test_answers_that_are_no_file(tmp_path: Path, status: str, body: object, wanted: int, code: str) -> None:
    """A refusal of our account, and an answer without a file, are not the caller's fault."""
    async with sink(status, body) as server, gate(tmp_path, server) as gated:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            content = form(("purpose", "agent"), FILE)
            answer = await client.post(gated.gateway.url + "/v1/files", content=content, headers=gated.headers)
        assert (answer.status_code, error_of(answer, "openai")["code"]) == (wanted, code)
        assert server.whole


async def test_back_pressure(tmp_path: Path) -> None:
    """While the upstream takes nothing, the caller can send no more than sockets hold; then everything arrives."""
    size = 64 * MEGABYTE
    body = form(("purpose", "user_data"), ("file", b"x" * size))
    async with sink() as server, gate(tmp_path, server) as gated:
        server.open.clear()
        reader, writer = await asyncio.open_connection(*gated.place)
        line = writer.get_extra_info("socket")
        writer.write(gated.head(len(body)) + body)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.drain()
        assert line is not None
        assert writer.transport.get_write_buffer_size() > size // 2
        server.open.set()
        async with asyncio.timeout(30):
            await writer.drain()
            said = await reader.readuntil(b"}")
        assert said.startswith(b"HTTP/1.1 200")
        assert server.size > size
        writer.close()


async def test_a_file_beyond_the_limit(tmp_path: Path) -> None:
    """A file that turns out too large, without having said so, is cut off at the limit, and told as one."""
    chunk = bytes(MEGABYTE)
    async with sink() as server, gate(tmp_path, server) as gated:

        async def body() -> AsyncIterator[bytes]:
            yield form(("purpose", "user_data"), ("file", b""))[:-9]
            for _ in range(LARGEST // MEGABYTE + 1):
                yield chunk

        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(gated.gateway.url + "/v1/files", content=body(), headers=gated.headers)
        error = error_of(answer, "openai")
        assert (answer.status_code, error["code"]) == (413, "request_too_large")
        assert str(LARGEST) in error["message"]
        assert not server.whole


async def test_memory(tmp_path: Path) -> None:
    """200 MB go through a gateway that grows by a small part of that, and arrive as they were sent."""
    chunk, times = random.Random(1).randbytes(MEGABYTE), 200
    async with sink() as server:
        config = f'[[upstream]]\nname = "ark"\ndialect = "ark"\nbase_url = "{server.url}"\napi_key = {{ env = "ARKBRIDGE_TEST_KEY" }}\n'
        gateway = servers.Gateway(tmp_path, config)
        key = gateway.create_keys("alice")["alice"]
        with gateway:
            assert gateway._process is not None
            before = resident(gateway._process.pid, "VmRSS")
            headers = {"authorization": f"Bearer {key}", "content-type": "multipart/form-data; boundary=b"}
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                answer = await client.post(gateway.url + "/v1/files", content=large("b", chunk, times), headers=headers)
            assert answer.status_code == 200, answer.text
            assert resident(gateway._process.pid, "VmHWM") - before < 32 * MEGABYTE
    boundary = server.head.lower().partition(b"boundary=")[2].partition(b"\r\n")[0].decode()
    digest = hashlib.sha256()
    async for piece in large(boundary, chunk, times):
        digest.update(piece)
    assert server.digest.digest() == digest.digest()


async def large(boundary: str, chunk: bytes, times: int) -> AsyncIterator[bytes]:
    """A form with a large file."""
    empty, end = form(("purpose", "user_data"), ("file", b""), boundary=boundary), f"\r\n--{boundary}--\r\n".encode()
    yield empty.removesuffix(end)
    for _ in range(times):
        yield chunk
    yield end


def resident(pid: int, name: str) -> int:
    """Bytes of memory that a process has, or had at the most."""
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith(name + ":"):
            return int(row.split()[1]) * 1024
    pytest.skip("this system does not tell what a process holds")
