"""`arkbridge usage`: sums of the ledger as a table, as JSON and as CSV."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from click.testing import Result

from proxy.model import LedgerRow
from proxy.store import Store
from tests.cli.conftest import OnStore

Cli = Callable[..., Result]

DAY = 1_795_449_600.0  # 2026-11-24T00:00:00+08:00


def row(caller: str, time: float, tokens: int, cost: str | None = None, currency: str | None = None) -> LedgerRow:
    """A settlement of that many tokens."""
    return LedgerRow(
        kind="settlement",
        time=time,
        request_id="req_1",
        caller=caller,
        key_prefix="sk-ab-Abc123",
        family="videos",
        operation="videos.create",
        dialect="openai",
        upstream="ark",
        original_model="seedance-2.0-fast",
        request_model="doubao-seedance-2-0-fast-260128",
        status="succeeded",
        output_tokens=tokens,
        total_tokens=tokens,
        cost=None if cost is None else Decimal(cost),
        currency=currency,
    )


@pytest.fixture
def ledger(on_store: OnStore) -> None:
    """Three settlements on two days, one of them with a price."""
    rows = [row("alice", DAY - 60, 100), row("alice", DAY + 60, 20, "0.5", "CNY"), row("=bob", DAY + 120, 3)]

    async def add(store: Store) -> None:
        await store.add_rows(rows)

    on_store(add)


@pytest.mark.usefixtures("ledger")
def test_by_caller(cli: Cli) -> None:
    """Without --by there is one row per caller and currency, and amounts are numbers."""
    rows = json.loads(cli("usage", "--json").stdout)
    told = [(one["caller"], one["calls"], one["total_tokens"], one["cost"], one["currency"]) for one in rows]
    assert sorted(told, key=str) == [
        ("=bob", 1, 3, None, None),
        ("alice", 1, 100, None, None),
        ("alice", 1, 20, 0.5, "CNY"),
    ]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        (("--by", "day"), {"2026-11-23": 100, "2026-11-24": 23}),
        (("--by", "day", "--since", "2026-11-24"), {"2026-11-24": 23}),
        (("--by", "day", "--until", "2026-11-24"), {"2026-11-23": 100}),
        (("--by", "day, caller", "--caller", "=bob"), {"2026-11-24": 3}),
    ],
)
def test_days_of_the_accounting_zone(cli: Cli, words: tuple[str, ...], tokens: dict[str, int]) -> None:
    """Days, --since and --until are those of accounting.timezone; --until is not counted itself."""
    found: dict[str, int] = {}
    for one in json.loads(cli("usage", *words, "--json").stdout):
        found[one["day"]] = found.get(one["day"], 0) + one["total_tokens"]
    assert found == tokens


@pytest.mark.usefixtures("ledger")
def test_csv_and_table(cli: Cli) -> None:
    """CSV has the fields of the JSON; the table says as much; one total needs no group."""
    rows = list(csv.DictReader(cli("usage", "--by", "model", "--csv").stdout.splitlines()))
    assert {one["model"] for one in rows} == {"seedance-2.0-fast"}
    assert sum(int(one["total_tokens"]) for one in rows) == 123
    assert cli("usage", "--by", "model").stdout.split()[:3] == ["model", "calls", "errors"]
    assert [one["calls"] for one in json.loads(cli("usage", "--by", "", "--json", "--caller", "=bob").stdout)] == [1]


def test_nothing_used(cli: Cli) -> None:
    """An empty report is a sentence, an empty list or an empty text, not a failure."""
    assert cli("usage").stdout == "Nothing was used in this time.\n"
    assert json.loads(cli("usage", "--json").stdout) == []
    assert cli("usage", "--csv").stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--by", "colour"), 1, "use any of caller, key, model, family, day, upstream"),
        (("--since", "yesterday"), 2, "'yesterday' is no date"),
        (("--since", "2026-11-24", "--until", "2026-11-23"), 1, "end before it begins"),
    ],
)
def test_refusals(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    """A wrong group or time is told with what is accepted."""
    done = cli("usage", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
