"""The old commands at the end of a prompt."""

import pytest

from proxy.simulator.ark import commands, models
from proxy.simulator.ark.models import Model


def _model(version: str) -> Model:
    found = models.resolve(f"doubao-seedance-{version}")
    assert found is not None
    return found[1]


S10 = _model("1-0-pro-250528")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (
            "a cat --duration 5 --camerafixed false --watermark true",
            {"duration": 5, "camera_fixed": False, "watermark": True},
        ),
        ("a cat --rs 720p --rt 9:16 --dur 3 --seed 11 --frames 57", None),
        ("a cat --rt=adaptive", {"ratio": "adaptive"}),
        ("a cat --rs 8k --dur 99 --seed x --frames 30 --wm maybe --fps 24 --other 1", {}),
        ("a cat--dur 5", {}),
    ],
)
def test_commands_of_1_x(prompt: str, said: dict[str, object] | None) -> None:
    """Known commands with good values become fields, everything else is ignored."""
    if said is None:
        said = {"resolution": "720p", "ratio": "9:16", "duration": 3, "seed": 11, "frames": 57}
    assert commands.applied({}, prompt, S10) == said


def test_the_body_beats_the_command() -> None:
    """A field that the body has is left as it is."""
    assert commands.applied({"duration": 4}, "a cat --dur 5", S10) == {"duration": 4}


def test_2_x_reads_no_commands() -> None:
    """For the models whose pages do not have them, they are text."""
    assert commands.applied({}, "a cat --dur 5", _model("2-0-260128")) == {}
