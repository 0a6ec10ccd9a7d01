"""`arkbridge simulate`: a real process that answers."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import tool
from tests.support.processes import ARKBRIDGE, Server

CREATE = json.dumps({"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": "a cat"}]}).encode()


def create(url: str, key: str) -> int:
    """The status of a create with this key."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v3/contents/generations/tasks", data=CREATE, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_it_serves_and_keeps_its_key(tmp_path: Path) -> None:
    """It says where it is, takes the one key, and keeps its tasks in the file."""
    state = tmp_path / "state.json"
    words = ["simulate", "--port", "0", "--speed", "100", "--key", "good", "--state", str(state)]
    with Server([*ARKBRIDGE, *words], tmp_path, tmp_path / "log") as server:
        assert create(server.url, "good") == 200
        assert create(server.url, "bad") == 401
        assert "/api/v3; one key is good" in server.words()
        assert server.stop() in (0, -signal.SIGTERM)
    assert b"cgt-" in state.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dialect", "grpc"), "'ark', 'openai', 'newapi'"),
        (("--speed", "0"), "0"),
        (("--port", "70000"), "0<=x<=65535"),
        (("--sped", "2"), "'--speed'"),
    ],
)
def test_refusals(words: tuple[str, ...], said: str) -> None:
    """Wrong options are wrong usage, told with what is accepted."""
    done = CliRunner().invoke(tool, ["simulate", *words], prog_name="arkbridge")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
