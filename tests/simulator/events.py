"""Reading an event stream in tests: straight from the rules of the format, without regard for how the simulator writes it."""

from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import orjson

Event = tuple[str, Any]


def parse(body: bytes) -> list[Event]:
    """Every event as its name and its data, read as JSON where it is JSON. The last one counts without its blank line too."""
    events: list[Event] = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        name, data = "", []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"event":
                name = value.removeprefix(b" ").decode()
            elif field == b"data":
                data.append(value.removeprefix(b" "))
        if data:
            events.append((name, _value(b"\n".join(data))))
    return events


def chunks(answer: httpx.Response) -> list[dict[str, Any]]:
    """The data of a stream that ends with `[DONE]`, without that end."""
    *found, last = [data for _, data in parse(answer.content)]
    assert last == "[DONE]"
    return found


def text(found: list[dict[str, Any]]) -> str:
    """The content of all chunks' first choices together."""
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in found if chunk["choices"])


def usages(found: list[dict[str, Any]]) -> list[Mapping[str, int] | None]:
    """The usage of each chunk, None where there is none."""
    return [chunk.get("usage") for chunk in found]


def _value(data: bytes) -> Any:
    return orjson.loads(data) if data[:1] in b"{[" and data != b"[DONE]" else data.decode()
