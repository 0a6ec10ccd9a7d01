"""The SDKs that tests drive: each in an environment of its own, built once from its hash-locked folder under tests/sdk."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.processes import PATIENCE, ROOT, Lines, environment
from tests.support.require import missing, program

LOCKS = ROOT / "tests" / "sdk"
BUILT = ROOT / ".cache" / "sdk"
# The name that a skip has: what runs on Node counts as `node`, the linter as itself, every Python SDK as `sdks`.
_NODE = ("node-", "openai-node-")


def folder(name: str) -> Path:
    """The built environment of tests/sdk/NAME, made now if its lock has changed; otherwise the test is skipped by name."""
    lock = _lock(name)
    built = BUILT / name
    digest = hashlib.sha256(f"{platform.platform()} {sys.version} {ROOT}".encode() + lock.read_bytes()).hexdigest()
    stamp = built / ".digest"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != digest:
            shutil.rmtree(built, ignore_errors=True)
            _build(name, lock, built)
            stamp.write_text(digest)
    return built


def python(name: str) -> str:
    """The interpreter of a Python SDK's environment."""
    return str(folder(name) / "bin" / "python")


def node() -> str:
    """The Node.js that the lock names, or the machine's own where that has no build for this machine."""
    found = sorted((folder("node-22") / "node_modules").glob("node-*/bin/node"))
    return str(found[0]) if found else program("node", "node")


def command(client: str) -> list[str]:
    """The command that starts the driver of a client, by the name of its folder under tests/sdk."""
    if client.startswith("openai-node-"):
        return [node(), str(LOCKS / "drivers" / "openai_node.mjs"), str(folder(client))]
    if client.startswith("openai-py-"):
        return [python(client), "-m", "tests.sdk.drivers.openai_py"]
    module = "arkruntime" if client == "arkruntime" else "volcenginesdkarkruntime"
    return [python(client), "-m", "tests.sdk.drivers.ark_py", module]


@dataclass(frozen=True)
class Reply:
    """What one call of an SDK came to: its value as JSON, or its exception; and every exchange its HTTP client had."""

    value: Any
    error: dict[str, Any] | None
    exchanges: list[dict[str, Any]]
    slept: list[float]

    def ok(self) -> Any:
        """The value; an exception fails the test with what it said."""
        if self.error is not None:
            raise AssertionError(f"{self.error['class']} {self.error['status_code']}: {self.error['message']}")
        return self.value

    def refused(self) -> dict[str, Any]:
        """The exception; a value fails the test."""
        if self.error is None:
            raise AssertionError(f"expected an exception, got {self.value!r}")
        return self.error


class Driver:
    """One client: a process in the SDK's environment that takes a command at a time."""

    def __init__(self, client: str, log: Path) -> None:
        self.client = client
        self._log = log.open("a")
        self._process = subprocess.Popen(
            command(client),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("a piped child has an input and an output")
        self._input, self._output = self._process.stdin, self._process.stdout
        self._lines = Lines(self._output)

    def call(self, op: str, base_url: str, key: str, **command: object) -> Reply:
        """Run one call; the words of a command are told in tests/sdk/drivers."""
        self._input.write(json.dumps({"op": op, "base_url": base_url, "key": key, **command}) + "\n")
        self._input.flush()
        line = self._lines.next()
        if line is None:
            raise AssertionError(f"the driver of {self.client} ended:\n{Path(self._log.name).read_text()}")
        reply = json.loads(line)
        return Reply(reply.get("value"), reply.get("error"), reply["exchanges"], reply["slept"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._input.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._lines.join()
        self._output.close()
        self._log.close()


def _need(name: str) -> str:
    if name.startswith(_NODE):
        return "node"
    return name if name == "hadolint" else "sdks"


def _lock(name: str) -> Path:
    return LOCKS / name / ("package-lock.json" if _need(name) == "node" else "requirements.txt")


def _build(name: str, lock: Path, built: Path) -> None:
    if _need(name) == "node":
        npm = program("node", "npm")
        built.mkdir(parents=True)
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, built)
        _run(name, [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], built)
        return
    pip = [sys.executable, "-m", "pip", "--python", str(built / "bin" / "python"), "--disable-pip-version-check"]
    _run(name, [sys.executable, "-m", "venv", "--without-pip", str(built)], BUILT)
    _run(name, [*pip, "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes", "-r", str(lock)], BUILT)


def _run(name: str, command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=dict(os.environ), capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-600:]
        missing(_need(name), f"the environment {name} could not be built by `{' '.join(command)}`: {said}")
