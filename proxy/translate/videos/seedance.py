"""What we know of the Seedance models, for translating only: never to refuse a value that an upstream could judge (contract.md §6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"seedance[-_ ]?v?(\d)[-._](\d)(?!\d)(?:[-_](?:pro[-_])?(fast|mini|lite))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A line of models (ark-wire.md §2.2, §2.5).

    `series` names its column of the pixel table; `references` tells whether unlabelled images become references; `start` and `pace` are
    seconds of work: once, and per second of 720p video (fitted to the tasks quoted in ark-wire.md §3.1 and the quick start, an estimate).
    """

    series: str
    resolutions: tuple[str, ...]
    references: bool = False
    default_resolution: str = "720p"
    start: float = 60
    pace: float = 45


_480_720 = ("480p", "720p")
_TO_1080 = ("480p", "720p", "1080p")
_TO_4K = ("480p", "720p", "1080p", "4k")

FAMILIES: Mapping[tuple[str, str], Family] = {
    ("2.5", ""): Family(series="2.5", resolutions=_TO_1080, references=True),
    ("2.0", ""): Family(series="2.0", resolutions=_TO_4K, references=True),
    ("2.0", "fast"): Family(series="2.0", resolutions=_480_720, references=True, start=40, pace=33),
    ("2.0", "mini"): Family(series="2.0", resolutions=_480_720, references=True, start=40, pace=25),
    ("1.5", ""): Family(series="2.0", resolutions=_TO_1080),
    ("1.0", ""): Family(series="1.0", resolutions=_TO_1080, default_resolution="1080p", start=30, pace=20),
    ("1.0", "fast"): Family(series="1.0", resolutions=_TO_1080, default_resolution="1080p", start=20, pace=10),
    ("1.0", "lite"): Family(series="1.0", resolutions=_TO_1080, start=20, pace=15),
}

# What a model is taken for when its name does not say (an endpoint id, an alias): the current line, without limits of its own.
UNKNOWN = Family(series="2.0", resolutions=_TO_4K, references=True)


def family(model: str) -> Family:
    """The family that a model's name tells, in Ark's, BytePlus's, the Agent Plan's or a reseller's spelling; else `UNKNOWN`."""
    match = _NAME.search(model)
    if match is None:
        return UNKNOWN
    version, variant = f"{match[1]}.{match[2]}", (match[3] or "").lower()
    return FAMILIES.get((version, variant)) or FAMILIES.get((version, "")) or UNKNOWN
