"""How failures become sentences and exit codes."""

import errno
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from proxy.cli.frame import Tool, read_config
from proxy.errors import ArkbridgeError, ConfigError, Mistake, StoreError


def outcome(failure: Exception) -> Result:
    """What a command that raises this tells."""

    @click.group(cls=Tool)
    def tool() -> None:
        """A tool of one command."""

    @tool.command()
    def fail() -> None:
        """Fail."""
        raise failure

    return CliRunner().invoke(tool, ["fail"])


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (StoreError("the database is full; free some space"), "Error: the database is full; free some space\n"),
        (ExceptionGroup("x", [ExceptionGroup("y", [ArkbridgeError("a; b")])]), "Error: a; b\n"),
        (
            OSError(errno.EADDRINUSE, "Address in use"),
            "Error: Address in use; another program listens there: end it, or choose another --port\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "Error: /x: Permission denied; this user may not do that",
        ),
        (OSError("odd"), "Error: odd; check the path and the permissions\n"),
        (
            ConfigError([Mistake("f", 1, "k", "m")]),
            "Error: the configuration has 1 mistake:\n  f:1: k: m\nconfig.example.toml shows every key.\n",
        ),
    ],
)
def test_failures(failure: Exception, said: str) -> None:
    """What the program raises on purpose is told in its words, with exit 1 and no traceback."""
    done = outcome(failure)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(said)


def test_bugs_stay_bugs() -> None:
    """What nobody expected is not dressed up as a failure of the user's."""
    assert isinstance(outcome(ZeroDivisionError()).exception, ZeroDivisionError)
    assert isinstance(outcome(ExceptionGroup("x", [ZeroDivisionError()])).exception, ZeroDivisionError)


def test_secrets_are_not_needed_beside_a_gateway(config_file: Path) -> None:
    """What only needs the store works in a shell without the upstream's key; what calls upstreams does not."""
    assert len(read_config(config_file, secrets=False).upstreams[0].api_keys) == 1
    with pytest.raises(ConfigError, match="KEY_OF_THE_TEST"):
        read_config(config_file)
