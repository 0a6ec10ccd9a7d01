"""Dates, times and durations as people write them on the command line."""

import re
import time
from collections.abc import Mapping
from datetime import datetime

import click

from proxy.config import Config, zone

UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
LONGEST = 100 * 366 * 86400
LATEST = 253402300800.0  # the year 10000, which no date can name


def duration(text: str) -> float | None:
    """`90s`, `15m`, `24h`, `7d` or `2w` in seconds, or None; a hundred years at most."""
    match = DURATION.fullmatch(text)
    seconds = int(match[1]) * UNITS[match[2]] if match else LONGEST + 1
    return float(seconds) if seconds <= LONGEST else None


def point(text: str | None, option: str, config: Config, *, ahead: bool = False) -> float | None:
    """A date or time (in the accounting time zone unless it has an offset), or a duration from now, ago or ahead, as unix seconds."""
    if text is None:
        return None
    away = duration(text)
    if away is not None:
        return time.time() + (away if ahead else -away)
    try:
        parsed = datetime.fromisoformat(text)
        seconds = (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone(config.accounting.timezone))).timestamp()
    except (ValueError, OverflowError):
        seconds = LATEST
    if seconds >= LATEST:
        raise click.BadParameter(
            f"{text[:40]!r} is no date; write 2026-12-31, 2026-12-31T18:00 or a duration such as 7d",
            param_hint=f"'{option}'",
        )
    return seconds


def span(text: str, option: str) -> float:
    """A duration in seconds."""
    seconds = duration(text)
    if seconds is None:
        raise click.BadParameter(
            f"{text[:40]!r} is no duration; write 90s, 15m, 24h, 7d or 2w", param_hint=f"'{option}'"
        )
    return seconds
