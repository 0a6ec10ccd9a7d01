"""Local days for reports: which day of a timezone an instant falls on, across every change of its clocks. Pure, no clock is read.

A day is a whole number: days since 1970-01-01. Instants are unix seconds.
"""

import math
from datetime import UTC, date, datetime, timedelta, tzinfo

from proxy.config import zones
from proxy.errors import StoreError

DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()


def zone(name: str) -> tzinfo:
    """The timezone of that IANA name; `StoreError` if this machine does not know it. UTC needs no timezone database."""
    try:
        return zones.zone(name)
    except (KeyError, ValueError, OSError) as error:
        raise StoreError(
            f"the timezone {name!r} is not known here: use an IANA name such as Asia/Shanghai or UTC"
        ) from error


def local_day(time: float, place: tzinfo) -> int:
    """The day on which this instant falls there; fractions of a second do not matter."""
    return datetime.fromtimestamp(math.floor(time), place).toordinal() - _EPOCH


def day_start(day: int, place: tzinfo) -> float:
    """The instant at which this day begins there (the first one, where clocks are put back over midnight)."""
    return datetime.fromordinal(day + _EPOCH).replace(tzinfo=place).timestamp()


def day_name(day: int) -> str:
    """`2026-11-24`."""
    return date.fromordinal(day + _EPOCH).isoformat()


def offsets(place: tzinfo, first: float, last: float) -> list[tuple[int, int]]:
    """Pairs (until, offset) that cover first … last: before the instant `until`, local time is `offset` seconds ahead of UTC."""
    at, end = math.floor(first), math.floor(last) + 1
    found: list[tuple[int, int]] = []
    while at < end:
        after = min(at + DAY, end)
        if _offset(after, place) != _offset(at, place):
            change = _change(at, after, place)
            found.append((change, _offset(at, place)))
        at = after
    return [*found, (end, _offset(end, place))]


def _change(before: int, after: int, place: tzinfo) -> int:
    """The first second in (before, after] whose offset is no longer that of `before`."""
    start = _offset(before, place)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, place) == start:
            before = middle
        else:
            after = middle
    return after


def _offset(time: int, place: tzinfo) -> int:
    ahead = datetime.fromtimestamp(time, UTC).astimezone(place).utcoffset() or timedelta()
    return int(ahead.total_seconds())
