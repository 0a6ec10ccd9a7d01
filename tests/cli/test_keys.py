"""`arkbridge keys`: the key shows once and nowhere else, and what is told of it is right."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from proxy.app import signer
from proxy.config import Config
from proxy.signing import Purpose
from proxy.store import Store
from tests.cli.conftest import OnStore

Cli = Callable[..., Result]
KEY = re.compile(r"sk-ab-(admin-)?[0-9A-Za-z]{43}")


def test_create_prints_the_key_alone(cli: Cli) -> None:
    """`$(arkbridge keys create NAME)` is the key; what a person has to know is on stderr."""
    done = cli("keys", "create", "alice")
    assert done.exit_code == 0
    assert KEY.fullmatch(done.stdout.removesuffix("\n"))
    assert "the key 'alice' of the caller 'alice'" in done.stderr
    assert done.stdout.strip() not in done.stderr


def test_create_as_json(cli: Cli) -> None:
    """With --json the key is a field beside what `show` tells."""
    made = json.loads(cli("keys", "create", "ci", "--caller", "team", "--expires", "2099-01-02", "--json").stdout)
    assert list(made)[:4] == ["name", "caller", "key", "prefix"]
    assert (made["name"], made["caller"], made["admin"], made["state"]) == ("ci", "team", False, "live")
    assert made["key"].startswith(made["prefix"])
    assert made["expires_at"] == "2099-01-01T16:00:00Z"


def test_admin_key(cli: Cli) -> None:
    """--admin makes the other kind of key."""
    assert cli("keys", "create", "root", "--admin").stdout.startswith("sk-ab-admin-")
    assert json.loads(cli("keys", "show", "root", "--json").stdout)["admin"] is True


def test_the_key_is_kept_nowhere(cli: Cli, tmp_path: Path) -> None:
    """After it was shown no command tells a key again, and no file of ours holds it."""
    key = cli("keys", "create", "alice").stdout.strip()
    told = cli("keys", "list").output + cli("keys", "list", "--json").output + cli("keys", "show", "alice").output
    assert key[:12] in told
    assert key not in told
    files = [path for path in (tmp_path / "data").iterdir() if path.is_file()]
    assert files
    assert not any(key.encode() in path.read_bytes() for path in files)


def test_list(cli: Cli) -> None:
    """The list has every key with its state; without keys it says how to make one."""
    assert "arkbridge keys create NAME" in cli("keys", "list").stdout
    assert json.loads(cli("keys", "list", "--json").stdout) == []
    for name in ("a", "b"):
        cli("keys", "create", name, "--caller", name)
    cli("keys", "revoke", "a")
    lines = cli("keys", "list").stdout.splitlines()
    assert lines[0].split() == ["name", "caller", "prefix", "admin", "state", "created_at", "expires_at", "revoked_at"]
    assert [line.split()[4] for line in lines[2:]] == ["revoked", "live"]
    assert [row["name"] for row in json.loads(cli("keys", "list", "--caller", "b", "--json").stdout)] == ["b"]


def test_revoke(cli: Cli) -> None:
    """A key is revoked once; the second time there is nothing left to do, and that is said."""
    cli("keys", "create", "alice")
    assert "is revoked" in cli("keys", "revoke", "alice").stdout
    assert json.loads(cli("keys", "show", "alice", "--json").stdout)["state"] == "revoked"
    again = cli("keys", "revoke", "alice")
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith("Error: ")
    assert again.stderr.count("\n") == 1


def test_rotate(cli: Cli) -> None:
    """A rotation prints a new key; the old one lives on for the grace period."""
    old = cli("keys", "create", "alice").stdout.strip()
    done = cli("keys", "rotate", "alice", "--grace", "7d")
    assert KEY.fullmatch(done.stdout.strip())
    assert done.stdout.strip() != old
    assert "another 7d" in done.stderr
    ends = [row["expires_at"] for row in json.loads(cli("keys", "list", "--json").stdout)]
    assert [end is None for end in ends] == [False, True]


def test_set(cli: Cli) -> None:
    """A key's end can be changed and taken away."""
    cli("keys", "create", "alice")
    assert "2099-06-30T16:00:00Z" in cli("keys", "set", "alice", "--expires", "2099-07-01").stdout
    changed = json.loads(cli("keys", "set", "alice", "--expires", "never", "--json").stdout)
    assert changed["expires_at"] is None


def test_webhook_secret(cli: Cli, on_store: OnStore, config: Config) -> None:
    """It is printed alone, as SDKs take it: the caller's, the one that the gateway signs with, and with --json beside the rest."""
    cli("keys", "create", "laptop", "--caller", "alice")
    cli("keys", "create", "phone", "--caller", "alice")
    cli("keys", "create", "bob")
    told = {name: cli("keys", "show", name, "--webhook-secret").stdout for name in ("laptop", "phone", "bob")}

    async def signing(store: Store) -> bytes:
        return (await signer(config, store)).key(Purpose.WEBHOOK, "alice")

    assert told["laptop"] == told["phone"] == f"whsec_{base64.b64encode(on_store(signing)).decode()}\n"
    assert told["bob"] != told["laptop"]
    row = json.loads(cli("keys", "show", "laptop", "--webhook-secret", "--json").stdout)
    assert (row["webhook_secret"], row["caller"]) == (told["laptop"].strip(), "alice")
    assert "webhook_secret" not in cli("keys", "show", "laptop", "--json").stdout


def test_webhook_secret_of_a_configured_secret(cli: Cli, config_file: Path) -> None:
    """Where `server.secret` is configured this shell must have it, and is told so; the secret itself shows nowhere."""
    cli("keys", "create", "alice")
    generated = cli("keys", "show", "alice", "--webhook-secret").stdout
    config_file.write_text('[server]\nsecret = { env = "SECRET" }\n' + config_file.read_text("utf-8"), "utf-8")
    done = cli("keys", "show", "alice", "--webhook-secret", env={"KEY_OF_THE_TEST": "k"})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the environment variable SECRET is not set" in done.stderr
    done = cli("keys", "show", "alice", "--webhook-secret", env={"KEY_OF_THE_TEST": "k", "SECRET": "canary-secret"})
    assert done.stdout.startswith("whsec_")
    assert done.stdout != generated
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "a", "--expires", "soon"), 2, "'soon' is no date; write 2026-12-31"),
        (("create", "a", "--expires", "2001-01-01"), 1, "would have expired already"),
        (("create", "a/b"), 1, "choose one without /"),
        (("create",), 2, "Missing argument 'NAME'"),
        (("create", "a", "--expire", "1d"), 2, "Did you mean '--expires'?"),
        (("show", "nobody"), 1, "arkbridge keys list"),
        (("revoke", "nobody"), 1, "arkbridge keys list"),
        (("rotate", "nobody"), 1, "arkbridge keys list"),
        (("rotate", "nobody", "--grace", "long"), 2, "write 90s, 15m, 24h"),
        (("set", "nobody", "--expires", "never"), 1, "arkbridge keys list"),
        (("set", "nobody"), 2, "--expires"),
        (("crate", "a"), 2, "Did you mean"),
    ],
)
def test_refusals(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    """What cannot be done is told in a sentence that says what to do, with 2 for wrong usage and 1 for the rest."""
    done = cli("keys", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
