"""The wheel by itself: built as `make wheel` does, installed into an empty environment by the hash lock, started, called."""

import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.processes import ROOT, Server, copy_checkout, environment
from tests.support.require import program


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a fresh copy of the checkout, by the Makefile's own recipe."""
    copy = copy_checkout(tmp_path_factory.mktemp("wheel") / "checkout")
    # DEV= leaves the set-up out: this interpreter's environment is what set-up makes.
    run([program("make", "make"), "wheel", "DEV=", f"PY={sys.executable}"], copy)
    (built,) = (copy / "dist").glob("arkbridge-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that has nothing but the lock and the wheel."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(home)], wheel.parent)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-compile"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")], wheel.parent)
    run([*pip, "--no-deps", "--no-index", str(wheel)], wheel.parent)
    return home / "bin"


def run(command: list[str], cwd: Path) -> str:
    """What a command prints; a bad end fails the test with it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_contents(wheel: Path) -> None:
    """The wheel holds the package with its data files and the licence, and no tests, locks or configuration."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "proxy" in tops
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "proxy").rglob("*") if path.is_file()}
    expected = {name for name in package if "__pycache__" not in name}
    assert {name for name in names if name.startswith("proxy/")} == expected
    assert any(name.endswith("/LICENSE") for name in names)


def test_starts_without_configuration_and_answers(installed: Path, tmp_path: Path) -> None:
    """Installed and started in an empty folder it serves the built-in simulator, and the first key creates a video."""
    command = [str(installed / "arkbridge"), "serve", "--port", "0"]
    with Server(command, tmp_path, tmp_path / "server.log", environment(PATH=os.environ["PATH"])) as server:
        first_key = tmp_path / "data" / "first-key"
        assert stat.S_IMODE(first_key.stat().st_mode) == 0o600
        key = first_key.read_text().strip()
        assert re.fullmatch(r"sk-ab-[0-9A-Za-z]{43}", key)
        body = {"model": "seedance-2.0-fast", "prompt": "a cat", "seconds": "4"}
        answer = httpx.post(
            f"{server.url}/v1/videos", json=body, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "queued"
        assert str(first_key.relative_to(tmp_path)) in server.words()
        assert key not in server.words()
