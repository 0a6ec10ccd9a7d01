"""Pixel sizes to resolution and ratio and back, per model family (ark-wire.md §2.6, openai-wire.md §5.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from proxy.translate.videos import VideoRequest, seedance
from proxy.translate.videos.losses import Losses

Pixels = tuple[int, int]

RATIOS: Mapping[str, float] = {"16:9": 16 / 9, "4:3": 4 / 3, "1:1": 1.0, "3:4": 3 / 4, "9:16": 9 / 16, "21:9": 21 / 9}
TIERS: Mapping[str, int] = {"480p": 854 * 480, "720p": 1280 * 720, "1080p": 1920 * 1080, "4k": 3840 * 2160}


def _rows(rows: Mapping[str, str]) -> Mapping[tuple[str, str], Pixels]:
    return {
        (resolution, ratio): (int(size.split("x")[0]), int(size.split("x")[1]))
        for resolution, sizes in rows.items()
        for ratio, size in zip(RATIOS, sizes.split(), strict=True)
    }


_P720 = "1280x720 1112x834 960x960 834x1112 720x1280 1470x630"
_P1080 = "1920x1080 1664x1248 1440x1440 1248x1664 1080x1920 2206x946"

TABLE: Mapping[str, Mapping[tuple[str, str], Pixels]] = {
    "2.5": _rows({"480p": "854x480 752x560 640x640 560x752 480x854 992x432", "720p": _P720, "1080p": _P1080}),
    "2.0": _rows(
        {
            "480p": "864x496 752x560 640x640 560x752 496x864 992x432",
            "720p": _P720,
            "1080p": _P1080,
            "4k": "3840x2160 3326x2494 2880x2880 2494x3326 2160x3840 4398x1886",
        }
    ),
    "1.0": _rows(
        {
            "480p": "864x480 736x544 640x640 544x736 480x864 960x416",
            "720p": "1248x704 1120x832 960x960 832x1120 704x1248 1504x640",
            "1080p": "1920x1088 1664x1248 1440x1440 1248x1664 1088x1920 2176x928",
        }
    ),
}

# Every size of every family, and the one that openai-wire.md §5.2 adds: one size means the same tier and ratio everywhere.
EXACT: Mapping[Pixels, tuple[str, str]] = {pixels: key for table in TABLE.values() for key, pixels in table.items()} | {
    (640, 480): ("480p", "4:3")
}

_SIZE = re.compile(r"\s*(\d{1,5})\s*[xX]\s*(\d{1,5})\s*")


@dataclass(frozen=True, slots=True)
class Fit:
    """The resolution and ratio that stand for a size; `exact` tells whether some family delivers just that size for them."""

    resolution: str
    ratio: str
    exact: bool


def parse(size: str) -> Pixels | None:
    """`1280x720` as (width, height); None if it is not of that form."""
    match = _SIZE.fullmatch(size)
    pixels = (int(match[1]), int(match[2])) if match else (0, 0)
    return pixels if all(pixels) else None


def fit(pixels: Pixels) -> Fit:
    """The exact entry of the tables, else the nearest ratio by logarithm and the nearest tier by pixel count (openai-wire.md §5.2)."""
    if pixels in EXACT:
        return Fit(*EXACT[pixels], exact=True)
    width, height = pixels
    ratio = min(RATIOS, key=lambda name: abs(log(width / height) - log(RATIOS[name])))
    return Fit(min(TIERS, key=lambda name: abs(TIERS[name] - width * height)), ratio, exact=False)


def size_of(model: str, resolution: object, ratio: object) -> str | None:
    """`WxH` as this model delivers it; None where the tables do not say (adaptive, or a ratio outside the enum)."""
    if not isinstance(resolution, str) or not isinstance(ratio, str):
        return None
    pixels = TABLE[seedance.family(model).series].get((resolution.lower(), ratio))
    return f"{pixels[0]}x{pixels[1]}" if pixels else None


def framed(request: VideoRequest, model: str, losses: Losses) -> dict[str, str]:
    """Resolution and ratio that stand for the request's size, as far as the caller did not name them (openai-wire.md §5.1, row size)."""
    pixels = parse(request.size) if request.size else None
    if pixels is None:
        return {}
    chosen = fit(pixels)
    said = {"resolution": chosen.resolution, "ratio": chosen.ratio}
    explicit = {name: request.options[name] for name in said if request.options.get(name)}
    for name, value in explicit.items():
        if str(value).lower() != said[name]:
            losses.warn("size", f"{losses.param(name)} {value} was taken instead of {request.size}")
    added = {name: value for name, value in said.items() if name not in explicit}
    if "resolution" in added:
        added["resolution"] = _delivered(added["resolution"], request, model, losses)
    if added and not chosen.exact:
        losses.warn("size", f"{request.size} is not delivered: {' '.join(added.values())} was asked for")
    return added


def _delivered(resolution: str, request: VideoRequest, model: str, losses: Losses) -> str:
    """The resolution, or with the caller's leave the highest one that the model has."""
    offered = seedance.family(model).resolutions
    if resolution in offered:
        return resolution
    best = offered[-1]
    why = f"size {request.size} is {resolution}, and this model delivers at most {best}"
    losses.refuse_unless_lossy("size", why, f"{resolution} is not delivered by this model: {best} was asked for")
    return best
