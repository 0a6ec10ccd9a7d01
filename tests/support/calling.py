"""Calls as the gateway hands them to the codecs: bodies read as it reads them, and streams fed in pieces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import orjson

from proxy.model import Dialect
from proxy.translate.calls import CallAnswer, CallInbound, CallOutbound, CallRequest, CallSend, CallStream, Received
from proxy.translate.multipart import read_body
from proxy.translate.wire import WireResponse

OPENAI, ARK = Dialect.OPENAI, Dialect.ARK
JSON_TYPE = "application/json"
BOUNDARY = "b0undary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def received(
    body: Mapping[str, object] | bytes = b"",
    *,
    kind: str = JSON_TYPE,
    headers: Mapping[str, str] | None = None,
    lossy: bool = False,
    path: Mapping[str, str] | None = None,
    query: tuple[tuple[str, str], ...] = (),
) -> Received:
    """What a caller sent."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    given = {"content-type": kind} | dict(headers or {})
    return Received(body=read_body(kind, raw), params=path or {}, query=query, headers=given, lossy=lossy)


def form(*parts: tuple[str, bytes, str | None]) -> bytes:
    """A multipart body: names, values, and file names where the part is a file."""
    out = b""
    for name, value, filename in parts:
        file = f'; filename="{filename}"' if filename else ""
        out += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def sent(
    inbound: CallInbound, outbound: CallOutbound, what: Received, model: str = "m"
) -> tuple[CallRequest, CallSend]:
    """A call from a caller's bytes to an upstream's, and the request as the gateway keeps it."""
    request = inbound.decode(what)
    return replace(request, request_model=model), outbound.encode(request, model)


def answer(body: Mapping[str, object] | bytes, status: int = 200) -> WireResponse:
    """An upstream's answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return WireResponse(status=status, headers={"content-type": JSON_TYPE}, body=raw)


def back(
    inbound: CallInbound, outbound: CallOutbound, request: CallRequest, response: WireResponse
) -> tuple[CallAnswer, bytes]:
    """An answer as it was read, and as the caller gets it."""
    read = outbound.decode(response, request)
    return read, inbound.encode(read, request)


def fed(stream: CallStream, chunks: Iterable[bytes]) -> bytes:
    """All that the caller gets of a stream."""
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close()


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Bytes in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def event(body: Mapping[str, object] | str, name: str = "") -> bytes:
    """An event with one line of data."""
    data = body if isinstance(body, str) else orjson.dumps(body).decode()
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def bodies(stream: bytes) -> list[dict[str, object]]:
    """The JSON objects of a stream's events, read line by line."""
    lines = (line[5:].strip() for line in stream.split(b"\n") if line.startswith(b"data:"))
    return [orjson.loads(line) for line in lines if line.startswith(b"{")]
