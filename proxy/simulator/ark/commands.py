"""The old commands at the end of a prompt, such as `--rs 720p --dur 5` (ark-wire.md §2.7).

They are obeyed by the 1.x models, whose pages document them; whether 2.x does is not known, so there they are plain
text. A bad value is ignored, and a field of the body beats the command (neither is documented for both given).
"""

import re
from collections.abc import Callable
from typing import Final

from proxy.simulator.ark.fields import Body
from proxy.simulator.ark.models import ADAPTIVE, RATIOS, Model

_COMMAND = re.compile(r"(?:^|\s)--([a-z]+)(?:=|\s+)(\S+)")
_FIELDS: Final = {
    "rs": "resolution",
    "resolution": "resolution",
    "rt": "ratio",
    "ratio": "ratio",
    "dur": "duration",
    "duration": "duration",
    "frames": "frames",
    "seed": "seed",
    "cf": "camera_fixed",
    "camerafixed": "camera_fixed",
    "wm": "watermark",
    "watermark": "watermark",
}


def applied(body: Body, prompt: str, model: Model) -> Body:
    """The body with what its prompt commands and it does not say itself."""
    if model.name.startswith("seedance-2"):
        return body
    said: dict[str, object] = {}
    for name, value in _COMMAND.findall(prompt):
        field = _FIELDS.get(name)
        read = _READERS[field](value, model) if field else None
        if field and read is not None:
            said[field] = read
    return said | dict(body)


def _number(value: str, low: int, high: int) -> int | None:
    return int(value) if re.fullmatch(r"-?\d{1,10}", value) and low <= int(value) <= high else None


def _frames(value: str, _model: Model) -> int | None:
    frames = _number(value, 29, 289)
    return frames if frames is not None and (frames - 25) % 4 == 0 else None


def _flag(value: str, _model: Model) -> bool | None:
    return {"true": True, "false": False}.get(value)


_READERS: Final[dict[str, Callable[[str, Model], object]]] = {
    "resolution": lambda value, model: value if value in model.resolutions else None,
    "ratio": lambda value, _model: value if value in {*RATIOS, ADAPTIVE} else None,
    "duration": lambda value, model: _number(value, *model.seconds),
    "frames": _frames,
    "seed": lambda value, _model: _number(value, -1, 2**31 - 1),
    "camera_fixed": _flag,
    "watermark": _flag,
}
