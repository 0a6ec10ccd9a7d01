"""What each Seedance model can do: ids, ranges, defaults, limits and pixels (ark-wire.md §2.2, §2.3, §2.5, §2.6, §2.9).

Pure tables and look-ups. Written from the reference alone, so that it checks the gateway's own tables.
"""

import math
import re
from dataclasses import dataclass

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
ADAPTIVE = "adaptive"

Limits = tuple[int, int]


@dataclass(frozen=True)
class Media:
    """How much reference media of one kind a task may have: pieces, seconds of each, seconds together."""

    most: int
    each: Limits = (0, 0)
    total: int = 0


@dataclass(frozen=True)
class Model:
    """One model name with its rules. `seconds` is the range of `duration`; `usual_seconds` its default (-1: the model chooses)."""

    name: str
    pixels: str
    resolutions: tuple[str, ...]
    scenes: frozenset[str]
    seconds: Limits
    usual_seconds: int = 5
    usual_resolution: str = "720p"
    chooses_seconds: bool = False
    frames: bool = False
    audio: bool = False
    draft: bool = False
    flex: bool = False
    priority: bool = False
    tools: bool = False
    heic: bool = True
    omni_types: bool = False
    audio_alone: bool = False
    images: Media = Media(0)
    videos: Media = Media(0)
    audios: Media = Media(0)

    def ratio_for(self, scene: str) -> str:
        """The default ratio of a scene (§2.3)."""
        if self.pixels != "1.0":
            return ADAPTIVE
        return "16:9" if scene in {TEXT, OMNI} else ADAPTIVE

    def may_be_adaptive(self, scene: str) -> bool:
        """Whether `adaptive` is a ratio of this scene: 1.0 has none without a frame to take it from."""
        return self.pixels != "1.0" or scene != TEXT


TEXT, FIRST, FIRST_LAST, OMNI = "text", "first frame", "first and last frame", "reference"
_FRAMES = frozenset({TEXT, FIRST, FIRST_LAST})
_ALL = _FRAMES | {OMNI}
_UP_TO_1080 = ("480p", "720p", "1080p")

_S25 = Model(
    name="seedance-2-5-260628",
    pixels="2.5",
    resolutions=_UP_TO_1080,
    scenes=_ALL,
    seconds=(4, 30),
    usual_seconds=-1,
    chooses_seconds=True,
    audio=True,
    draft=True,
    priority=True,
    tools=True,
    omni_types=True,
    audio_alone=True,
    images=Media(30),
    videos=Media(10, (2, 30), 30),
    audios=Media(10, (2, 30), 30),
)


def _two(name: str, resolutions: tuple[str, ...]) -> Model:
    return Model(
        name=name,
        pixels="2.0",
        resolutions=resolutions,
        scenes=_ALL,
        seconds=(4, 15),
        chooses_seconds=True,
        audio=True,
        priority=True,
        tools=True,
        images=Media(9),
        videos=Media(3, (2, 15), 15),
        audios=Media(3, (2, 15), 15),
    )


_S15 = Model(
    name="seedance-1-5-pro-251215",
    pixels="2.0",
    resolutions=_UP_TO_1080,
    scenes=_FRAMES,
    seconds=(4, 12),
    chooses_seconds=True,
    audio=True,
    draft=True,
    flex=True,
)


def _one(name: str, scenes: frozenset[str], usual_resolution: str = "1080p", images: int = 0) -> Model:
    return Model(
        name=name,
        pixels="1.0",
        resolutions=_UP_TO_1080,
        scenes=scenes,
        seconds=(2, 12),
        usual_resolution=usual_resolution,
        frames=True,
        flex=True,
        heic=False,
        images=Media(images),
    )


_MODELS = (
    _S25,
    _two("seedance-2-0-260128", (*_UP_TO_1080, "4k")),
    _two("seedance-2-0-fast-260128", ("480p", "720p")),
    _two("seedance-2-0-mini-260615", ("480p", "720p")),
    # Retired since 2026-11-11 at BytePlus; kept here, so that its rules stay testable.
    _S15,
    _one("seedance-1-0-pro-250528", _FRAMES),
    _one("seedance-1-0-pro-fast-251015", frozenset({TEXT, FIRST})),
    _one("seedance-1-0-lite-t2v-250428", frozenset({TEXT}), "720p"),
    _one("seedance-1-0-lite-i2v-250428", frozenset({FIRST, FIRST_LAST, OMNI}), "720p", images=4),
)
# The prefixes of the two regions; BytePlus has none before 2.0 (§2.2).
_BY_ID = {f"doubao-{model.name}": model for model in _MODELS} | {
    (f"dreamina-{model.name}" if model.name.startswith("seedance-2") else model.name): model for model in _MODELS
}
_ENDPOINT = re.compile(r"ep-(?:m-)?[0-9A-Za-z-]+")


def names() -> tuple[str, ...]:
    """The full names of the models in the CN region."""
    return tuple(name for name in _BY_ID if name.startswith("doubao-"))


def resolve(wanted: str) -> tuple[str, Model] | None:
    """The full name and the rules of a model id; None if there is no such model.

    Any `ep-…` id is an endpoint of 2.0, unless it ends with the version of another (`ep-x-2-5`, `ep-x-2-0-fast`).
    """
    if wanted in _BY_ID:
        return wanted, _BY_ID[wanted]
    if not _ENDPOINT.fullmatch(wanted):
        return None
    versions = {full.removeprefix("doubao-seedance-").rpartition("-")[0]: full for full in _BY_ID if "doubao" in full}
    full = next((name for version, name in versions.items() if wanted.endswith(f"-{version}")), None)
    full = full or "doubao-seedance-2-0-260128"
    return full, _BY_ID[full]


_SIZES: dict[str, dict[str, tuple[str, ...]]] = {
    "2.5": {
        "480p": ("854x480", "752x560", "640x640", "560x752", "480x854", "992x432"),
        "720p": ("1280x720", "1112x834", "960x960", "834x1112", "720x1280", "1470x630"),
        "1080p": ("1920x1080", "1664x1248", "1440x1440", "1248x1664", "1080x1920", "2206x946"),
    },
    "2.0": {
        "480p": ("864x496", "752x560", "640x640", "560x752", "496x864", "992x432"),
        "720p": ("1280x720", "1112x834", "960x960", "834x1112", "720x1280", "1470x630"),
        "1080p": ("1920x1080", "1664x1248", "1440x1440", "1248x1664", "1080x1920", "2206x946"),
        "4k": ("3840x2160", "3326x2494", "2880x2880", "2494x3326", "2160x3840", "4398x1886"),
    },
    "1.0": {
        "480p": ("864x480", "736x544", "640x640", "544x736", "480x864", "960x416"),
        "720p": ("1248x704", "1120x832", "960x960", "832x1120", "704x1248", "1504x640"),
        "1080p": ("1920x1088", "1664x1248", "1440x1440", "1248x1664", "1088x1920", "2176x928"),
    },
}


def size(model: Model, resolution: str, ratio: str) -> tuple[int, int]:
    """Width and height in pixels (§2.6); a ratio outside the table gets even sides of the area that 16:9 has."""
    sizes = _SIZES[model.pixels][resolution]
    if ratio in RATIOS:
        width, height = sizes[RATIOS.index(ratio)].split("x")
        return int(width), int(height)
    wide, high = (int(part) for part in sizes[0].split("x"))
    across, up = (int(part) for part in ratio.split(":"))
    width_exact = math.sqrt(wide * high * across / up)
    return round(width_exact / 2) * 2, round(width_exact * up / across / 2) * 2


def tokens(pixels: int, frames: int, factor: tuple[int, int] = (1, 1)) -> int:
    """Completion tokens: pixels × frames ÷ 1024, rounded down (§7.1); `factor` is a fraction, a draft's discount."""
    return pixels * frames * factor[0] // (1024 * factor[1])
