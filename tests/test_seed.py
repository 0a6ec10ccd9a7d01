"""The quick start as written: its curl, Python and Node samples run unmodified against a gateway over the Ark simulator.

Only white space was restored in tests/seed (the stored page had lost its indentation); base URL, key, task id and link
are put in here, as the page tells its readers to do.
"""

import hashlib
import json
import re
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PATIENCE, ROOT, environment
from tests.support.require import program
from tests.support.sdk import node, python
from tests.support.servers import Gateway, Simulator, until, upstream

SAMPLES = ROOT / "tests" / "seed"
PAGE_BASE = "https://www.dianlitoken.com"
PAGE_KEY = "sk-你的KEY"
PAGE_TASK = "cgt-20260527165600-kf7rt"
PAGE_LINK = re.compile(r'https://ark-aigc-cn-beijing[^"]*')

# SHA-256 of each sample without any white space, taken from the page itself.
DIGESTS = {
    "create.sh": "f550177bc0a279f3bd51c498089cb7d98ee9d8ce8d24c79a0f0c81f38ea94195",
    "poll.sh": "0452a3ee7a8edca978465a8afe9d607025dca2e78649264994a5427bb90fddef",
    "download.sh": "6c30f0cad2a7c95948d04ee895953da9fabf879b3878b3581de7a49ed1d15c8a",
    "generate.py": "16695cfc3ff2e1eb2c2606b49103085f303b96abf81c48eee89747f36219eb29",
    "generate.mjs": "1902c6e924fa6e9d2176ae07514cf0c9949f6291170bf3b26f1d7d435b8fbabb",
    "ark-create.sh": "7f1a8fbad8b52668df643fc267ca887361557d97c4fe4448e8523015033399af",
    "ark-poll.sh": "a227d828392e83e7a29ab259675c436e0f2d5309756e7315330b8ad0d30c547a",
}
FIRST_KEYS = ["id", "task_id", "object", "model", "status", "progress", "created_at"]
# The samples wait 10 s between two polls; their clocks run this much faster.
FASTER = 50
PYTHON_RUNNER = f"""
import runpy, sys, time
wait = time.sleep
time.sleep = lambda seconds: wait(seconds / {FASTER})
runpy.run_path(sys.argv[1], run_name="__main__")
"""
NODE_PRELOAD = f"""
const wait = globalThis.setTimeout
globalThis.setTimeout = (call, ms, ...args) => wait(call, ms / {FASTER}, ...args)
"""

Recorder = Callable[[str, object], None]


class Reader:
    """Somebody who follows the page: a folder, a base URL and a key."""

    def __init__(self, gateway: Gateway, simulator: Simulator, key: str, folder: Path) -> None:
        self.gateway = gateway
        self.simulator = simulator
        self.key = key
        self.folder = folder

    def sample(self, name: str, task_id: str = PAGE_TASK, link: str = "") -> Path:
        """The sample with the reader's own values in it."""
        text = (SAMPLES / name).read_text("utf-8")
        text = text.replace(PAGE_BASE, self.gateway.url).replace(PAGE_KEY, self.key).replace(PAGE_TASK, task_id)
        own = self.folder / name
        own.write_text(PAGE_LINK.sub(lambda _: link, text) if link else text, "utf-8")
        return own

    @contextmanager
    def running(self, *command: str) -> Iterator["subprocess.Popen[str]"]:
        """A sample while it runs in the reader's folder; it does not outlive the block."""
        process = subprocess.Popen(
            command, cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """What a sample prints; it must end well."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, name: str, task_id: str = PAGE_TASK, link: str = "", env: Mapping[str, str] | None = None) -> str:
        """What a curl sample prints."""
        program("curl", "curl")
        return self.run("bash", str(self.sample(name, task_id, link)), env=env)

    def tasks(self) -> list[str]:
        """The ids of all tasks that the simulator has."""
        return [str(task["id"]) for task in self.simulator.control("GET", "tasks")]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Simulator, str]]:
    """A gateway with nothing but an Ark upstream: the page's models are built-in names."""
    folder = tmp_path_factory.mktemp("seed")
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator("ark", folder, speed=60))
        gateway = Gateway(folder, upstream(simulator, "ark"))
        key = gateway.create_keys("reader")["reader"]
        yield stack.enter_context(gateway), simulator, key


@pytest.fixture
def reader(servers: tuple[Gateway, Simulator, str], tmp_path: Path) -> Reader:
    """A reader with an empty folder."""
    return Reader(*servers, tmp_path)


@pytest.mark.parametrize("name", DIGESTS)
def test_samples_are_the_page_s(name: str) -> None:
    """A sample differs from the page in white space only."""
    bare = re.sub(r"\s", "", (SAMPLES / name).read_text("utf-8"))
    assert hashlib.sha256(bare.encode()).hexdigest() == DIGESTS[name]


def test_curl_create_poll_download(reader: Reader, record_property: Recorder) -> None:
    """The page's three steps work in curl: the answers have its keys, in its order, and the link gives the file."""
    record_property("cell", "1|curl|ark")
    created: dict[str, Any] = json.loads(reader.shell("create.sh"))
    assert list(created)[:7] == FIRST_KEYS
    assert created["task_id"] == created["id"]
    assert re.fullmatch(r"cgt-\d{14}-[a-z0-9]{5}", created["id"])
    assert (created["object"], created["model"]) == ("video", "seedance-2.0-fast")
    assert (created["status"], created["progress"]) == ("queued", 0)
    done = until(
        lambda: json.loads(reader.shell("poll.sh", created["id"])),
        lambda video: video["status"] not in ("queued", "in_progress"),
    )
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["created_at"] <= done["completed_at"]
    assert done["metadata"]["usage"]["total_tokens"] > 0
    assert {"resolution", "duration", "ratio", "framespersecond", "seed"} <= set(done["metadata"])
    assert (done["metadata"]["resolution"], done["metadata"]["duration"]) == ("480p", 4)
    reader.shell("download.sh", link=done["metadata"]["url"])
    assert (reader.folder / "my-cat.mp4").read_bytes()[4:8] == b"ftyp"


def test_curl_ark(reader: Reader) -> None:
    """The page's Volcengine-style calls answer in Ark's own shape: `{"id"}`, then all fields at the top."""
    created = json.loads(reader.shell("ark-create.sh"))
    assert list(created) == ["id"]
    done = until(
        lambda: json.loads(reader.shell("ark-poll.sh", env={"TASK_ID": created["id"]})),
        lambda task: task["status"] not in ("queued", "running"),
    )
    assert (done["id"], done["model"], done["status"]) == (created["id"], "seedance-2.0-pro", "succeeded")
    assert done["content"]["video_url"].startswith("http")
    assert done["usage"]["completion_tokens"] == done["usage"]["total_tokens"] > 0
    assert done["execution_expires_after"] == 172800
    wanted = {"seed", "resolution", "duration", "ratio", "framespersecond", "created_at", "updated_at"}
    assert wanted <= set(done)


def test_python_sample(reader: Reader) -> None:
    """The page's Python program creates, polls and downloads."""
    said = reader.run(python("requests"), "-c", PYTHON_RUNNER, str(reader.sample("generate.py")))
    assert "Status: completed" in said
    assert f"Saved to my-cat.mp4 ({(reader.folder / 'my-cat.mp4').stat().st_size} bytes)" in said


def test_python_sample_on_a_failed_task(reader: Reader) -> None:
    """A failed task has an error object, or the page's `data.get("error", {}).get("message")` would raise."""
    before = set(reader.tasks())
    with reader.running(python("requests"), "-c", PYTHON_RUNNER, str(reader.sample("generate.py"))) as sample:
        fail_newest(reader, before)
        said, _ = sample.communicate(timeout=PATIENCE)
    assert "Task failed: the cat ran away" in said
    assert sample.returncode == 0


def test_node_sample(reader: Reader) -> None:
    """The page's Node program creates and polls to the link."""
    said = reader.run(node(), *preload(), str(reader.sample("generate.mjs")))
    assert "Status: completed" in said
    assert "Video ready: http" in said


def test_node_sample_on_a_failed_task(reader: Reader) -> None:
    """The page's Node program names the failure's message."""
    before = set(reader.tasks())
    with reader.running(node(), *preload(), str(reader.sample("generate.mjs"))) as sample:
        fail_newest(reader, before)
        said, _ = sample.communicate(timeout=PATIENCE)
    assert "Task failed: the cat ran away" in said


def preload() -> list[str]:
    """The words that make Node's timers faster before a program starts."""
    return ["--import", f"data:text/javascript,{urllib.parse.quote(NODE_PRELOAD)}"]


def fail_newest(reader: Reader, before: set[str]) -> None:
    """Let the task that appears next fail, however far it is."""
    task_id = until(lambda: set(reader.tasks()) - before, bool).pop()
    reader.simulator.force(task_id, "failed", error={"code": "InternalServiceError", "message": "the cat ran away"})
