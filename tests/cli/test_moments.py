"""Dates, times and durations as people write them."""

import time

import click
import pytest

from proxy.cli.moments import duration, point, span
from proxy.config import Config, load


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("24h", 86400),
        ("7d", 604800),
        ("2w", 1209600),
        ("0s", 0),
        ("1y", None),
        ("d", None),
        ("-1d", None),
        ("1.5h", None),
        ("٣d", None),
        ("999999999w", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    """A duration is a whole number with its unit."""
    assert duration(text) == seconds


def test_span() -> None:
    """What must be a duration and is none is wrong usage."""
    assert span("1h", "--grace") == 3600
    with pytest.raises(click.BadParameter, match="write 90s"):
        span("1 hour", "--grace")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24", 1795449600),
        ("2026-11-24T01:30", 1795455000),
        ("2026-11-24T00:00:00Z", 1795478400),
        ("2026-11-24T00:00:00-01:00", 1795482000),
    ],
)
def test_dates(config: Config, text: str, seconds: int) -> None:
    """A date is its first moment in the accounting time zone; an offset wins."""
    assert point(text, "--since", config) == seconds


def test_away(config: Config) -> None:
    """A duration is that long ago, or ahead where the option looks ahead."""
    before = time.time()
    ago, ahead = point("1h", "--since", config), point("1h", "--expires", config, ahead=True)
    after = time.time()
    assert ago is not None
    assert ahead is not None
    assert before <= ago + 3600 <= after
    assert before <= ahead - 3600 <= after


def test_none_and_utc() -> None:
    """No text is no moment; UTC needs no list of time zones."""
    config = load(None, {})
    assert point(None, "--since", config) is None
    assert point("1970-01-02", "--since", config) == 86400


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "24.11.2026", "9999-12-31T23:00-05:00", "999999999w", "9" * 50]
)
def test_no_dates(config: Config, text: str) -> None:
    """What is no date is wrong usage, told with the forms there are."""
    with pytest.raises(click.BadParameter, match="write 2026-12-31"):
        point(text, "--since", config)
