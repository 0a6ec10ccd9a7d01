"""The loop of a Python driver: one JSON command a line on stdin, one JSON reply a line on stdout, until stdin ends.

It runs in an SDK's own environment and uses nothing but the standard library.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex

Command = dict[str, Any]
Handler = Callable[[Command], object]


@dataclass
class Trace:
    """What one command did on the wire: every exchange of the SDK's HTTP client, and how long the SDK wished to wait."""

    exchanges: list[dict[str, object]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    clock: str = ""
    sleep: Callable[[float], None] = time.sleep

    def begin(self, command: Command) -> None:
        """Forget the command before."""
        self.exchanges, self.slept = [], []
        self.clock = str(command.get("clock", ""))

    def record(self, response: Any) -> None:
        """Take one response of the SDK's HTTP client (httpx and httpx2 name these parts alike)."""
        request = response.request
        self.exchanges.append(
            {
                "method": request.method,
                "url": str(request.url),
                "status": response.status_code,
                "request_headers": {name.lower(): value for name, value in request.headers.items()},
                "headers": {name.lower(): value for name, value in response.headers.items()},
            }
        )

    def wait(self, duration: float | SupportsIndex, /) -> None:
        """Stand in for time.sleep: move the simulator's clock by what the SDK asks for, and wait only a moment."""
        seconds = float(duration)
        self.slept.append(seconds)
        if self.clock:
            body = json.dumps({"advance": seconds}).encode()
            request = urllib.request.Request(self.clock, body, {"content-type": "application/json"})
            urllib.request.urlopen(request, timeout=10).close()
        self.sleep(min(seconds, 0.02))


def failure(error: BaseException) -> dict[str, object]:
    """What an exception of an SDK tells, under the names that all these SDKs share; absent ones are null."""
    names = ("status_code", "code", "param", "type", "request_id", "body")
    told = {name: getattr(error, name, None) for name in names}
    response = getattr(error, "response", None)
    headers = {} if response is None else {name.lower(): value for name, value in response.headers.items()}
    classes = [cls.__name__ for cls in type(error).__mro__]
    return {"class": classes[0], "classes": classes, "message": str(error), "headers": headers, **told}


def serve(trace: Trace, handlers: Mapping[str, Handler], caught: tuple[type[BaseException], ...]) -> None:
    """Answer commands until stdin ends; an exception among `caught` is an answer, any other ends the driver."""
    time.sleep = trace.wait
    for line in sys.stdin:
        command: Command = json.loads(line)
        trace.begin(command)
        reply: dict[str, object]
        try:
            reply = {"value": handlers[command["op"]](command)}
        except caught as error:
            reply = {"error": failure(error)}
        reply |= {"exchanges": trace.exchanges, "slept": trace.slept}
        sys.stdout.write(json.dumps(reply, default=str) + "\n")
        sys.stdout.flush()


def with_files(value: object) -> Any:
    """The value with each `{"$file": {"form", "path", "name", "type"}}` replaced by what a program would pass."""
    if isinstance(value, list):
        return [with_files(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$file" not in value:
        return {name: with_files(item) for name, item in value.items()}
    spec = value["$file"]
    path = Path(spec["path"])
    if spec["form"] == "bytes":
        return path.read_bytes()
    if spec["form"] == "tuple":
        return (spec["name"], path.read_bytes(), spec["type"])
    return path.open("rb")
