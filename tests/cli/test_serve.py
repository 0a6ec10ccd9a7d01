"""`arkbridge serve`: the first start, the second, and starts that cannot be."""

import os
import pty
import re
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from proxy.cli.serve import first_key
from tests.support.processes import ARKBRIDGE, PATIENCE, Server, checkout_environment

Cli = Callable[..., Result]
KEY = "sk-ab-" + "k" * 43
SERVE = [*ARKBRIDGE, "serve", "--port", "0"]


def test_first_and_second_start(tmp_path: Path) -> None:
    """Without a terminal the first key goes into a file of its owner's, and the banner names it; the second start makes none."""
    file = tmp_path / "data" / "first-key"
    server = Server(SERVE, tmp_path, tmp_path / "log")
    with server:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert re.fullmatch(r"sk-ab-[0-9A-Za-z]{43}\n", file.read_text("ascii"))
        words = server.words()
        assert f"OpenAI SDKs  base URL {server.url}/v1" in words
        assert f"Ark SDKs     base URL {server.url}/api/v3" in words
        assert "*** SIMULATOR ***" in words
        assert "Bearer $(cat data/first-key)" in words
        assert file.read_text("ascii").strip() not in words
        assert words.count("\nready http://127.0.0.1:") == 1
        assert server.stop() == 0
    first = file.read_text("ascii")
    with server:
        assert file.read_text("ascii") == first
        assert server.stop() == 0


def test_environment_and_options(tmp_path: Path) -> None:
    """A setting may come from the environment; an option on the command line wins over it."""
    env = checkout_environment(ARKBRIDGE_SERVER__HOST="127.0.0.1", ARKBRIDGE_SERVER__PORT="1")
    with Server(SERVE, tmp_path, tmp_path / "log", env) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.stop() == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_first_key(tmp_path: Path, *, terminal: bool) -> None:
    """A terminal shows the first key; anything else gets the name of a file that only its owner can read."""
    file = tmp_path / "data" / "first-key"
    assert first_key(None, file, terminal=terminal) is None
    handed = first_key(KEY, file, terminal=terminal)
    assert handed is not None
    assert (handed.text, handed.file) == ((KEY, None) if terminal else (None, file))
    if not terminal:
        assert file.read_text("ascii") == f"{KEY}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(file.parent.iterdir()) == [file]
        again = first_key(None, file, terminal=True)
        assert again is not None
        assert (again.text, again.file) == (None, file)


def test_workers(cli: Cli) -> None:
    """More than one worker is wrong usage that says what it would need."""
    done = cli("serve", "--workers", "2", env={"KEY_OF_THE_TEST": "canary-upstream-key"})
    assert (done.exit_code, done.stdout) == (2, "")
    assert "needs PostgreSQL and Redis" in done.stderr


def test_port_that_is_taken(cli: Cli) -> None:
    """A port that is taken is told in one sentence, and nothing else is printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("serve", "--port", str(port), env={"KEY_OF_THE_TEST": "canary-upstream-key"})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "another program listens there: end it, or choose another --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_stop_the_start(cli: Cli) -> None:
    """A configuration with mistakes starts nothing and tells them."""
    done = cli("serve")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "upstream[0].api_key: the environment variable KEY_OF_THE_TEST is not set" in done.stderr


def test_terminal(tmp_path: Path) -> None:
    """On a terminal the first key is shown once and pasted into the curl, and no file holds it."""
    screen, theirs = pty.openpty()
    shown = b""
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(SERVE, cwd=tmp_path, env=checkout_environment(), stdout=theirs, stderr=log) as process,
    ):
        os.close(theirs)
        try:
            while b"\nready http://" not in shown:
                shown += os.read(screen, 4096)
        finally:
            process.terminate()
            os.close(screen)
        assert process.wait(PATIENCE) == 0
    (key,) = set(re.findall(rb"sk-ab-[0-9A-Za-z]{43}", shown))
    assert b"shown this once" in shown
    assert b"Bearer " + key in shown
    assert not (tmp_path / "data" / "first-key").exists()
