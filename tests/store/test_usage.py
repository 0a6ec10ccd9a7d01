"""Usage reports against plain sums in Python; nothing here knows which database it is."""

from decimal import Decimal

import pytest

from proxy.errors import StoreError
from proxy.store import Store, UsageFilter
from tests.store.made import ROW, call
from tests.store.plain import plain, wanted_reports, year_of_rows


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Paris", "Asia/Kathmandu", "America/Santiago"])
async def test_a_report_is_the_sum_of_its_rows(store: Store, timezone: str) -> None:
    """Every grouping of every period, for all callers and for one, equals what adding row by row gives."""
    rows = year_of_rows()
    await store.add_rows(rows)
    for wanted in wanted_reports(timezone):
        assert await store.usage(wanted) == plain(rows, wanted), wanted


async def test_currencies_are_never_added(store: Store) -> None:
    """There is one sum per currency, and one without an amount for what has no price; a free call is priced at 0."""
    await store.add_rows(
        [
            call(1, cost=Decimal("0.1")),
            call(2, cost=Decimal("0.2")),
            call(3, cost=Decimal("0.3"), currency="USD"),
            call(4, cost=None),
            call(5, cost=Decimal(0), currency="EUR"),
        ]
    )
    found = [(total.currency, total.cost, total.calls) for total in await store.usage(UsageFilter())]
    assert found == [(None, None, 1), ("CNY", Decimal("0.3"), 2), ("EUR", Decimal(0), 1), ("USD", Decimal("0.3"), 1)]


async def test_an_adjustment_corrects_and_is_no_call(store: Store) -> None:
    """An adjustment adds its tokens and cost, negative ones too, without counting as a call or an error."""
    await store.add_rows([ROW, call(1, kind="adjustment", cost=Decimal("-5"), error_code="late", total_tokens=-900)])
    (total,) = await store.usage(UsageFilter())
    assert (total.calls, total.errors, total.total_tokens, total.cost) == (1, 0, 108000, Decimal("0.0094"))


async def test_an_empty_ledger_has_no_groups(store: Store) -> None:
    """Without rows a report is empty, grouped or not."""
    assert await store.usage(UsageFilter()) == []
    assert await store.usage(UsageFilter(by=("day", "caller"), timezone="Europe/Paris", since=0.0)) == []


async def test_a_group_that_does_not_exist_is_an_error(store: Store) -> None:
    """A report by something else than the six groups is refused and names them."""
    with pytest.raises(StoreError, match="caller, key, model, family, day, upstream"):
        await store.usage(UsageFilter(by=("caller", "prompt")))


async def test_an_unknown_timezone_is_an_error(store: Store) -> None:
    """A report by days of a timezone nobody knows is refused, not answered in another one."""
    with pytest.raises(StoreError, match="timezone"):
        await store.usage(UsageFilter(by=("day",), timezone="Mars/Olympus"))
