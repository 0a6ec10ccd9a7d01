"""`arkbridge reconcile` and `tasks refresh` with real processes: beside a running gateway without any key, and alone with the keys."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.processes import ARKBRIDGE, PATIENCE, checkout_environment
from tests.support.servers import UPSTREAM_KEY, Gateway, Simulator, upstream

TASKS = "/contents/generations/tasks"


class Place:
    """A simulator, a gateway that may be stopped, and the command line beside it."""

    def __init__(self, folder: Path, simulator: Simulator, gateway: Gateway) -> None:
        self.folder = folder
        self.simulator = simulator
        self.gateway = gateway
        self.key = gateway.create_keys("alice")["alice"]

    def cli(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """What a command does, in a shell that knows no upstream key unless `env` has it."""
        command = [*ARKBRIDGE, *words, "--config", str(self.gateway.config)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=checkout_environment(**env),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def create(self) -> str:
        """A task made through the gateway."""
        body = {"model": "seedance-2.0-fast", "prompt": "a cat", "seconds": "4"}
        return self._made(f"{self.gateway.url}/v1/videos", self.key, body)

    def make(self) -> str:
        """A task made at the upstream by somebody else."""
        body = {"model": "doubao-seedance-2-0-fast-260128", "content": [{"type": "text", "text": "a dog"}]}
        return self._made(self.simulator.base_url + TASKS, "any", body)

    def _made(self, url: str, key: str, body: object) -> str:
        answer = httpx.post(
            url, json=body, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One place for all."""
    folder = tmp_path_factory.mktemp("place")
    with Simulator("ark", folder / "ark", 0.1) as simulator:
        config = upstream(simulator, "ark")
        with Gateway(folder, config) as gateway:
            yield Place(folder, simulator, gateway)


def test_beside_a_gateway(place: Place) -> None:
    """The gateway does it: this process knows no upstream key and needs none; a person is wanted for what is unknown here."""
    task_id = place.create()
    refreshed = place.cli("tasks", "refresh", task_id, "--json")
    assert refreshed.returncode == 0, refreshed.stderr
    assert json.loads(refreshed.stdout)["snapshot"]["status"] in ("queued", "running")
    place.simulator.force(task_id, "succeeded", tokens=4242)
    refreshed = place.cli("tasks", "refresh", task_id)
    assert "It had ended; it is settled now." in refreshed.stderr
    assert "succeeded" in refreshed.stdout
    assert "4242" in refreshed.stdout
    clean = place.cli("reconcile")
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout == "ark: all its tasks, 1 of them\n\nNothing differs.\n"
    other = place.make()
    found = place.cli("reconcile", "--upstream", "ark", "--since", "1h", "--json")
    assert (found.returncode, found.stderr) == (1, "")
    (finding,) = json.loads(found.stdout)["findings"]
    assert (finding["kind"], finding["task"], finding["person"]) == ("unknown", other, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("tasks", "refresh", "cgt-none"),
            "Error: there is no task 'cgt-none': `arkbridge tasks` lists those there are",
        ),
        (("reconcile", "--upstream", "arc"), "Error: there is no upstream 'arc'; those there are: ark"),
    ],
)
def test_what_cannot_be_done(place: Place, words: tuple[str, ...], said: str) -> None:
    """What the gateway answers is told in its sentence."""
    done = place.cli(*words)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", said)


def test_alone(place: Place) -> None:
    """With no gateway running, also one that was killed, this process does it, for which it needs the keys."""
    task_id = place.create()
    place.gateway.kill()
    place.simulator.force(task_id, "succeeded", tokens=17)
    without = place.cli("tasks", "refresh", task_id)
    assert (without.returncode, without.stdout) == (1, "")
    assert "the environment variable ARKBRIDGE_TEST_KEY is not set" in without.stderr
    done = place.cli("reconcile", ARKBRIDGE_TEST_KEY=UPSTREAM_KEY)
    heading, _, *lines = done.stdout.splitlines()[2:]
    assert heading.split() == ["kind", "upstream", "task", "found", "look"]
    assert f"settled  ark         {task_id}" in done.stdout
    assert all(line.endswith("LOOK") == line.startswith("unknown") for line in lines)
    done = place.cli("tasks", "refresh", task_id, "--json", ARKBRIDGE_TEST_KEY=UPSTREAM_KEY)
    assert json.loads(done.stdout)["snapshot"]["usage"]["total_tokens"] == 17
    assert done.stderr == ""
