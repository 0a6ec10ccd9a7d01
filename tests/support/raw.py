"""A server on 127.0.0.1 that a test scripts byte by byte: it answers, misbehaves, hangs or hangs up. It knows nothing of the project."""

import asyncio
import contextlib
import os
import socket
import ssl
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate; made at once, where the system's certificates take long to read."""


class End(Enum):
    """How a connection ends: in order, with a reset, or not before the client leaves."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True)
class Request:
    """A request as it came in; header names in lower case."""

    head: bytes
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method, target and version."""
        return self.head.partition(b"\r\n")[0].decode()


class Line:
    """One accepted connection; `number` counts from 1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._reader = reader
        self._writer = writer
        self.number = number

    async def head(self) -> bytes:
        """The next request's head; raises IncompleteReadError if the client leaves."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def request(self) -> Request:
        """The next request, whole."""
        head = await self.head()
        pairs = (row.partition(b":") for row in head.split(b"\r\n")[1:] if row)
        headers = {name.decode().lower(): value.strip().decode("latin-1") for name, _, value in pairs}
        if headers.get("transfer-encoding") == "chunked":
            return Request(head, headers, await self._chunked())
        return Request(head, headers, await self._reader.readexactly(int(headers.get("content-length", "0"))))

    async def _chunked(self) -> bytes:
        body = b""
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body

    async def say(self, *parts: bytes) -> None:
        """Send bytes."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def end(self, how: End) -> None:
        """End the connection, or wait for the client to do it."""
        if how is End.HANG:
            with contextlib.suppress(ConnectionError):
                await self._reader.read()
        if how is End.RESET:
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        self._writer.close()


Script = Callable[[Line], Awaitable[None]]


class Raw:
    """The running server: its port, its base URL, and every request that a script read with `heard`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._tasks: set[asyncio.Task[object]] = set()
        self.accepted = 0
        self.requests: list[Request] = []
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL in plain HTTP."""
        return f"http://127.0.0.1:{self.port}"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script on a new connection; that the client leaves is the usual end of it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        try:
            await self._script(Line(reader, writer, self.accepted))
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        """End every connection."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def raw(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """Serve the script on a free port inside the block."""
    server = Raw(script)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.stop()


def after_request(*steps: bytes | End) -> Script:
    """A script that reads one request, then sends these bytes, then ends as said (in order if nothing is said)."""

    async def script(line: Line) -> None:
        await line.request()
        for step in (*steps, End.CLOSE):
            if isinstance(step, End):
                await line.end(step)
                return
            await line.say(step)

    return script


def always(answer: bytes, requests: list[Request] | None = None) -> Script:
    """A script that gives every request on every connection this answer and keeps what it read."""

    async def script(line: Line) -> None:
        while True:
            request = await line.request()
            if requests is not None:
                requests.append(request)
            await line.say(answer)

    return script


def ok(body: bytes = b"{}", *headers: bytes) -> bytes:
    """A plain answer with its length."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"", body])


def open_descriptors() -> int:
    """How many internet sockets this process has open; what an event loop keeps for itself is of another family."""
    return sum(map(_is_internet, map(int, os.listdir("/dev/fd"))))  # noqa: PTH208 - these names are numbers, not paths


def _is_internet(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as same:
            return same.family in {socket.AF_INET, socket.AF_INET6}
    except OSError:  # the one that listed the folder, and what was closed meanwhile
        return False


async def descriptors_fall_to(most: int, patience: float = 5.0) -> None:
    """Return when no more than so many are open; closing takes the event loop a few rounds."""
    async with asyncio.timeout(patience):
        while open_descriptors() > most:  # noqa: ASYNC110 - nothing tells when the event loop has closed a socket
            await asyncio.sleep(0.001)
