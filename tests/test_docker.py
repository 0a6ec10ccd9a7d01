"""The Dockerfile: read by a linter and checked for what a linter does not know. No engine is needed."""

import json
import re
import shlex
import subprocess

import pytest

from tests.support.processes import ROOT
from tests.support.sdk import folder

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """The Dockerfile's instructions in order, continuation lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(word, rest) for word, rest in pairs]


def final_stage() -> list[Instruction]:
    """The instructions after the last FROM, that one included."""
    found = instructions()
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def only(word: str) -> str:
    """The one instruction of this kind in the final stage."""
    rests = [rest for kind, rest in final_stage() if kind == word]
    assert len(rests) == 1, f"{len(rests)} times {word}"
    return rests[0]


def test_hadolint() -> None:
    """A Dockerfile linter has nothing to say."""
    linter = folder("hadolint") / "bin" / "hadolint"
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stages_stand_on_one_pinned_image() -> None:
    """Both stages use the same slim Python, so that the environment of the first runs in the second."""
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert images == ["python:3.13-slim"] * 2


def test_every_install_is_by_hash_or_without_dependencies() -> None:
    """What comes from outside has hashes, nothing is cached, and no system package is installed."""
    runs = [part.strip() for word, rest in instructions() if word == "RUN" for part in rest.split("&&")]
    installs = [run for run in runs if "pip install" in run]
    assert len(installs) == 3
    for install in installs:
        assert "--no-cache-dir" in install
        assert "--require-hashes" in install or "--no-index --no-deps" in install
    assert not any(re.search(r"\bapt|\bapk|curl|wget", run) for run in runs)


def test_runs_unprivileged() -> None:
    """The final stage runs as a numeric user that is not root, and that user owns /data."""
    user = only("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    owned = [rest for word, rest in final_stage() if word == "COPY" and f"--chown={user}" in rest]
    assert len(owned) == 1
    assert owned[0].endswith(" /data")


def test_root_may_be_read_only() -> None:
    """Only the volume is written: no byte code, the default data folder is the volume, and the final stage runs nothing."""
    assert only("VOLUME") == "/data"
    assert only("WORKDIR") == "/"
    assert "PYTHONDONTWRITEBYTECODE=1" in shlex.split(only("ENV"))
    assert not [rest for word, rest in final_stage() if word == "RUN"]


def test_starts_the_gateway() -> None:
    """The image is the command: `docker run arkbridge keys list` works, and without words it serves on every address."""
    assert json.loads(only("ENTRYPOINT")) == ["arkbridge"]
    assert json.loads(only("CMD")) == ["serve", "--host", "0.0.0.0"]
    assert only("EXPOSE") == "8686"


def test_health_is_asked_with_python() -> None:
    """The health check needs nothing but Python, and its program compiles."""
    check = only("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "/healthz" in command[2]


def test_context_holds_what_is_copied() -> None:
    """Everything the builder copies exists and passes .dockerignore, which lets nothing else in."""
    passed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copies = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from=" not in rest]
    copied = {source for sources in copies for source in sources}
    assert copied == passed
    assert [source for source in sorted(copied) if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", [".venv", ".git", "data", "config.toml", ".env"])
def test_context_leaves_secrets_out(name: str) -> None:
    """Whatever could hold a key or data is not sent to the engine."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in lines if not line.startswith("#")]
    assert patterns[0] == "*"
    assert f"!{name}" not in patterns
