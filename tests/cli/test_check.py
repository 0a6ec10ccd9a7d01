"""`arkbridge check`: all mistakes at once, or `ok`, and no trace of either."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from proxy.cli import tool
from proxy.store import Store
from tests.cli.conftest import OnStore
from tests.store.made import task

Cli = Callable[..., Result]
KEY = {"KEY_OF_THE_TEST": "canary-upstream-key"}


def test_ok(cli: Cli, tmp_path: Path) -> None:
    """A right configuration is one line that says what it is; nothing is made."""
    done = cli("check", env=KEY)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"ok: {tmp_path}/config.toml: 1 upstream (ark), 5 named models, others go to ark")
    assert list(tmp_path.iterdir()) == [tmp_path / "config.toml"]


def test_ok_as_json(cli: Cli) -> None:
    """With --json the same is told in fields."""
    told = json.loads(cli("check", "--json", env=KEY).stdout)
    assert (told["ok"], told["upstreams"], told["passthrough"], told["simulate"]) == (True, ["ark"], "ark", False)
    assert "seedance-2.0-fast" in told["models"]


def test_all_mistakes(cli: Cli, config_file: Path) -> None:
    """Every mistake is a line with its place, the missing secret too, and the exit code is 1."""
    config_file.write_text(config_file.read_text("utf-8") + "[server]\nprot = 1\n", "utf-8")
    done = cli("check", env={"ARKBRIDGE_LOG__FORMAT": "xml"})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the configuration has 3 mistakes" in done.stderr
    assert f"{config_file}:10: upstream[0].api_key: the environment variable KEY_OF_THE_TEST is not set" in done.stderr
    assert f'{config_file}:12: server.prot: there is no such key; did you mean "port"?' in done.stderr
    assert "environment: ARKBRIDGE_LOG__FORMAT: 'xml' is not one of the choices" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_as_json(cli: Cli, config_file: Path) -> None:
    """With --json each mistake has its fields, and the exit code is 1 too."""
    done = cli("check", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert [(one["file"], one["line"], one["key"]) for one in told["mistakes"]] == [
        (str(config_file), 10, "upstream[0].api_key")
    ]


def test_open_tasks_of_an_upstream_that_is_gone(cli: Cli, config_file: Path, on_store: OnStore) -> None:
    """What the database says against a start is a mistake, too; looking changes nothing."""

    async def add(store: Store) -> None:
        await store.add_task(task(1, upstream="gone"))

    on_store(add)
    data = config_file.parent / "data"
    before = {file.name: file.read_bytes() for file in data.iterdir()}
    done = cli("check", env=KEY)
    assert (done.exit_code, done.stdout) == (1, "")
    assert (
        f"{config_file}: upstream: 'gone' is gone but still has open tasks; keep it with retired = true" in done.stderr
    )
    told = json.loads(cli("check", "--json", env=KEY).stdout)
    assert [one["key"] for one in told["mistakes"]] == ["upstream"]
    assert {file.name: file.read_bytes() for file in data.iterdir()} == before


def test_a_database_that_is_none(cli: Cli, config_file: Path) -> None:
    """A file that is no database is a mistake of store.url."""
    (config_file.parent / "data").mkdir()
    (config_file.parent / "data" / "arkbridge.db").write_text("no database, but long enough to be looked at " * 9)
    done = cli("check", env=KEY)
    assert done.exit_code == 1
    assert "store.url: the database" in done.stderr
    assert "not a SQLite database" in done.stderr


def test_file_from_the_environment(config_file: Path) -> None:
    """ARKBRIDGE_CONFIG names the file where --config does not."""
    done = CliRunner().invoke(tool, ["check"], env={"ARKBRIDGE_CONFIG": str(config_file), **KEY})
    assert done.stdout.startswith(f"ok: {config_file}")
    done = CliRunner().invoke(tool, ["check"], env={"ARKBRIDGE_CONFIG": "/no/such/file.toml"})
    assert done.exit_code == 1
    assert "/no/such/file.toml: file: it cannot be read" in done.stderr
