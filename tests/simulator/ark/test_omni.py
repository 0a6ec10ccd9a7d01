"""The task types of 2.5 and their constraints, said and found."""

import pytest

from proxy.simulator.ark import omni
from proxy.simulator.ark.content import Content, Piece
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.models import FIRST, FIRST_LAST, OMNI, TEXT

VIDEO = Piece("video", "reference_video", "content[1].video_url")
SHORT = Piece("video", "reference_video", "content[1].video_url", seconds=3)
IMAGE = Piece("image", "reference_image", "content[1].image_url")


Case = tuple[str, str, list[Piece], str, int]
"""Scene, prompt, media, ratio, seconds."""


def _judge(asked: str, case: Case) -> omni.Verdict:
    scene, prompt, pieces, ratio, seconds = case
    return omni.judge(asked, scene, Content(prompt, pieces), ratio, seconds)


@pytest.mark.parametrize(
    ("asked", "case", "kind"),
    [
        ("auto", (TEXT, "edit the cat", [], "16:9", 5), TEXT),
        ("auto", (FIRST, "a cat", [], "adaptive", 5), FIRST),
        ("auto", (FIRST_LAST, "a cat", [], "adaptive", 5), FIRST_LAST),
        ("auto", (OMNI, "a cat", [VIDEO], "16:9", 5), "reference"),
        ("auto", (OMNI, "edit the cat", [IMAGE], "16:9", 5), "reference"),
        ("auto", (OMNI, "replace the cat", [VIDEO], "adaptive", -1), "edit"),
        ("auto", (OMNI, "延长视频", [VIDEO], "adaptive", 5), "extend"),
        ("reference", (OMNI, "replace the cat", [VIDEO], "16:9", 5), "reference"),
        ("edit", (OMNI, "a dog instead", [VIDEO], "adaptive", -1), "edit"),
        ("extend", (OMNI, "a cat", [VIDEO], "adaptive", 5), "extend"),
    ],
)
def test_fitting_tasks(asked: str, case: Case, kind: str) -> None:
    """What fits its type has no error, now or later."""
    assert _judge(asked, case) == omni.Verdict(kind)


FRAMES: list[Case] = [(FIRST, "a cat", [], "16:9", 5), (FIRST_LAST, "a cat", [], "16:9", 5)]
FOUND: list[tuple[str, Case]] = [
    ("edit", (OMNI, "edit it", [VIDEO], "16:9", -1)),
    ("edit", (OMNI, "edit it", [VIDEO], "adaptive", 5)),
    ("edit", (OMNI, "edit it", [SHORT], "adaptive", -1)),
    ("extend", (OMNI, "extend it", [VIDEO], "16:9", 5)),
]
SAID: list[tuple[str, Case]] = [
    ("edit", (OMNI, "a cat", [IMAGE], "adaptive", -1)),
    ("extend", (OMNI, "a cat", [IMAGE], "adaptive", 5)),
    ("reference", (TEXT, "a cat", [], "adaptive", 5)),
]


@pytest.mark.parametrize("case", FRAMES + [case for _, case in FOUND])
def test_a_misfit_is_found_later_under_auto(case: Case) -> None:
    """Without a type the task is accepted and carries the code it will fail with."""
    late = _judge("auto", case).late
    assert late is not None
    assert late[0] == "InvalidParameter.TaskTypeConstraint"


@pytest.mark.parametrize(("said", "case"), FOUND + SAID)
def test_a_misfit_of_a_said_type_is_refused_at_once(said: str, case: Case) -> None:
    """With the type said, the same is a 400 on creation."""
    with pytest.raises(ArkError) as caught:
        _judge(said, case)
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter.TaskTypeConstraint")


def test_the_message_is_the_real_one() -> None:
    """The text quoted in the reference comes out letter by letter."""
    late = omni.judge("auto", OMNI, Content("edit it", [VIDEO]), "16:9", 5).late
    assert late is not None
    assert late[1] == (
        "The parameter(s) ratio and duration specified in the request are not valid. "
        "The task is determined as video editing. Issues: ratio must be adaptive; duration must be -1."
    )


def test_a_type_against_the_prompt_is_found_later() -> None:
    """Editing said and extension asked for is a mismatch, which the service finds while it works."""
    late = omni.judge("edit", OMNI, Content("extend it", [VIDEO]), "adaptive", -1).late
    assert late is not None
    assert late[0] == "InvalidParameter.TaskTypeMismatch"
