"""The task types of 2.5 and their constraints (ark-wire.md §2.3): checked at once when the type was said, else later.

A type that was said and does not fit is a 400; under `auto` the task is accepted and fails while it runs. How the real
service reads a prompt is unknown: here a few verbs decide, and only where there is a reference video to work on.
"""

import re
from dataclasses import dataclass
from typing import Final

from proxy.simulator.ark.content import USUAL_SECONDS, Content
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.models import ADAPTIVE, FIRST, FIRST_LAST, OMNI, TEXT

TYPES = ("auto", "reference", "edit", "extend")
CONSTRAINT = "InvalidParameter.TaskTypeConstraint"
MISMATCH = "InvalidParameter.TaskTypeMismatch"
_EDIT = re.compile(r"\b(edit|replace|remove|swap)\b|编辑|替换|删除|修改", re.IGNORECASE)
_EXTEND = re.compile(r"\b(extend|continue|prolong)\b|延长|续写|延续", re.IGNORECASE)
_NAMES: Final = {
    "edit": "video editing",
    "extend": "video extension",
    "reference": "reference to video",
    FIRST: "first frame to video",
    FIRST_LAST: "first and last frame to video",
    TEXT: "text to video",
}


@dataclass(frozen=True)
class Verdict:
    """What a task was found to be, and the code and message it will fail with later, if any."""

    kind: str
    late: tuple[str, str] | None = None


def judge(asked: str, scene: str, content: Content, ratio: str, seconds: int) -> Verdict:
    """The type of a 2.5 task; raises the 400 of a type that was said and does not fit."""
    read = _read_prompt(content) if scene == OMNI else scene
    kind = read if asked == "auto" else asked
    issues = _issues(kind, scene, content, ratio, seconds)
    if issues:
        names = [name for name in ("ratio", "duration", "content") if any(issue.startswith(name) for issue in issues)]
        message = (
            f"The parameter(s) {' and '.join(names)} specified in the request are not valid. "
            f"The task is determined as {_NAMES[kind]}. Issues: {'; '.join(issues)}."
        )
        if asked != "auto":
            raise ArkError(400, CONSTRAINT, message)
        return Verdict(kind, (CONSTRAINT, message))
    if {asked, read} == {"edit", "extend"}:
        message = f"The task type {asked} does not match the prompt, which is determined as {_NAMES[read]}."
        return Verdict(kind, (MISMATCH, message))
    return Verdict(kind)


def _read_prompt(content: Content) -> str:
    if content.of("video"):
        if _EDIT.search(content.prompt):
            return "edit"
        if _EXTEND.search(content.prompt):
            return "extend"
    return "reference"


def _issues(kind: str, scene: str, content: Content, ratio: str, seconds: int) -> list[str]:
    issues = []
    if (kind in {"edit", "extend"} or scene in {FIRST, FIRST_LAST}) and ratio != ADAPTIVE:
        issues.append("ratio must be adaptive")
    if kind == "edit" and seconds != -1:
        issues.append("duration must be -1")
    videos = content.of("video")
    if kind in {"edit", "extend"} and not videos:
        issues.append("content must have a reference_video")
    if kind == "edit" and any(not 4 <= _length(video.seconds) <= 30 for video in videos):
        issues.append("content: a reference_video must last 4 to 30 seconds")
    if kind == "reference" and scene != OMNI:
        issues.append("content must have reference media")
    return issues


def _length(seconds: int | None) -> int:
    return USUAL_SECONDS if seconds is None else seconds
