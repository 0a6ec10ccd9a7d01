"""Local days: every instant falls on the day that a calendar on the wall there would show."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import StoreError
from proxy.store.days import day_name, day_start, local_day, offsets, zone

# Half hours, three quarters, both hemispheres, changes at midnight, and a day that was left out (Apia, 2011-12-30).
PLACES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "Africa/Cairo", "Pacific/Apia")  # fmt: skip
START = datetime(2011, 6, 1, tzinfo=UTC).timestamp()
END = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
instants = st.floats(START, END)
places = st.sampled_from(PLACES)


@given(instants, places)
def test_a_day_begins_at_its_start(time: float, name: str) -> None:
    """The start of a day is on that day, a second before it is not, and no instant of the day comes before it."""
    place = zone(name)
    day = local_day(time, place)
    start = day_start(day, place)
    assert start <= time + 1
    assert local_day(start, place) == day
    assert local_day(start - 1, place) < day


@given(instants, st.floats(0, 900 * 86400), places)
def test_offsets_cover_a_period(first: float, length: float, name: str) -> None:
    """The pairs found for a period give the right offset for its instants, changes of the clocks included."""
    place = zone(name)
    found = offsets(place, first, first + length)
    assert [until for until, _ in found] == sorted(until for until, _ in found)
    instants = [first, first + length, first + length / 2, *(u for u, _ in found[:-1]), *(u - 1 for u, _ in found[:-1])]
    for time in instants:
        ahead = next((ahead for until, ahead in found if time < until), found[-1][1])
        assert (int(time) + ahead) // 86400 == local_day(time, place)


def test_days_have_names() -> None:
    """Days are counted from 1970 and named in ISO 8601."""
    assert day_name(0) == "1970-01-01"
    assert (
        day_name(
            local_day(
                datetime(2026, 11, 24, 23, 59, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp(), zone("Asia/Shanghai")
            )
        )
        == "2026-11-24"
    )


def test_utc_needs_no_timezone_database() -> None:
    """UTC is known on machines without a timezone database: the ledger needs it for every row."""
    assert zone("UTC") is UTC


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd"])
def test_an_unknown_timezone_is_an_error(name: str) -> None:
    """A name that is no timezone is refused with an example of one."""
    with pytest.raises(StoreError, match="Asia/Shanghai"):
        zone(name)
