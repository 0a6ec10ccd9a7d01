"""The gateway as a process: signals, keys that other processes make, and how much memory a download takes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from proxy.simulator import Settings, background, create_app
from tests.support.processes import ARKBRIDGE
from tests.support.servers import Gateway, until

MEGABYTE = 1024 * 1024
SIZE = 50 * MEGABYTE
# A second, as promised, and one more for a machine that has other things to do.
PROMPT = 2.0


class Running:
    """A gateway process before an Ark simulator in this one."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.origin = origin
        self.gateway = Gateway(folder, config(origin))
        self.keys = self.gateway.create_keys("first")

    @property
    def pid(self) -> int:
        """The process."""
        process = self.gateway._process
        assert process is not None
        return process.pid

    def client(self, key: str = "") -> httpx.Client:
        """A caller."""
        headers = {"authorization": f"Bearer {key or self.keys['first']}"}
        return httpx.Client(base_url=self.gateway.url, headers=headers, trust_env=False, timeout=30)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def finished(self, prompt: str = "a cat") -> str:
        """A video that is done."""
        with self.client() as client:
            made = client.post("/v1/videos", json={"model": "fast", "prompt": prompt, "seconds": "4"})
            assert made.status_code == 200, made.text
            task_id = str(made.json()["id"])
            force = httpx.post(f"{self.origin}/_sim/tasks/{task_id}", json={"status": "succeeded"}, trust_env=False)
            assert force.status_code == 200
            until(lambda: client.get(f"/v1/videos/{task_id}").json()["status"], lambda status: status == "completed")
        return task_id

    def memory(self, name: str = "VmRSS") -> int:
        """Bytes that the process holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def config(origin: str, more: str = "") -> str:
    """A configuration with one model."""
    return (
        f'[[upstream]]\nname = "ark"\ndialect = "ark"\nbase_url = "{origin}/api/v3"\n'
        f'api_key = {{ env = "ARKBRIDGE_TEST_KEY" }}\n[[model]]\nname = "fast"\nupstream = "ark"\n'
        f'upstream_model = "doubao-seedance-2-0-fast-260128"\n{more}'
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running gateway; the tests that end it start it again."""
    with background(create_app(Settings(enforce_limits=False))) as origin:
        process = Running(tmp_path_factory.mktemp("process"), origin)
        with process.gateway:
            yield process


# -- keys of other processes


def test_a_new_key_works_and_a_revoked_one_stops_within_a_second(running: Running) -> None:
    """What the command line writes beside the running gateway takes effect there within a second."""

    def status(client: httpx.Client) -> int:
        return client.get("/v1/videos").status_code

    key = running.gateway.create_keys("second")["second"]
    with running.client(key) as client:
        until(lambda: status(client), lambda code: code == 200, PROMPT)
        running.gateway.arkbridge("keys", "revoke", "second")
        until(lambda: status(client), lambda code: code == 401, PROMPT)


# -- accounts


def test_the_reports_agree(running: Running) -> None:
    """`arkbridge usage` and GET /v1/usage tell the same calls and tokens."""
    running.finished()
    said = json.loads(running.gateway.arkbridge("usage", "--by", "caller", "--json"))
    with running.client() as client:
        (total,) = client.get("/v1/usage").json()["totals"]
    (row,) = [one for one in said if one["caller"] == "first"]
    assert total["calls"] > 0
    assert total["total_tokens"] > 0
    for name in ("calls", "errors", "input_tokens", "output_tokens", "total_tokens", "images"):
        assert row[name] == total[name]


# -- reload


def mistakes(running: Running) -> int:
    """How often a bad configuration was told."""
    return running.gateway.words().count("the new configuration is not used")


def reloads(running: Running) -> int:
    """How often a good one was taken."""
    return running.gateway.words().count("configuration reloaded")


@contextlib.contextmanager
def configured(running: Running, text: str | bytes | None) -> Iterator[None]:
    """Another configuration file (None: no file) while the block runs; afterwards the old one again."""
    path, before = running.gateway.config, reloads(running)
    kept = path.read_bytes()
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        yield
    finally:
        path.write_bytes(kept)
        before = reloads(running)
        running.signal(signal.SIGHUP)
        until(lambda: reloads(running), lambda count: count > before)


def test_a_good_file_is_taken(running: Running) -> None:
    """SIGHUP takes a new model and a smaller limit without a restart, and calls under way go on."""
    more = '[[model]]\nname = "other"\nupstream = "ark"\nupstream_model = "doubao-seedance-2-0-260128"\n[server]\nmax_body = 2048\n'
    with running.client() as client:
        fields = {"model": "other", "prompt": "a cat", "seconds": "4"}
        before = reloads(running)
        with configured(running, config(running.origin, more)):
            running.signal(signal.SIGHUP)
            until(lambda: reloads(running), lambda count: count > before)
            assert client.post("/v1/videos", json=fields).status_code == 200
            assert client.post("/v1/videos", json=fields | {"prompt": "x" * 3000}).status_code == 413
        assert client.post("/v1/videos", json=fields | {"prompt": "x" * 3000}).status_code != 413


BAD: dict[str, tuple[str | bytes | None, str]] = {
    "a key that nobody knows": ("[server]\nprot = 1\n", "port"),
    "no TOML": ("[server\n", "config.toml"),
    "no UTF-8": (b"\xff\xfe\x00", "config.toml"),
    "no file": (None, "config.toml"),
    "a secret that is missing": (config("http://127.0.0.1:1").replace("ARKBRIDGE_TEST_KEY", "NOT_THERE"), "NOT_THERE"),
    "an upstream that is gone": (
        config("http://127.0.0.1:1").replace('"ark"\nd', '"new"\nd').replace('upstream = "ark"', 'upstream = "new"'),
        "retired",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_changes_nothing(running: Running, name: str) -> None:
    """The old configuration stays, the log says why and where, and the gateway goes on."""
    text, word = BAD[name]
    with running.client() as client:
        made = client.post("/v1/videos", json={"model": "fast", "prompt": "open", "seconds": "4"})
        assert made.status_code == 200  # an open task, which needs its upstream
        before = mistakes(running)
        with configured(running, text):
            running.signal(signal.SIGHUP)
            until(lambda: mistakes(running), lambda count: count > before)
            told = [line for line in running.gateway.words().splitlines() if "the new configuration" in line][-1]
            assert word in told
            assert client.post("/v1/videos", json={"model": "fast", "prompt": "x", "seconds": "4"}).status_code == 200


# -- memory and the end


def test_a_large_video_is_not_gathered(running: Running) -> None:
    """50 MB pass through a process that grows by a few, read fast by three at once and slowly by one."""
    task_id = running.finished(f"[[sim:size={SIZE}]]")
    with running.client() as client:
        client.get(f"/v1/videos/{task_id}/content", headers={"range": "bytes=0-999999"})
        before = running.memory()

        def read() -> None:
            with running.client() as own, own.stream("GET", f"/v1/videos/{task_id}/content") as answer:
                assert sum(map(len, answer.iter_bytes())) == SIZE

        threads = [threading.Thread(target=read) for _ in range(3)]
        with client.stream("GET", f"/v1/videos/{task_id}/content") as slow:
            chunks = slow.iter_bytes(MEGABYTE)
            next(chunks)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert 1 + sum(1 for _ in chunks) == SIZE // MEGABYTE
        assert running.memory("VmHWM") - before < 30 * MEGABYTE


def test_sigterm_drains(running: Running) -> None:
    """A download under way is finished, new connections are refused meanwhile, and then the process ends in order."""
    task_id = running.finished(f"[[sim:size={SIZE}]]")
    host, port = running.gateway.url.removeprefix("http://").split(":")

    def refused() -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError:
            return True
        return False

    with running.client() as idle, running.client() as client:
        assert idle.get("/healthz").status_code == 200
        with client.stream("GET", f"/v1/videos/{task_id}/content") as answer:
            chunks = answer.iter_bytes(MEGABYTE)
            next(chunks)
            running.signal(signal.SIGTERM)
            until(refused, bool, patience=5)
            assert 1 + sum(1 for _ in chunks) == SIZE // MEGABYTE
    process = running.gateway._process
    assert process is not None
    assert process.wait(10) == 0
    assert "Traceback" not in running.gateway.words()
    running.gateway.stop()
    running.gateway.start()
    with running.client() as client:
        assert client.get(f"/v1/videos/{task_id}").json()["status"] == "completed"


def test_sigint_ends_it_too(running: Running) -> None:
    """Ctrl-C is an order as well."""
    running.signal(signal.SIGINT)
    process = running.gateway._process
    assert process is not None
    assert process.wait(10) == 0
    running.gateway.stop()
    running.gateway.start()


def test_a_port_that_is_taken(running: Running, tmp_path: Path) -> None:
    """A second gateway on the same port says so in one sentence and exits 1; the first goes on."""
    port = running.gateway.url.rpartition(":")[2]
    own = tmp_path / "config.toml"
    own.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/a.db"\n' + config(running.origin))
    command = [*ARKBRIDGE, "serve", "--port", port, "--config", str(own)]
    done = subprocess.run(
        command, cwd=tmp_path, env=dict(running.gateway.env), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "another program listens there" in done.stderr
    assert "Traceback" not in done.stderr
    with running.client() as client:
        assert client.get("/healthz").status_code == 200
