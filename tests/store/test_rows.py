"""Values and columns: nothing is lost on the way to a database and back."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import StoreError
from proxy.model import Snapshot, TaskError, TaskStatus
from proxy.store import rows
from tests.store.made import DONE, QUEUED, ROW, call

LARGEST = Decimal("9223372036854.775807")
amounts = st.decimals(min_value=-LARGEST, max_value=LARGEST, places=6)
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(amounts)
def test_amounts_with_six_decimals_come_back_exactly(amount: Decimal) -> None:
    """An amount of at most six decimals is the same after it was kept."""
    assert rows.amount(rows.micros(amount)) == amount


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=9))
def test_finer_amounts_are_rounded_half_even(amount: Decimal) -> None:
    """Further decimals are rounded half-even, whatever the surrounding decimal context says."""
    with localcontext() as context:
        context.prec = 40
        expected = amount.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    with localcontext() as context:
        context.prec = 5
        kept = rows.micros(amount)
    assert rows.amount(kept) == expected


@given(st.lists(st.decimals(min_value=0, max_value=10**6, places=8), max_size=20))
def test_a_sum_of_kept_amounts_is_the_sum_of_rounded_amounts(amounts: list[Decimal]) -> None:
    """Adding whole millionths is adding the rows as they were rounded: no rounding hides in a sum."""
    total = sum(rows.micros(amount) or 0 for amount in amounts)
    assert rows.amount(total) == sum((rows.amount(rows.micros(amount)) or Decimal(0) for amount in amounts), Decimal(0))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("0", 0), ("-0", 0), ("0.0000005", 0), ("0.0000015", 2), ("1E+3", 10**9), ("9223372036854.775807", 2**63 - 1)],
)
def test_edges_of_amounts(text: str, kept: int) -> None:
    """The edges of rounding and of size are kept as they should be."""
    assert rows.micros(Decimal(text)) == kept


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "9223372036854.775808", "1E+40", "sNaN"])
def test_an_amount_that_cannot_be_kept_is_an_error(text: str) -> None:
    """What is no number, or too large for 63 bits of millionths, is refused in a sentence."""
    with pytest.raises(StoreError, match="finite number below"):
        rows.micros(Decimal(text))


def test_no_amount_is_no_amount() -> None:
    """Absent stays absent in both directions; it never becomes 0."""
    assert rows.micros(None) is None
    assert rows.amount(None) is None


@given(st.dictionaries(st.text(), json, max_size=4), st.sampled_from(TaskStatus))
def test_snapshots_come_back(facts: dict[str, object], status: TaskStatus) -> None:
    """Whatever JSON an upstream says, the snapshot read back equals the one kept."""
    snapshot = Snapshot(
        status=status, status_word="x", facts=facts, raw=facts, error=TaskError("a", "b"), usage=DONE.usage
    )
    assert rows.snapshot_of(rows.to_json(snapshot) or "") == snapshot


def test_read_only_mappings_are_kept_as_objects() -> None:
    """A mapping that is no dict is a JSON object like any other."""
    assert rows.to_json(MappingProxyType({"a": MappingProxyType({})})) == '{"a":{}}'


def test_what_json_cannot_hold_is_an_error() -> None:
    """A value without a JSON form is refused by its type, and not shown."""
    with pytest.raises(StoreError, match="not JSON serializable: set"):
        rows.to_json({"a": {1, 2}})


@pytest.mark.parametrize(
    ("request_tier", "snapshot", "tier"),
    [
        (None, None, "default"),
        ("flex", None, "flex"),
        ("flex", QUEUED, "flex"),
        ("flex", DONE, "default"),
        (5, None, "default"),
    ],
)
def test_the_service_tier_of_a_task(request_tier: object, snapshot: Snapshot | None, tier: str) -> None:
    """The upstream's word comes first, then the request's, then Ark's default."""
    assert rows.task_facts({"service_tier": request_tier}, snapshot) == (snapshot and snapshot.status, tier)


def test_a_price_needs_an_amount_and_a_currency() -> None:
    """A report adds an amount only with its currency; anything else counts as unpriced."""
    assert rows.priced(ROW) == ("CNY", 5_009_400)
    assert rows.priced(call(cost=None)) == ("", 0)
    assert rows.priced(call(currency=None)) == ("", 0)
    assert rows.priced(call(cost=Decimal(0))) == ("CNY", 0)
