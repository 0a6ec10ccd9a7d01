"""The load: raw keep-alive connections that send one prepared GET each time the answer is complete. Bounded, loopback only."""

import asyncio
import json
import sys
import time
import urllib.request
from urllib.parse import urlsplit


def loopback(url: str) -> tuple[str, int]:
    """Host and port of a URL on this machine; anything else is refused."""
    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "localhost", "::1"} or parts.port is None:
        raise SystemExit("load goes to this machine only")
    return parts.hostname, parts.port


async def worker(host: str, port: int, request: bytes, count: int, taken: list[float]) -> None:
    """`count` requests on one connection; latencies in ms go to `taken`."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(count):
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        taken.append((time.perf_counter() - begun) * 1000)
    writer.close()


async def run(url: str, path: str, key: str, requests: int, connections: int) -> dict[str, float]:
    """One round."""
    host, port = loopback(url)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    taken: list[float] = []
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(worker(host, port, request, requests // connections, taken))
    seconds = time.perf_counter() - begun
    taken.sort()
    return {"rps": len(taken) / seconds, "p50_ms": taken[len(taken) // 2], "p99_ms": taken[int(len(taken) * 0.99)]}


def make_task(url: str, key: str) -> str:
    """Create a video and wait for its end; the id."""
    loopback(url)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "prefer": "wait=120"}
    body = json.dumps({"model": "seedance-2.0-mini", "prompt": "bench", "resolution": "480p", "duration": 4}).encode()
    request = urllib.request.Request(f"{url}/v1/videos", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=150) as answer:
        made: dict[str, object] = json.load(answer)
    return str(made["id"])


if __name__ == "__main__":
    if sys.argv[2] == "--make-task":
        print(make_task(sys.argv[1], sys.argv[3]))
    else:
        print(json.dumps(asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))))
