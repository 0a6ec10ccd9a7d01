"""Uploads as the SDKs write them, and an upstream that takes those of any size and keeps nothing of them but their digest."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator

FILE = {"id": "file-sink", "object": "file", "purpose": "user_data", "filename": "a", "bytes": 1, "status": "active"}


class Sink:
    """What came in on the latest connection. While `open` is clear nothing is read."""

    def __init__(self, answer: bytes) -> None:
        self.port = 0
        self.head = b""
        self.size = 0
        self.digest = hashlib.sha256()
        self.whole = False
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()
        self.closed = asyncio.Event()
        self._answer = answer
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/api/v3"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request in chunks and answer it when its end has come."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            self.head = await reader.readuntil(b"\r\n\r\n")
            await self._take(reader)
            self.whole = True
            writer.write(self._answer)
            await writer.drain()
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            self.closed.set()
            writer.close()

    async def stop(self) -> None:
        """End every connection."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader) -> None:
        await self.open.wait()
        while left := int(await reader.readuntil(b"\r\n"), 16):
            while left:
                data = await reader.read(min(left, 1 << 20))
                if not data:
                    raise ConnectionResetError
                left -= len(data)
                self.size += len(data)
                self.digest.update(data)
                self.begun.set()
            await reader.readexactly(2)
        await reader.readexactly(2)


def form(*parts: tuple[str, str | bytes], boundary: str = "b") -> bytes:
    """A form as the SDKs write it; bytes are a file."""
    body = b""
    for name, value in parts:
        more = "" if isinstance(value, str) else '; filename="a.mp4"\r\nContent-Type: video/mp4'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        body += head.encode() + (value.encode() if isinstance(value, str) else value) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


@contextlib.asynccontextmanager
async def sink(status: str = "200 OK", body: object = FILE) -> AsyncIterator[Sink]:
    """Serve inside the block, with this answer to every upload."""
    said = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(said)}\r\n\r\n"
    server = Sink(head.encode() + said)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.stop()
