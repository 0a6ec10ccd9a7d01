"""`arkbridge doctor`: every step of the chain, sound and broken."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from proxy.cli.doctor import FAIL, OK, SKIP, WARN, clock, disk, judged, probing, public_url, secret_files
from proxy.config import load
from proxy.model import Dialect, Upstream
from proxy.simulator import Settings, background, create_app

Cli = Callable[..., Result]
KEY = {"KEY_OF_THE_TEST": "canary-upstream-key"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /healthz with 200 and everything else with 404."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    """A server that could be a gateway."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def simulator() -> Iterator[str]:
    """An Ark that takes one key."""
    with background(create_app(Settings(key="canary-upstream-key"))) as origin:
        yield f"{origin}/api/v3"


def states(done: Result) -> dict[str, str]:
    """State by step."""
    return {one["what"]: one["state"] for one in json.loads(done.stdout)}


def test_all_well(cli: Cli, config_file: Path, simulator: str, web: str) -> None:
    """With a sound chain every step is ok and the exit code is 0."""
    text = config_file.read_text("utf-8").replace("http://127.0.0.1:9/api/v3", simulator)
    config_file.write_text(f'{text}\n[server]\npublic_url = "{web}"\n', "utf-8")
    done = cli("doctor", "--json", env=KEY)
    assert done.exit_code == 0, done.stdout
    found = states(done)
    assert set(found.values()) == {"ok"}
    assert {"configuration", "database", "disk", "upstream ark", "clock against upstream ark", "public address"} <= set(
        found
    )
    assert "canary" not in done.output


def test_wrong_key(cli: Cli, config_file: Path, simulator: str) -> None:
    """Of several keys the one that the upstream refuses is told by its number."""
    text = config_file.read_text("utf-8").replace("http://127.0.0.1:9/api/v3", simulator)
    both = 'api_keys = [ { env = "KEY_OF_THE_TEST" }, { env = "OTHER_KEY" } ]'
    config_file.write_text(text.replace('api_key = { env = "KEY_OF_THE_TEST" }', both), "utf-8")
    done = cli("doctor", env=KEY | {"OTHER_KEY": "canary-other-key"})
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line[:4] for line in lines if "key 1 of 2" in line] == ["ok  "]
    (refused,) = (line for line in lines if "key 2 of 2" in line)
    assert refused.startswith("FAIL")
    assert "refuses the key (401)" in refused
    assert "canary" not in done.output


def test_unreachable(cli: Cli) -> None:
    """An upstream that does not answer fails, with what to check."""
    done = cli("doctor", env=KEY)
    assert done.exit_code == 1
    assert "FAIL  upstream ark: http://127.0.0.1:9/api/v3 does not answer" in done.stdout
    assert "check base_url and the network" in done.stdout


def test_database_that_cannot_be_made(cli: Cli, config_file: Path, tmp_path: Path) -> None:
    """A database in the place of a file fails; the other steps are told all the same."""
    (tmp_path / "data").write_text("a file", "utf-8")
    done = cli("doctor", "--json", env=KEY)
    assert done.exit_code == 1
    assert states(done)["database"] == "fail"
    assert "upstream ark" in states(done)


def test_simulator_is_skipped(tmp_path: Path, cli: Cli, config_file: Path) -> None:
    """The built-in simulator starts with the gateway, so there is nothing to look at; that is no failure."""
    config_file.write_text(f'[store]\nurl = "sqlite:///{tmp_path}/data/arkbridge.db"\n', "utf-8")
    done = cli("doctor", "--json", env={"ARK_API_KEY": None})
    assert done.exit_code == 0
    assert states(done)["upstream simulator"] == states(done)["public address"] == "skip"


def test_readable_secrets(tmp_path: Path) -> None:
    """A secret file that every user can read is a warning that says what to do."""
    secret = tmp_path / "key"
    secret.write_text("canary-upstream-key", "utf-8")
    text = f'[store]\nurl = "sqlite:///{tmp_path}/x.db"\n[server]\nsecret = {{ file = "{secret}" }}\n'
    (tmp_path / "c.toml").write_text(text, "utf-8")
    config = load(tmp_path / "c.toml", {})
    for mode, state in ((0o600, OK), (0o640, OK), (0o644, WARN)):
        secret.chmod(mode)
        assert [finding.state for finding in secret_files(config)] == [state]
    assert f"chmod 600 {secret}" in next(secret_files(config)).found


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (200, OK, "takes the key"),
        (429, OK, "busy"),
        (401, FAIL, "refuses the key"),
        (403, FAIL, "refuses the key"),
        (404, WARN, "base_url ends at the version"),
        (500, FAIL, "answers with 500"),
        (302, WARN, "tells nothing of the key"),
    ],
)
def test_statuses(status: int, state: str, said: str) -> None:
    """Each answer of an upstream means something for address and key."""
    finding = judged("upstream u", Upstream(name="u", dialect=Dialect.OPENAI, base_url="http://h/v1"), status)
    assert finding.state == state
    assert said in finding.found


@pytest.mark.parametrize(
    ("now", "state", "said"),
    [
        (1795488000, OK, "0 s"),
        (1795488020, OK, "20 s ahead"),
        (1795487900, WARN, "100 s behind; set this machine's clock"),
        (1795491600, FAIL, "3600 s ahead"),
    ],
)
def test_clock(now: float, state: str, said: str) -> None:
    """A clock that is off by half a minute is a warning, by five minutes a failure."""
    finding = clock("upstream u", "Tue, 24 Nov 2026 02:40:00 GMT", now)
    assert finding.state == state
    assert said in finding.found


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_no_date(date: str) -> None:
    """Without a date there is nothing to compare."""
    assert clock("upstream u", date, 0.0).state == SKIP


def test_disk(tmp_path: Path) -> None:
    """Free space is told for the place where the data will be, though it is not there yet."""
    (tmp_path / "c.toml").write_text(f'[store]\nurl = "sqlite:///{tmp_path}/a/b/x.db"\n', "utf-8")
    assert "GiB free" in disk(load(tmp_path / "c.toml", {})).found


@pytest.mark.parametrize(("path", "state"), [("", OK), ("/elsewhere", FAIL)])
async def test_public_url(tmp_path: Path, web: str, path: str, state: str) -> None:
    """The public address must lead to something that answers /healthz with 200."""
    (tmp_path / "c.toml").write_text(f'[server]\npublic_url = "{web}{path}"\n', "utf-8")
    async with probing() as probe:
        assert (await public_url(load(tmp_path / "c.toml", {}), probe)).state == state
