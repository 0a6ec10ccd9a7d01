"""Time zones by their IANA names. UTC needs no list of zones on the machine, which some have not."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def zone(name: str) -> tzinfo:
    """The time zone of that name; what ZoneInfo raises (OSError, ValueError, KeyError) for one that this machine does not know."""
    return UTC if name == "UTC" else ZoneInfo(name)
