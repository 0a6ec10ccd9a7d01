"""A whole house for tests: the real gateway in a thread of its own, a simulator of every upstream profile behind it, a clock that tests move.

Nothing in it is a stand-in: sockets, SQLite files, the log and the simulators are those of the program.
"""

import asyncio
import contextlib
import dataclasses
import io
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2 as httpx
import uvloop

from proxy.app import Runtime
from proxy.app.server import Server
from proxy.config import Config, load
from proxy.gateway.services import Services
from proxy.logs import Logs
from proxy.model import LedgerRow, TaskRecord
from proxy.simulator import Settings, background, create_app
from tests.support import wire
from tests.support.servers import until

Result = TypeVar("Result")

PATIENCE = 30.0
UPSTREAM_KEY = "upstream-canary-0123456789"
ENVIRON: Mapping[str, str] = {"HOUSE_KEY": UPSTREAM_KEY}

# name: (the simulator's dialect, our profile, what callers say, what is sent)
UPSTREAMS: Mapping[str, tuple[str, str, str, str]] = {
    "ark": ("ark", "", "fast", "doubao-seedance-2-0-fast-260128"),
    "strict": ("openai", "strict", "strict-video", "sora-2"),
    "newapi": ("newapi", "newapi", "newapi-video", "doubao-seedance-2-0-fast-260128"),
    "rc30": ("newapi-rc30", "newapi", "rc30-video", "doubao-seedance-2-0-fast-260128"),
    "vllm-omni": ("vllm-omni", "vllm-omni", "omni-video", "Wan-AI/Wan2.2-T2V-A14B-Diffusers"),
    "sglang": ("sglang", "sglang", "sgl-video", "Wan-AI/Wan2.2-T2V-A14B-Diffusers"),
}
NO_DELETE = ("newapi", "rc30")
BYTES_ONLY = ("strict", "vllm-omni", "sglang", "rc30")
FAMILIES = ("openai", "ark")
TASKS = {"openai": "/v1/videos", "ark": "/api/v3/contents/generations/tasks"}


class Clock:
    """Unix seconds that tests move."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        """Now."""
        return time.time() + self.offset


class Sim:
    """A simulator in a thread, by its control routes."""

    def __init__(self, name: str, origin: str) -> None:
        dialect, self.profile, self.model, self.upstream_model = UPSTREAMS[name]
        self.name = name
        self.origin = origin
        self.speaks_ark = dialect == "ark"
        self.base_url = origin + ("/api/v3" if self.speaks_ark else "/v1")
        self._client = httpx.Client(trust_env=False, timeout=PATIENCE)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The answer of a control route."""
        answer = self._client.request(method, f"{self.origin}/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def creates(self) -> int:
        """How many creates it has accepted."""
        return int(self.control("GET", "counts")["creates"])

    def requests(self, method: str = "", marker: str = "") -> list[dict[str, Any]]:
        """The recorded requests of a method whose path or body has the marker, oldest first."""
        return [
            one
            for one in self.control("GET", "requests")
            if method in ("", one["method"]) and (marker in one["path"] or marker.encode() in wire.body(one))
        ]

    def force(self, task_id: str, status: str, **changes: object) -> None:
        """Put a task into a state now, in the simulator's words."""
        self.control("POST", f"tasks/{task_id}", {"status": status, **changes})

    def fault(self, match: str, kind: str, **details: object) -> None:
        """Let the next request that matches `METHOD path` go wrong."""
        self.control("POST", "faults", {"match": match, "fault": kind, **details})

    def close(self) -> None:
        """Close the control connection."""
        self._client.close()


class Gateway:
    """The gateway on a configuration file, in a thread with a loop of its own."""

    def __init__(self, config: Path, clock: Clock, environ: Mapping[str, str] = ENVIRON) -> None:
        self.path = config
        self.clock = clock
        self.url = ""
        self._environ = environ
        self._log = io.BytesIO()
        self._begun = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="gateway")
        self.runtime: Runtime
        self.server: Server
        self.loop: asyncio.AbstractEventLoop

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(PATIENCE)
        if self._failed is not None:
            self._thread.join()
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Drain and end; safe to call twice."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._end)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _end(self) -> None:
        self.server.should_exit = True

    @property
    def services(self) -> Services:
        """What the gateway works with."""
        return self.runtime._engine.services

    def do(self, work: Coroutine[object, object, Result]) -> Result:
        """The result of a coroutine on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def config(self) -> Config:
        """The configuration as it is on disk now; upstream quotas are wide, so that tests wait for none."""
        read = load(self.path, self._environ)
        wide = {"get": 1000.0, "list": 1000.0, "delete": 1000.0}
        upstreams = tuple(dataclasses.replace(one, limits=wide) for one in read.upstreams)
        return dataclasses.replace(read, upstreams=upstreams)

    def log_bytes(self) -> bytes:
        """Everything that was logged so far."""
        return self._log.getvalue()

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The log's lines, those of one event if named."""
        read = [json.loads(line) for line in self.log_bytes().splitlines()]
        return [line for line in read if event in ("", line["event"])]

    def line(self, request_id: str) -> dict[str, Any]:
        """The one line of a call."""
        found = until(lambda: [one for one in self.lines("call") if one["request_id"] == request_id], bool)
        assert len(found) == 1
        return found[0]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self.loop = runner.get_loop()
            try:
                runner.run(self._serve())
            except BaseException as broken:  # noqa: BLE001 - handed to the test's own thread
                self._failed = broken
            finally:
                self._begun.set()

    async def _serve(self) -> None:
        logs = Logs(self._log, "json", time.time)
        config = self.config()
        try:
            with socket.create_server(("127.0.0.1", config.server.port)) as listening:
                async with Runtime(config, logs, self.clock) as self.runtime:
                    self.server = Server(self.runtime.asgi, config.server.trusted_proxies)
                    self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self.server.serve([listening]))
                        await self.server.accepting.wait()
                        self._begun.set()
        finally:
            logs.close()


class Caller:
    """Somebody with a key."""

    def __init__(self, house: "House", name: str) -> None:
        self.name = name
        self.key = house.key(name)
        self._house = house
        self.http = httpx.Client(trust_env=False, timeout=PATIENCE, headers={"authorization": f"Bearer {self.key}"})

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One call; nothing is followed."""
        return self.http.request(method, self._house.gateway.url + path, **request)

    def create(self, upstream: str, family: str = "openai", **fields: Any) -> str:
        """A new 4-second task at this upstream; its id."""
        answer = self.call("POST", TASKS[family], json=body(upstream, family, **fields))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def get(self, task_id: str, family: str = "openai") -> dict[str, Any]:
        """The task, by whatever family."""
        answer = self.call("GET", f"{TASKS[family]}/{task_id}")
        assert answer.status_code == 200, answer.text
        read = answer.json()
        assert isinstance(read, dict)
        return read


def hang_up(caller: Caller, url: str, when: Callable[[], object]) -> None:
    """Send a create and close the connection as soon as `when` is so."""
    host, _, port = url.removeprefix("http://").partition(":")
    data = json.dumps(body("ark", prompt="left alone")).encode()
    head = (
        f"POST /v1/videos HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {caller.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + data)
        until(when, bool)


class House:
    """Gateway, simulators and clock. `settings` are lines of the configuration's [server] table and what follows it."""

    def __init__(self, folder: Path, upstreams: Sequence[str] = tuple(UPSTREAMS), settings: str = "") -> None:
        self.folder = folder
        self.clock = Clock()
        self._stack = ExitStack()
        self.sims = {name: self._simulate(name) for name in upstreams}
        self.file = folder / "config.toml"
        self.database = folder / "data" / "arkbridge.db"
        self.write(settings)
        self.gateway = Gateway(self.file, self.clock)
        self._callers: dict[str, Caller] = {}

    def __enter__(self) -> Self:
        self._stack.enter_context(self.gateway)
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self._callers.values():
            caller.http.close()
        self._stack.close()

    def _simulate(self, name: str) -> Sim:
        settings = Settings(dialect=UPSTREAMS[name][0], enforce_limits=False, concurrency=1000, seed=len(name))
        sim = Sim(name, self._stack.enter_context(background(create_app(settings))))
        self._stack.callback(sim.close)
        return sim

    def write(self, settings: str = "", upstream: str = "", tail: str = "", names: Sequence[str] = ()) -> None:
        """The configuration file; `upstream` are further lines of every [[upstream]], `names` those that are in it if not all are."""
        tables = [f'[server]\nport = 0\n{settings}\n[store]\nurl = "sqlite:///{self.database}"\n']
        for sim in (self.sims[name] for name in names or self.sims):
            dialect = "ark" if sim.speaks_ark else "openai"
            tables.append(
                f'[[upstream]]\nname = "{sim.name}"\ndialect = "{dialect}"\nprofile = "{sim.profile}"\n'
                f'base_url = "{sim.base_url}"\napi_key = {{ env = "HOUSE_KEY" }}\n{upstream}\n'
                f'[[model]]\nname = "{sim.model}"\nupstream = "{sim.name}"\nupstream_model = "{sim.upstream_model}"\n'
            )
        self.file.write_text("\n".join([*tables, '[models]\npassthrough = ""\n', tail]))

    def restart(self) -> None:
        """End the gateway and start another on the same files; its port is a new one."""
        self.gateway.stop()
        self.gateway = self._stack.enter_context(Gateway(self.file, self.clock))

    def key(self, name: str, *, admin: bool = False) -> str:
        """A key, of a caller of that name."""
        _, text = self.gateway.do(self.gateway.runtime.accounts.create_key(name, admin=admin))
        return text

    def caller(self, name: str = "alice") -> Caller:
        """The caller of that name, made when first asked for."""
        if name not in self._callers:
            self._callers[name] = Caller(self, name)
        return self._callers[name]

    def advance(self, seconds: float) -> None:
        """Move everybody's time."""
        for sim in self.sims.values():
            sim.control("POST", "clock", {"advance": seconds})
        self.clock.offset += seconds

    def end(self, upstream: str, task_id: str, status: str = "succeeded", **changes: object) -> None:
        """Let a task end upstream, and so much time pass that everybody may know."""
        self.sims[upstream].force(task_id, status, **changes)
        self.advance(20)

    def finished(self, upstream: str, caller: str = "alice", **fields: Any) -> str:
        """A task that has succeeded and was seen to."""
        task_id = self.caller(caller).create(upstream, **fields)
        self.end(upstream, task_id)
        assert self.caller(caller).get(task_id)["status"] == "completed"
        return task_id

    def record(self, task_id: str) -> TaskRecord | None:
        """The task as the store has it."""
        return self.gateway.do(self.gateway.runtime.store.task(task_id, None))

    def ledger(self, task_id: str | None = None) -> list[LedgerRow]:
        """The ledger's rows, newest first; those of one task if named."""
        rows = self.gateway.do(self.gateway.runtime.store.ledger(None, None, None, 10_000))
        return [row for row in rows if task_id in (None, row.task_id)]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement says on a connection of our own."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=PATIENCE)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    def count(self) -> tuple[int, int]:
        """How many task rows and ledger rows there are."""
        ((tasks,),), ((rows,),) = self.rows("SELECT COUNT(*) FROM tasks"), self.rows("SELECT COUNT(*) FROM ledger")
        return tasks, rows

    @contextlib.contextmanager
    def broken(self, *triggers: str) -> Iterator[None]:
        """A database that refuses some writes, such as `INSERT ON tasks`, while the block runs."""
        for number, trigger in enumerate(triggers):
            self.rows(f"CREATE TRIGGER broken_{number} BEFORE {trigger} BEGIN SELECT RAISE(ABORT, 'broken'); END")
        try:
            yield
        finally:
            for number, _ in enumerate(triggers):
                self.rows(f"DROP TRIGGER IF EXISTS broken_{number}")


def body(upstream: str, family: str = "openai", prompt: str = "a cat", **fields: object) -> dict[str, object]:
    """A create of a 4-second video, in the family's words."""
    model = UPSTREAMS[upstream][2]
    if family == "ark":
        own: dict[str, object] = {"content": [{"type": "text", "text": prompt}], "duration": 4}
        size: dict[str, object] = {"resolution": "720p", "ratio": "16:9"}
    else:
        own, size = {"prompt": prompt, "seconds": "4"}, {"size": "1280x720"}
    return {"model": model, **own, **size, **fields}


def error_of(answer: httpx.Response, family: str) -> dict[str, Any]:
    """The error of an answer, after a look at the family's envelope."""
    assert answer.headers["content-type"] == "application/json", answer.text
    read = answer.json()
    assert set(read) == {"error"}
    error = read["error"]
    assert set(error) == {"message", "type", "param", "code"}
    if family == "ark":
        assert list(error) == ["code", "message", "param", "type"]
        assert isinstance(error["param"], str)
    else:
        assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    assert error["code"]
    assert answer.headers["x-request-id"]
    return dict(error)


def together(work: Callable[[int], Result], times: int) -> list[Result]:
    """The results of so many threads that begin at once."""
    results: dict[int, Result] = {}
    gate = threading.Barrier(times)

    def run(number: int) -> None:
        gate.wait(PATIENCE)
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(results) == times
    return [results[number] for number in range(times)]
