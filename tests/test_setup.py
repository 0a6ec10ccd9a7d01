"""Set-up by make: `make` lists the targets, and `make run` needs nothing of ours to be there before."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.processes import ROOT, copy_checkout, environment
from tests.support.require import program

# Interpreters as some systems ship them, each a wrapper around the one that runs the tests.
CRIPPLED = {
    "without ensurepip": 'case " $* " in *" -m venv "*" --without-pip "*) ;; *" -m venv "*) exit 1 ;; esac',
    "without venv": 'case " $* " in *" -m venv "*) exit 1 ;; esac',
    "without venv and pip": 'case " $* " in *" -m venv "*|*" -m pip "*) exit 1 ;; esac',
}


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """One run of make with nothing of this test's environment in it."""
    command: Sequence[str] = [program("make", "make"), *words]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def interpreter(folder: Path, crippled: str) -> Path:
    """A Python that lacks something."""
    base = subprocess.check_output(["python3", "-c", "import sys; print(sys._base_executable)"], text=True).strip()
    path = folder / "crippled-python"
    path.write_text(f'#!/bin/sh\n{CRIPPLED[crippled]}\nexec "{base}" "$@"\n')
    path.chmod(0o755)
    return path


def test_make_alone_lists_the_targets() -> None:
    """`make` names every target with what it does, and sets nothing up."""
    done = make(ROOT)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = re.findall(r"^make ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(set(phony[1].split()) - {"FORCE"})


def test_bench_says_what_is_missing(tmp_path: Path) -> None:
    """`make bench` without measurements fails with one plain sentence."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    done = make(tmp_path, "bench", "DEV=")
    assert done.returncode != 0
    assert "bench/__main__.py is missing" in done.stdout


def test_no_interpreter_is_said_plainly(tmp_path: Path) -> None:
    """Where no environment can be made, make names what it tried and what to install."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    python = interpreter(tmp_path, "without venv and pip")
    done = make(tmp_path, "run", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"tried: {python} (has neither ensurepip nor a pip that could be used)" in done.stdout
    assert "needed: Python 3.11 or newer" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("crippled", ["", "without ensurepip", "without venv"])
def test_make_run_on_a_fresh_machine(tmp_path: Path, crippled: str) -> None:
    """From a bare copy, whose path has a blank, `make run` sets up and starts; the second time it installs nothing."""
    copy = copy_checkout(tmp_path / "fresh clone")
    words = ["run", "ARGS=--help", *([f"PYTHON={interpreter(tmp_path, crippled)}"] if crippled else [])]
    first, second = make(copy, *words), make(copy, *words)
    assert first.returncode == 0, first.stdout
    assert "installing what the gateway needs" in first.stdout
    assert "Usage: arkbridge serve" in first.stdout
    assert second.returncode == 0, second.stdout
    assert second.stdout.startswith("Usage: arkbridge serve")


@pytest.mark.long
def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path) -> None:
    """A broken .venv (its interpreter was upgraded away) does not have to be removed by hand."""
    copy = copy_checkout(tmp_path / "clone")
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "bin" / "python").symlink_to(tmp_path / "gone")
    (copy / ".venv" / ".created").touch()
    (copy / ".venv" / ".run").touch()
    done = make(copy, "run", "ARGS=--help")
    assert done.returncode == 0, done.stdout
    assert "Usage: arkbridge serve" in done.stdout
