"""The `content` array of a creation: its items, their roles, and the scene they make (ark-wire.md §2.4)."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.simulator.ark.errors import invalid, missing
from proxy.simulator.ark.models import FIRST, FIRST_LAST, OMNI, TEXT, Media, Model

_MB = 1024 * 1024
_IMAGES = frozenset({"jpeg", "png", "webp", "bmp", "tiff", "gif"})
_HEIC = frozenset({"heic", "heif"})
_SUBTYPES: Final = {
    "image": _IMAGES | _HEIC,
    "video": frozenset({"mp4", "mov", "quicktime"}),
    "audio": frozenset({"wav", "x-wav", "mp3", "mpeg"}),
}
_LARGEST: Final = {"image": 30 * _MB, "video": 200 * _MB, "audio": 15 * _MB}
_ROLES: Final = {
    "image": frozenset({"first_frame", "last_frame", "reference_image"}),
    "video": frozenset({"reference_video"}),
    "audio": frozenset({"reference_audio"}),
}
_SECONDS = re.compile(r"#(?:.*&)?seconds=(\d+)")
_RATIO = re.compile(r"#(?:.*&)?ratio=(\d+:\d+)")
# Nothing is fetched here, so the length of a video is what its link says (`#seconds=8`), else this.
USUAL_SECONDS = 5


@dataclass(frozen=True)
class Piece:
    """One medium of the request: `where` is its place for messages (`content[1].image_url`)."""

    kind: str
    role: str
    where: str
    seconds: int | None = None
    ratio: str | None = None


@dataclass
class Content:
    """What the items say together."""

    prompt: str = ""
    pieces: list[Piece] = field(default_factory=list)
    draft_id: str | None = None
    items: int = 0

    def of(self, kind: str) -> list[Piece]:
        """The pieces of one kind: image, video or audio."""
        return [piece for piece in self.pieces if piece.kind == kind]

    def input_seconds(self) -> int:
        """The seconds of all input videos together, which are billed."""
        return sum(USUAL_SECONDS if piece.seconds is None else piece.seconds for piece in self.of("video"))

    def ratio(self) -> str | None:
        """The ratio that a medium's link claims (`#ratio=5:4`), for `adaptive`."""
        return next((piece.ratio for piece in self.pieces if piece.ratio), None)

    def scene(self) -> str:
        """Which of the exclusive scenes this is; refuses mixtures and missing roles."""
        if not self.pieces:
            return TEXT
        roles = [piece.role for piece in self.pieces]
        if roles == [""]:
            return FIRST
        if "" in roles:
            raise invalid(self.pieces[roles.index("")].where, "a role is required when there are several media")
        frames = [role for role in roles if role in {"first_frame", "last_frame"}]
        if not frames:
            return OMNI
        if len(frames) < len(roles):
            raise invalid("content", "first and last frames cannot be mixed with reference media")
        if sorted(frames) not in (["first_frame"], ["first_frame", "last_frame"]):
            raise invalid("content", "one first frame, or one first and one last frame are expected")
        return FIRST if len(frames) == 1 else FIRST_LAST


def read(value: object, model: Model) -> Content:
    """Read the items; refuses what has the wrong type, role, format or size."""
    if value is None:
        raise missing("content")
    if not isinstance(value, list) or not value:
        raise invalid("content", "a non-empty array is expected")
    content = Content(items=len(value))
    texts = []
    for index, item in enumerate(value):
        where = f"content[{index}]"
        if not isinstance(item, dict):
            raise invalid(where, "an object is expected")
        kind = item.get("type")
        if kind == "text":
            texts.append(_string(item, "text", where, empty=True))
        elif kind == "draft_task":
            content.draft_id = _string(_object(item, "draft_task", where), "id", f"{where}.draft_task")
        elif kind in {"image_url", "video_url", "audio_url"}:
            content.pieces.append(_piece(item, str(kind), where, model))
        else:
            raise invalid(f"{where}.type", "text, image_url, video_url, audio_url or draft_task is expected")
    content.prompt = "\n".join(text for text in texts if text)
    return content


def check(content: Content, model: Model) -> str:
    """The scene, if this model has it and its media are within the model's limits (§2.2, §2.4)."""
    scene = content.scene()
    if scene not in model.scenes:
        raise invalid("content", f"the model {model.name} does not do {scene} to video")
    if scene == TEXT and not content.prompt:
        raise missing("content.text")
    if scene == OMNI:
        _count(content, "image", model.images)
        _count(content, "video", model.videos)
        _count(content, "audio", model.audios)
        if len(content.of("audio")) == len(content.pieces) and not model.audio_alone:
            raise invalid("content", "reference audio needs a reference image or video beside it")
    return scene


def _count(content: Content, kind: str, media: Media) -> None:
    pieces = content.of(kind)
    if len(pieces) > media.most:
        raise invalid("content", f"at most {media.most} reference {kind}s are allowed, {len(pieces)} given")
    low, high = media.each
    for piece in pieces:
        if piece.seconds is not None and not low <= piece.seconds <= high:
            raise invalid(piece.where, f"its length must be within [{low}, {high}] seconds")
    stated = sum(piece.seconds or 0 for piece in pieces)
    if stated > media.total and kind != "image":
        raise invalid("content", f"reference {kind}s may last {media.total} seconds together, {stated} given")


def _piece(item: Mapping[str, object], type_: str, where: str, model: Model) -> Piece:
    kind = type_.removesuffix("_url")
    place = f"{where}.{type_}"
    url = _string(_object(item, type_, where), "url", place)
    role = item.get("role") or ""
    # Only one image alone may come without a role.
    if role not in _ROLES[kind] and not (role == "" and kind == "image"):
        raise invalid(f"{where}.role", f"{' or '.join(sorted(_ROLES[kind]))} is expected")
    if url.startswith("data:"):
        _check_data_url(url, kind, place, model)
    elif not url.startswith(("http://", "https://", "asset://")):
        raise invalid(place, "an http(s) address, a data URL or an asset:// id is expected")
    seconds, ratio = _SECONDS.search(url[-200:]), _RATIO.search(url[-200:])
    if kind == "image":
        seconds = None
    return Piece(kind, str(role), place, int(seconds[1]) if seconds else None, ratio[1] if ratio else None)


def _check_data_url(url: str, kind: str, place: str, model: Model) -> None:
    head, comma, encoded = url.partition(",")
    family, _, subtype = head.removeprefix("data:").removesuffix(";base64").partition("/")
    if not comma or not head.endswith(";base64") or family != kind:
        raise invalid(place, f"data:{kind}/<format>;base64,… is expected")
    if subtype not in _SUBTYPES[kind] or (subtype in _HEIC and not model.heic):
        raise invalid(place, f"the format {subtype!r} is not supported (formats are written in lower case)")
    try:
        size = len(base64.b64decode(encoded.partition("#")[0], validate=True))
    except binascii.Error as error:
        raise invalid(place, "its base64 cannot be decoded") from error
    if size == 0 or size >= _LARGEST[kind]:
        raise invalid(place, f"it must have less than {_LARGEST[kind] // _MB} MB, and not be empty")


def _object(item: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    value = item.get(name)
    if value is None:
        raise missing(f"{where}.{name}")
    if not isinstance(value, dict):
        raise invalid(f"{where}.{name}", "an object is expected")
    return value


def _string(item: Mapping[str, object], name: str, where: str, *, empty: bool = False) -> str:
    value = item.get(name)
    if value is None or (value == "" and not empty):
        raise missing(f"{where}.{name}")
    if not isinstance(value, str):
        raise invalid(f"{where}.{name}", "a string is expected")
    return value
