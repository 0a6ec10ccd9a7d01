"""The acceptance stand: one gateway, a simulator of every upstream profile behind it, a driver of every SDK before it."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import wire
from tests.support.matrix import UPSTREAMS
from tests.support.sdk import Driver, Reply
from tests.support.servers import Gateway, Simulator, until, upstream

OPENAI_PYTHON = ("openai-py-3", "openai-py-2")
OPENAI_NODE = ("openai-node-7", "openai-node-6")
OPENAI = OPENAI_PYTHON + OPENAI_NODE
ARK = ("ark-py", "arkruntime")
# Callers whose every task is in the books of row 17.
KEEPERS = ("books-openai-py-3", "books-ark-py")

# By upstream: the simulator's dialect, what callers say, what is sent.
DIALECTS = {"ark": "ark", "strict": "openai", "newapi": "newapi", "vllm-omni": "vllm-omni", "sglang": "sglang"}
MODELS = {
    "ark": "seedance-2.0-fast",
    "strict": "strict-video",
    "newapi": "newapi-video",
    "vllm-omni": "omni-video",
    "sglang": "sgl-video",
}
UPSTREAM_MODELS = {
    "ark": "doubao-seedance-2-0-fast-260128",
    "strict": "sora-2",
    "newapi": "doubao-seedance-2-0-fast-260128",
    "vllm-omni": "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
    "sglang": "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
}
# How many seconds pass until an upstream's own poller has seen a change (openai-wire.md §2.1).
SHOWN_AFTER = {"newapi": 16}
TERMINAL = {"completed", "succeeded", "failed", "expired", "cancelled"}


class Stand:
    """Everything that runs for the matrix; drivers start when a cell first asks for them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._drivers: dict[str, Driver] = {}
        self.simulators = {name: Simulator(dialect, folder / name) for name, dialect in DIALECTS.items()}
        for simulator in self.simulators.values():
            stack.callback(simulator.stop)
        with ThreadPoolExecutor(len(DIALECTS)) as pool:
            list(pool.map(Simulator.start, self.simulators.values()))
        self.gateway = Gateway(folder, self._config())
        # Keys are made before the start, so that they hold from its first request on.
        names = [*OPENAI, *ARK, "curl", *(f"list-{client}" for client in OPENAI), *KEEPERS, "empty", "suspended"]
        self.keys = self.gateway.create_keys(*names)
        self.gateway.arkbridge("callers", "suspend", "suspended")
        stack.enter_context(self.gateway)

    def driver(self, client: str) -> Driver:
        """The running driver of this SDK."""
        if client not in self._drivers:
            self._drivers[client] = self._stack.enter_context(Driver(client, self.folder / f"{client}.log"))
        return self._drivers[client]

    def call(self, client: str, op: str, args: object, key: str = "", **command: object) -> Reply:
        """One call of this SDK to the gateway, by default with the client's own key."""
        base_url = self.gateway.url + ("/api/v3" if client in ARK else "/v1")
        return self.driver(client).call(op, base_url, key or self.keys[client], args=args, **command)

    def _config(self) -> str:
        tables = [
            upstream(simulator, name, "" if name in ("ark", "strict") else name)
            for name, simulator in self.simulators.items()
        ]
        models = [
            f'[[model]]\nname = "{MODELS[name]}"\nupstream = "{name}"\nupstream_model = "{UPSTREAM_MODELS[name]}"\n'
            for name in UPSTREAMS
        ]
        return "\n".join([*tables, *models, '[models]\npassthrough = ""\n[callbacks]\nallow_private = true\n'])


class Cell:
    """One row of the matrix for one client and one upstream, with a prompt that no other cell has."""

    def __init__(self, stand: Stand, client: str, upstream: str) -> None:
        self.stand = stand
        self.client = client
        self.upstream = upstream
        self.model = MODELS[upstream]
        self.upstream_model = UPSTREAM_MODELS[upstream]
        self.simulator = stand.simulators[upstream]
        self.marker = uuid.uuid4().hex
        self.prompt = f"一只橘猫在草地上奔跑 {self.marker}"
        self.key = stand.keys[client]
        self._made: list[str] = []

    @property
    def speaks_ark(self) -> bool:
        """Whether the client is an Ark SDK."""
        return self.client in ARK

    def call(self, op: str, args: object = None, **command: object) -> Reply:
        """One call; what a create makes is ended with the cell."""
        reply = self.stand.call(self.client, op, args or {}, self.key, **command)
        if isinstance(reply.value, dict) and op.rpartition("_")[2] in ("create", "remix", "edit", "extend"):
            self._made.append(reply.value["id"])
        return reply

    def create(self, prompt: str = "", **args: object) -> Any:
        """A new task of this cell's model: a video to OpenAI clients, `{"id"}` to Ark ones."""
        text = prompt or self.prompt
        own = {"content": [{"type": "text", "text": text}]} if self.speaks_ark else {"prompt": text}
        return self.call("create", {**own, "model": self.model, **args}).ok()

    def get(self, task_id: str) -> Any:
        """The task as the client sees it now."""
        if self.speaks_ark:
            return self.call("get", {"task_id": task_id}).ok()
        return self.call("retrieve", {"video_id": task_id}).ok()

    def force(self, task_id: str, status: str, **changes: object) -> None:
        """Put the task into this state at the upstream, where reads show it from now on."""
        self.simulator.force(task_id, status, **changes)
        self.simulator.advance(SHOWN_AFTER.get(self.upstream, 0))

    def end(self, task_id: str, status: str = "succeeded", **changes: object) -> Any:
        """The task after the upstream has put it into this state, as the client sees it."""
        self.force(task_id, status, **changes)
        return until(lambda: self.get(task_id), lambda task: task["status"] in TERMINAL)

    def run(self, task_id: str) -> Any:
        """The task while the upstream works on it, as the client sees it."""
        self.force(task_id, "running")
        return until(lambda: self.get(task_id), lambda task: task["status"] != "queued")

    def sent(self) -> dict[str, Any]:
        """The fields of the one create that this cell's upstream received."""
        (recorded,) = self.simulator.requests(self.marker)
        return wire.fields(recorded)

    def nothing_sent(self) -> bool:
        """Whether this cell's upstream received no create."""
        return not self.simulator.requests(self.marker)

    def file(self, name: str, data: bytes) -> str:
        """A file of this name for a driver to read."""
        folder = self.stand.folder / self.marker
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        return str(folder / name)

    def close(self) -> None:
        """End what is still open at the upstream, so that no queue fills up over the session."""
        known = {task["id"] for task in self.simulator.control("GET", "tasks") if task["status"] not in TERMINAL}
        for task_id in known.intersection(self._made):
            self.simulator.force(task_id, "failed")


def cells(row: int, clients: tuple[str, ...], upstreams: tuple[str, ...] = UPSTREAMS) -> pytest.MarkDecorator:
    """A test that is the `row` of the matrix for these clients and upstreams; it takes the fixture `cell`."""
    pairs = [(client, upstream) for client in clients for upstream in upstreams]
    found = [pytest.param((row, *pair), id="-".join(pair)) for pair in pairs]
    return pytest.mark.parametrize("cell", found, indirect=True)


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The stand, once for all cells of a process."""
    with ExitStack() as stack:
        yield Stand(tmp_path_factory.mktemp("stand"), stack)


@pytest.fixture
def cell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Cell]:
    """One cell; its place in the matrix is recorded before anything can be skipped."""
    row, client, upstream = request.param
    record_property("cell", f"{row}|{client}|{upstream}")
    running = request.getfixturevalue("stand")
    assert isinstance(running, Stand)
    if client != "curl":
        running.driver(client)
    own = Cell(running, client, upstream)
    yield own
    own.close()
