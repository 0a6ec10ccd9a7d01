"""`arkbridge callers`."""

import json
from collections.abc import Callable

from click.testing import Result

Cli = Callable[..., Result]


def test_list_and_suspend(cli: Cli) -> None:
    """A caller appears with its first key, is suspended and admitted again."""
    assert "arkbridge keys create NAME" in cli("callers", "list").stdout
    cli("keys", "create", "alice")
    assert "suspended   yes" in cli("callers", "suspend", "alice").stdout
    assert [(one["name"], one["suspended"]) for one in json.loads(cli("callers", "list", "--json").stdout)] == [
        ("alice", True)
    ]
    assert json.loads(cli("callers", "suspend", "alice", "--lift", "--json").stdout)["suspended"] is False
    assert cli("callers", "list").stdout.splitlines()[2].split()[:2] == ["alice", "no"]


def test_unknown_caller(cli: Cli) -> None:
    """Suspending nobody fails and says how to see who there is."""
    done = cli("callers", "suspend", "nobody")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "arkbridge callers list" in done.stderr
