"""A new family is one folder and one line (docs/architecture.md): proved on a copy of the checkout that gets one."""

import difflib
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from tests.support.processes import ROOT, Server, copy_checkout, environment
from tests.support.servers import Simulator

LINE = "from proxy.translate.toy.family import FAMILY as TOY"


def with_toy(target: Path) -> Path:
    """A copy of the checkout with the folder tests/toy as proxy/translate/toy, and one import in the registry."""
    copy = copy_checkout(target)
    shutil.copytree(copy / "tests" / "toy", copy / "proxy" / "translate" / "toy")
    registry = copy / "proxy" / "translate" / "registry.py"
    lines = registry.read_text("utf-8").splitlines(keepends=True)
    last = max(index for index, line in enumerate(lines) if line.startswith("from proxy.translate."))
    registry.write_text("".join([*lines[: last + 1], LINE + "\n", *lines[last + 1 :]]), "utf-8")
    return copy


def changed(before: Path, after: Path) -> list[str]:
    """What differs between two trees, as `git diff --stat` would tell it: added files, and lines added to or taken from others."""
    told = []
    for path in sorted((after / "proxy").rglob("*.py")):
        old = before / path.relative_to(after)
        if not old.exists():
            told.append(f"new {path.relative_to(after).parent.as_posix()}")
            continue
        lines = difflib.ndiff(old.read_text("utf-8").splitlines(), path.read_text("utf-8").splitlines())
        told += [line for line in lines if line.startswith(("+ ", "- "))]
    return sorted(set(told))


def test_a_family_is_one_folder_and_one_line(tmp_path: Path) -> None:
    """With one folder and one line more, both routes are served, translated, sent upstream and accounted."""
    copy = with_toy(tmp_path / "copy")
    assert changed(ROOT, copy) == [f"+ {LINE}", "new proxy/translate/toy"]
    config = tmp_path / "config.toml"
    with Simulator("openai", tmp_path / "sim") as simulator:
        config.write_text(
            f'[[upstream]]\nname = "up"\ndialect = "openai"\nbase_url = "{simulator.base_url}"\napi_key = {{ env = "TOY_KEY" }}\n'
        )
        fault = {
            "match": "POST /v1/toy",
            "times": 2,
            "fault": "answer",
            "status": 200,
            "body": '{"toy":"bear","tokens":7}',
        }
        simulator.control("POST", "faults", fault)
        env = environment(PYTHONPATH=str(copy), TOY_KEY="key-of-the-toy-upstream")
        command = [sys.executable, "-P", "-m", "proxy", "serve", "--port", "0", "--config", str(config)]
        with Server(command, tmp_path, tmp_path / "gateway.log", env) as gateway:
            key = (tmp_path / "data" / "first-key").read_text("ascii").strip()
            for path in ("/v1/toy", "/api/v3/toy"):
                answer = httpx.post(
                    gateway.url + path, json={"model": "m"}, headers={"authorization": f"Bearer {key}"}, trust_env=False
                )
                assert (answer.status_code, answer.json()) == (200, {"toy": "bear", "tokens": 7, "model": "m"}), (
                    answer.text
                )
            words = [sys.executable, "-P", "-m", "proxy", "usage", "--by", "family", "--json", "--config", str(config)]
            told = subprocess.run(words, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
            assert '"toy"' in told.replace("'", '"')
            assert "14" in told
