"""`arkbridge db prune`: counts, and what is left."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result

from proxy.store import Store
from tests.cli.conftest import OnStore
from tests.store.made import DONE, QUEUED, ROW, task

Cli = Callable[..., Result]


@pytest.fixture
def old_task(on_store: OnStore) -> None:
    """A task that ended in 1970, with prompt and raw body, and its row in the ledger."""

    async def add(store: Store) -> None:
        await store.add_task(task(1, idempotency_key="i"))
        await store.accept_task("k-1", "cgt-1", QUEUED, None)
        assert await store.settle("k-1", DONE, 150.0, replace(ROW, task_key="k-1"))

    on_store(add)


def prompt(cli: Cli) -> object:
    """The prompt that is kept."""
    return json.loads(cli("tasks", "show", "cgt-1", "--json").stdout)["request"].get("prompt")


@pytest.mark.usefixtures("old_task")
def test_prune(cli: Cli) -> None:
    """A dry run counts and changes nothing; the prune counts the same and forgets; the ledger goes only if asked for."""
    words = ("db", "prune", "--before", "2026-01-01")
    dry = cli(*words, "--dry-run")
    assert (dry.exit_code, dry.stderr) == (0, "Nothing was changed: this was a dry run.\n")
    assert prompt(cli) == "a cat 猫"
    done = cli(*words)
    assert done.stdout == dry.stdout
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        "prompts": "1",
        "bodies": "1",
        "deliveries": "0",
        "idempotency": "1",
        "commands": "0",
        "ledger": "0",
    }
    assert prompt(cli) is None
    assert json.loads(cli("usage", "--json").stdout)[0]["calls"] == 1
    again = json.loads(cli(*words, "--ledger", "--json").stdout)
    assert again == {
        "dry_run": False,
        "prompts": 0,
        "bodies": 0,
        "deliveries": 0,
        "idempotency": 0,
        "commands": 0,
        "ledger": 1,
    }
    assert json.loads(cli("usage", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("prune",), 2, "--before"),
        (("prune", "--before", "long ago"), 2, "'long ago' is no date"),
        (("prune", "--before", "2099-01-01"), 1, "only what is past can be forgotten"),
    ],
)
def test_refusals(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    """A limit must be there, be a date, and be past."""
    done = cli("db", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
