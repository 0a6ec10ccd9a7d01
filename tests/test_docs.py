"""The documents are complete: every configuration key, every command with its options, every route."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from proxy.cli import tool
from proxy.config import known_keys, variables
from proxy.translate.registry import FAMILIES
from proxy.web.routes import NOT_BUILT, PREFIX

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "config.example.toml"
COMMANDS = ROOT / "docs" / "cli.md"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
OUR_ROUTES = ("/healthz", "/readyz", "/metrics", "/v1/usage")

HEADER = re.compile(r"#? ?\[+([a-z]+)\]+")
KEY = re.compile(r"(?:# )?([a-z_]+) = (.*)")
INNER = re.compile(r"[{,] ?([a-z_]+) = ")
SECRET = re.compile(r"\{ (?:env|file) = ")
COMMENT = re.compile(r"#(?: #)? [A-Za-z0-9].*[.;:]")


def written() -> Iterator[tuple[str, str]]:
    """Every key of the example as `section.key`, with the line above it; commented ones and keys in inline tables too."""
    section, above = "", ""
    for line in EXAMPLE.read_text("utf-8").splitlines():
        header, pair = HEADER.fullmatch(line), KEY.fullmatch(line)
        if header:
            section = header[1] + ("[]" if "[[" in line else "")
        elif pair:
            yield f"{section}.{pair[1]}", above
            if pair[2].startswith("[ {"):
                yield from ((f"{section}.{pair[1]}[].{inner}", above) for inner in INNER.findall(pair[2]))
            elif pair[2].startswith("{ ") and not SECRET.match(pair[2]):
                yield from ((f"{section}.{pair[1]}.{inner}", above) for inner in INNER.findall(pair[2]))
        above = line


def test_example_has_every_key() -> None:
    """config.example.toml has every key that the code knows."""
    assert set(known_keys()) - {key for key, _ in written()} == set()


def test_example_has_no_other_key() -> None:
    """config.example.toml has no key that the code does not know, the parts of a secret aside."""
    secrets = {"upstream[].api_keys[].env", "upstream[].api_keys[].file"}
    assert {key for key, _ in written()} - set(known_keys()) - secrets == set()


def test_example_explains_every_key() -> None:
    """Above each key of config.example.toml stands a sentence, or the key that it is another form of."""
    explained = {key for key, above in written() if COMMENT.fullmatch(above)}
    another_form = {"upstream[].api_keys", "model[].upstream_model"}
    assert set(known_keys()) - explained == another_form


def test_environment_is_exemplified() -> None:
    """The variable that config.example.toml shows is one that the code knows."""
    assert set(re.findall(r"ARKBRIDGE_\w+__\w+", EXAMPLE.read_text("utf-8"))) <= set(variables())


def commands(group: click.Group, words: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that name it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{words}{name} ")
        else:
            yield words + name, command


@pytest.mark.parametrize(("words", "command"), list(commands(tool)), ids=[words for words, _ in commands(tool)])
def test_every_command_is_documented(words: str, command: click.Command) -> None:
    """docs/cli.md has a line with each command and all of its options."""
    text = COMMANDS.read_text("utf-8")
    assert f"`{words}`" in text
    names = words.replace("tasks list", "tasks [list]")
    lines = [line for line in text.splitlines() if f"arkbridge {names}" in line]
    assert lines
    wanted = [parameter.opts[0] for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option for option in wanted if not any(option in line for line in lines)] == []


def test_no_other_command_is_documented() -> None:
    """docs/cli.md speaks of no command that there is not."""
    text = COMMANDS.read_text("utf-8")
    known = {words.split()[0] for words, _ in commands(tool)} | {"COMMAND"}
    assert set(re.findall(r"^(?:.*\()?arkbridge (\w+)", text, re.MULTILINE)) - known == set()


def paths() -> Iterator[str]:
    """Every path that answers, and every path that says `not_served`."""
    yield from OUR_ROUTES
    for dialect, prefix in PREFIX.items():
        for family in FAMILIES:
            for operation in family.operations:
                yield from (prefix + path for _, path in operation.routes.get(dialect, ()))
        yield from (prefix + path.removesuffix("{rest:path}") for path in NOT_BUILT[dialect])


@pytest.mark.skipif(not READMES[0].exists(), reason="there is no README.md yet")
def test_every_route_is_documented() -> None:
    """Each path stands in README.md or in docs/, served or said not to be."""
    documents = "\n".join(path.read_text("utf-8") for path in (READMES[0], *sorted((ROOT / "docs").rglob("*.md"))))
    assert sorted({path for path in paths() if path not in documents}) == []


@pytest.mark.skipif(not READMES[0].exists(), reason="there is no README.md yet")
@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_readme_names_commands_that_exist(readme: Path) -> None:
    """A README tells nobody to type a command that there is not."""
    known = {words.split()[0] for words, _ in commands(tool)}
    told = set(re.findall(r"^\s*(?:\.venv/bin/)?arkbridge ([a-z]+)", readme.read_text("utf-8"), re.MULTILINE))
    assert told - known == set()
