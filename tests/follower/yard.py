"""An engine that does nothing by itself, simulators behind it, and tasks made there behind its back."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx

from proxy.app.engine import Engine, Outside
from proxy.config import load
from proxy.model import JSON, Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.simulator import Settings, background, create_app
from tests.support.processes import PATIENCE

FAST = "doubao-seedance-2-0-fast-260128"
MODELS = {"ark": FAST, "strict": "sora-2", "newapi": FAST}
WIDE = {"get": 1000.0, "list": 1000.0, "delete": 1000.0}
QUEUED = Snapshot(status=TaskStatus.QUEUED, status_word="queued")


class Notes:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def event(self, level: str, message: str, **fields: object) -> None:
        """One more."""
        self.told.append((level, message))


class Yard:
    """Simulators and the folder of a database; the clock of whoever works on it is `now`."""

    def __init__(self, folder: Path, origins: dict[str, str]) -> None:
        self.folder = folder
        self.origins = origins
        self.offset = 0.0
        self.number = 0
        self.notes = Notes()
        self.http = httpx.Client(trust_env=False, timeout=PATIENCE, headers={"authorization": "Bearer any"})
        tables = [
            f'[[upstream]]\nname = "{name}"\ndialect = "{"ark" if name == "ark" else "openai"}"\n'
            f'profile = "{"newapi" if name == "newapi" else ""}"\nbase_url = "{self.base_url(name)}"\napi_key = {{ env = "K" }}\n'
            for name in origins
        ]
        self.config = folder / "config.toml"
        self.config.write_text(f'[store]\nurl = "sqlite:///{folder}/data/arkbridge.db"\n' + "\n".join(tables))

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self.offset

    def base_url(self, name: str) -> str:
        """Where an upstream's routes begin."""
        return self.origins[name] + ("/api/v3" if name == "ark" else "/v1")

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """A built engine of which nothing runs, with limits that no test waits for."""
        read = load(self.config, {"K": "any-key-is-good"})
        config = replace(read, upstreams=tuple(replace(one, limits=WIDE) for one in read.upstreams))
        async with Engine(config, Outside(events=self.notes, now=self.now)) as engine:
            engine.linger = 0.0
            yield engine

    def control(self, name: str, method: str, path: str, body: object = None) -> Any:
        """The answer of a simulator's control route."""
        answer = self.http.request(method, f"{self.origins[name]}/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def force(self, name: str, task_id: str, status: str, **changes: object) -> None:
        """Put a task into a state there."""
        self.control(name, "POST", f"tasks/{task_id}", {"status": status, **changes})

    def fault(self, name: str, match: str, kind: str, **details: object) -> None:
        """Let the next request there that matches go wrong."""
        self.control(name, "POST", "faults", {"match": match, "fault": kind, **details})

    def make(self, name: str = "ark", **fields: object) -> str:
        """A task made at the upstream by somebody; its id."""
        body: dict[str, object] = {"model": MODELS[name]}
        if name == "ark":
            body |= {"content": [{"type": "text", "text": "a cat"}], "duration": 4, "resolution": "480p", **fields}
        else:
            body |= {"prompt": "a cat", "seconds": "4", **fields}
        answer = self.http.post(
            self.base_url(name) + ("/contents/generations/tasks" if name == "ark" else "/videos"), json=body
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def record(self, name: str = "ark", request: JSON | None = None, age: float = 0.0) -> TaskRecord:
        """A new create's row, made `age` seconds ago."""
        self.number += 1
        return TaskRecord(
            key=f"key{self.number}",
            caller="alice",
            key_prefix="sk-ab-abcdef",
            upstream=name,
            dialect=Dialect.OPENAI,
            operation="videos.create",
            original_model="fast",
            request_model=MODELS[name],
            request_id=f"req_{self.number}",
            created_at=self.now() - age,
            request={"duration": 4, "resolution": "480p"} if request is None else request,
        )

    async def take(self, engine: Engine, task_id: str, name: str = "ark", age: float = 0.0) -> TaskRecord:
        """The row of a task that we made, as the gateway keeps it while it is open."""
        record = self.record(name, age=age)
        await engine.store.add_task(record)
        assert await engine.store.accept_task(record.key, task_id, QUEUED, None)
        return replace(record, id=task_id)

    async def ask(self, engine: Engine, name: str = "ark", **row: Any) -> TaskRecord:
        """The row of a create that was sent and never answered."""
        record = self.record(name, **row)
        await engine.store.add_task(record)
        await engine.store.mark_ambiguous(record.key, "upstream_ambiguous")
        return record


@contextmanager
def yard(folder: Path, names: Sequence[str] = ("ark",)) -> Iterator[Yard]:
    """A yard with a simulator for each name."""
    with ExitStack() as stack:
        origins = {}
        for name in names:
            dialect = {"strict": "openai"}.get(name, name)
            app = create_app(Settings(dialect=dialect, enforce_limits=False, concurrency=1000, seed=1))
            origins[name] = stack.enter_context(background(app))
        made = Yard(folder, origins)
        stack.callback(made.http.close)
        yield made
