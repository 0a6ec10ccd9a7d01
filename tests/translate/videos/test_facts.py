"""Facts, tokens, money and the life of a link."""

from decimal import Decimal

import pytest

from proxy.model import Dialect, Snapshot, TaskRecord, TaskStatus, Usage
from proxy.translate.videos import facts


def record(usage: Usage | None = None, cost: Decimal | None = None, currency: str | None = None) -> TaskRecord:
    return TaskRecord(
        key="k",
        caller="c",
        key_prefix="p",
        upstream="ark",
        dialect=Dialect.ARK,
        operation="videos.create",
        original_model="m",
        request_model="m",
        request_id="r",
        created_at=1.0,
        snapshot=Snapshot(status=TaskStatus.SUCCEEDED, status_word="succeeded", usage=usage),
        cost=cost,
        currency=currency,
    )


def test_facts_are_typed() -> None:
    """Known names are kept, numbers that are none and unknown names are not."""
    body = {"seed": 7, "duration": "5", "frames": "many", "ratio": "16:9", "draft": False, "other": 1, "tools": None}
    assert facts.facts(body) == {"seed": 7, "duration": 5, "ratio": "16:9", "draft": False}


def test_usage_in_several_words() -> None:
    """Ark's, OpenAI's and new-api's words for tokens are read; an object without tokens is no usage."""
    ark = facts.usage({"completion_tokens": 40594, "total_tokens": 40594, "tool_usage": {"web_search": 1}})
    assert ark is not None
    assert (ark.output_tokens, ark.total_tokens) == (40594, 40594)
    assert ark.raw["tool_usage"] == {"web_search": 1}
    other = facts.usage({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    assert other == Usage(1, 2, 3, raw={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    for nothing in (None, {}, {"cost": 1}, "many", {"completion_tokens": "x"}):
        assert facts.usage(nothing) is None


@pytest.mark.parametrize(
    ("cost", "shown"),
    [("1.867324", 1.867324), ("0.0000005", 0.0), ("0.0000015", 0.000002), ("0", 0.0), ("2", 2.0)],
)
def test_amounts_have_six_decimals(cost: str, shown: float) -> None:
    """The cost is a JSON number rounded half-even to six decimals, beside its currency."""
    assert facts.shown_usage(record(None, Decimal(cost), "CNY")) == {"cost": shown, "currency": "CNY"}


def test_usage_shows_tokens_and_our_price_only() -> None:
    """Tokens keep the upstream's own members, and an upstream's price is never shown as ours."""
    raw = {"completion_tokens": 5, "total_tokens": 5, "cost": 9, "currency": "USD", "tool_usage": {}}
    used = Usage(output_tokens=5, total_tokens=5, raw=raw)
    assert facts.shown_usage(record(used)) == {"completion_tokens": 5, "total_tokens": 5, "tool_usage": {}}
    both = facts.shown_usage(record(used, Decimal("0.1"), "CNY"))
    assert both == {"completion_tokens": 5, "total_tokens": 5, "tool_usage": {}, "cost": 0.1, "currency": "CNY"}
    assert facts.shown_usage(record()) is None
    assert facts.shown_usage(record(None, Decimal(1))) is None


def snapshot(url: str | None, updated: int | None = 1000) -> Snapshot:
    return Snapshot(status=TaskStatus.SUCCEEDED, status_word="succeeded", video_url=url, updated_at=updated)


@pytest.mark.parametrize(
    ("url", "expiry"),
    [
        ("https://h/v.mp4?X-Tos-Date=20260527T085620Z&X-Tos-Expires=86400&X-Tos-Signature=a", 1779872180 + 86400),
        ("https://h/v.mp4?X-Tos-Date=soon&X-Tos-Expires=86400", 1000 + 86400),
        ("https://h/v.mp4", 1000 + 86400),
        ("https://[", 1000 + 86400),
        (None, None),
    ],
)
def test_link_expiry(url: str | None, expiry: int | None) -> None:
    """A signed link says when it dies; any other dies a day after the end; no link, no date."""
    assert facts.link_expiry(snapshot(url)) == expiry


def test_raw_bodies_belong_to_their_dialect() -> None:
    """A body is merged into answers of its own dialect only."""
    held = Snapshot(status=TaskStatus.QUEUED, status_word="queued", facts={facts.DIALECT: "ark"}, raw={"a": 1})
    assert facts.raw_of(held, Dialect.ARK) == {"a": 1}
    assert facts.raw_of(held, Dialect.OPENAI) == {}
    assert facts.raw_of(None, Dialect.ARK) == {}
    priced = Snapshot(
        status=TaskStatus.FAILED,
        status_word="failed",
        facts={facts.DIALECT: "ark"},
        raw={"callback_url": "https://gw/cb?token=t", "usage": {"cost": 0, "currency": "USD", "x": 1}},
    )
    assert facts.raw_of(priced, Dialect.ARK) == {"usage": {"x": 1}}
