"""`arkbridge tasks`: what the store knows of tasks, and what an upstream wrote cannot steer the terminal."""

import dataclasses
import json
from collections.abc import Callable

import pytest
from click.testing import Result

from proxy.model import Dialect, Snapshot, TaskError, TaskRecord, TaskStatus, Usage
from proxy.store import Store
from tests.cli.conftest import OnStore

Cli = Callable[..., Result]


@pytest.fixture
def tasks(on_store: OnStore) -> None:
    """A task that runs, one that failed, and one whose fate is unknown."""

    async def add(store: Store) -> None:
        for number in (1, 2, 3):
            await store.add_task(
                TaskRecord(
                    key=f"key{number}",
                    caller="alice" if number == 1 else "bob",
                    key_prefix="sk-ab-Abc123",
                    upstream="ark",
                    dialect=Dialect.OPENAI,
                    operation="videos.create",
                    original_model="seedance-2.0-fast",
                    request_model="doubao-seedance-2-0-fast-260128",
                    request_id=f"req_{number}",
                    created_at=1_795_449_600.0 + number,
                    request={"prompt": "a cat"},
                )
            )
        running = Snapshot(status=TaskStatus.RUNNING, status_word="running", facts={"resolution": "480p"})
        failed = Snapshot(
            status=TaskStatus.FAILED,
            status_word="failed",
            error=TaskError("Odd\x1b[31m", "red\nlines"),
            usage=Usage(total_tokens=7),
        )
        await store.accept_task("key1", "cgt-1", running, None)
        await store.accept_task("key2", "cgt-2", failed, None)

    on_store(add)


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), ["cgt-2", "cgt-1"]),
        (("list",), ["cgt-2", "cgt-1"]),
        (("--caller", "alice"), ["cgt-1"]),
        (("--status", "failed"), ["cgt-2"]),
        (("list", "--limit", "1"), ["cgt-2"]),
        (("--status", "expired"), []),
    ],
)
def test_list(cli: Cli, words: tuple[str, ...], ids: list[str]) -> None:
    """`tasks` and `tasks list` show the newest first, of one caller or in one state if wanted."""
    assert [one["id"] for one in json.loads(cli("tasks", *words, "--json").stdout)] == ids


@pytest.mark.usefixtures("tasks")
def test_table(cli: Cli) -> None:
    """The table has a line for each task."""
    heading, _, *lines = cli("tasks").stdout.splitlines()
    assert heading.split() == ["id", "caller", "model", "status", "tokens", "created_at", "ended_at", "upstream"]
    assert [line.split()[3] for line in lines] == ["failed", "running"]


@pytest.mark.usefixtures("tasks")
def test_show(cli: Cli) -> None:
    """A task is shown by its id or by our key, with its facts; control characters of the upstream are made visible."""
    assert "resolution      480p" in cli("tasks", "show", "cgt-1").stdout
    shown = cli("tasks", "show", "cgt-2").stdout
    assert "Odd\\x1b[31m: red\\nlines" in shown
    assert "\x1b" not in shown
    whole = json.loads(cli("tasks", "show", "key3", "--json").stdout)
    assert (whole["state"], whole["request"], whole["created_at"]) == (
        "submitting",
        {"prompt": "a cat"},
        "2026-11-23T16:00:03Z",
    )


@pytest.mark.usefixtures("tasks")
def test_callback(cli: Cli, on_store: OnStore) -> None:
    """How far the callback to the caller has got is told: of which state, the attempts, why it failed; null where none is owed."""
    assert json.loads(cli("tasks", "show", "cgt-1", "--json").stdout)["callback"] is None

    async def fail(store: Store) -> None:
        record = await store.task_by_key("key3")
        assert record is not None
        await store.add_task(dataclasses.replace(record, key="key4", request={"callback_url": "http://c.example/x"}))
        await store.accept_task("key4", "cgt-4", Snapshot(status=TaskStatus.RUNNING, status_word="running"), None)
        (delivery,) = await store.due_deliveries(9e9, 9)
        await store.end_delivery(delivery, "dead", "it answered 500", None)

    on_store(fail)
    callback = json.loads(cli("tasks", "show", "cgt-4", "--json").stdout)["callback"]
    assert callback == {
        "of": "running",
        "state": "dead",
        "attempts": 1,
        "reason": "it answered 500",
        "url": "http://c.example/x",
    }
    shown = cli("tasks", "show", "cgt-4").stdout
    assert "callback_state     dead\n" in shown
    assert "callback_reason    it answered 500\n" in shown


def test_nothing_there(cli: Cli) -> None:
    """Without tasks the list says so, and showing one fails with what to do."""
    assert cli("tasks").stdout == "There is no such task.\n"
    done = cli("tasks", "show", "cgt-9")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "`arkbridge tasks` lists" in done.stderr


def test_wrong_words(cli: Cli) -> None:
    """An unknown state is refused with those there are; the help is the group's."""
    done = cli("tasks", "--status", "done")
    assert done.exit_code == 2
    assert "succeeded" in done.stderr
