"""The two servers of the project as tests run them: real processes on a free port, in a folder of their own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx

from tests.support import wire
from tests.support.processes import ARKBRIDGE, PATIENCE, Server, checkout_environment

DIALECTS = ("ark", "openai", "newapi", "vllm-omni", "sglang")
UPSTREAM_KEY = "upstream-key-of-the-tests"

Seen = TypeVar("Seen")


class Simulator(Server):
    """`arkbridge simulate` and its control routes (`/_sim/…`)."""

    def __init__(self, dialect: str, folder: Path, speed: float = 1.0, *words: str) -> None:
        command = [*ARKBRIDGE, "simulate", "--dialect", dialect, "--port", "0", "--speed", str(speed), *words]
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(command, folder, folder / f"simulator-{dialect}.log")
        self.dialect = dialect

    @property
    def base_url(self) -> str:
        """What an upstream's `base_url` is set to."""
        return self.url + ("/api/v3" if self.dialect == "ark" else "/v1")

    @property
    def clock(self) -> str:
        """The address that moves this simulator's time."""
        return f"{self.url}/_sim/clock"

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The answer of one control route."""
        answer = httpx.request(method, f"{self.url}/_sim/{path}", json=body, timeout=PATIENCE, trust_env=False)
        if answer.status_code != 200:
            raise AssertionError(f"/_sim/{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def requests(self, marker: str, method: str = "POST") -> list[dict[str, Any]]:
        """The recorded requests of this method whose path or body has `marker`, oldest first."""
        recorded = [one for one in self.control("GET", "requests") if one["method"] == method]
        return [one for one in recorded if marker in one["path"] or marker.encode() in wire.body(one)]

    def force(self, task_id: str, status: str, **changes: object) -> None:
        """Put a task into a state now (the simulator's own words: queued, running, succeeded, failed, expired, cancelled)."""
        self.control("POST", f"tasks/{task_id}", {"status": status, **changes})

    def advance(self, seconds: float) -> None:
        """Move this simulator's time."""
        self.control("POST", "clock", {"advance": seconds})


class Gateway(Server):
    """`arkbridge serve` on a configuration; its database and its log lie in `folder`."""

    def __init__(self, folder: Path, config: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "config.toml"
        self.config.write_text(config, "utf-8")
        command = [*ARKBRIDGE, "serve", "--host", "127.0.0.1", "--port", "0", "--config", str(self.config)]
        super().__init__(command, folder, folder / "gateway.log", checkout_environment(ARKBRIDGE_TEST_KEY=UPSTREAM_KEY))

    def arkbridge(self, *words: str) -> str:
        """What one command beside the gateway prints."""
        return self._run([*ARKBRIDGE, *words, "--config", str(self.config)])

    def create_keys(self, *names: str) -> dict[str, str]:
        """A new key for each name, of a caller of the same name: `arkbridge keys create NAME --json` for each, in one process."""
        script = (
            "import sys; from proxy.cli import tool; "
            "[tool(['keys', 'create', name, '--json', '--config', sys.argv[1]], standalone_mode=False) for name in sys.argv[2:]]"
        )
        said = self._run([sys.executable, "-P", "-c", script, str(self.config), *names])
        decoder, keys = json.JSONDecoder(), {}
        while said := said.lstrip():
            made, end = decoder.raw_decode(said)
            keys[made["name"]] = str(made["key"])
            said = said[end:]
        return keys

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command, cwd=self.cwd, env=dict(self.env), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def upstream(simulator: Simulator, name: str, profile: str = "") -> str:
    """The `[[upstream]]` table of a simulator; Ark upstreams count money as Ark's own hosts do."""
    ark = simulator.dialect == "ark"
    return "\n".join(
        [
            "[[upstream]]",
            f'name = "{name}"',
            f'dialect = "{"ark" if ark else "openai"}"',
            f'profile = "{profile}"',
            f'base_url = "{simulator.base_url}"',
            'api_key = { env = "ARKBRIDGE_TEST_KEY" }',
            'currency = "CNY"' if ark else "",
            "",
        ]
    )


def until(look: Callable[[], Seen], wanted: Callable[[Seen], bool], patience: float = 30.0) -> Seen:
    """What `look` sees once it is `wanted`. For what tells no one that it has changed; each look goes over a socket."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not wanted(seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {patience} s: {seen!r}")
        pause.wait(0.02)
    return seen
