"""Settings hold the choices of a simulator."""

import dataclasses

import pytest

from proxy.simulator.settings import Settings


def test_settings_are_frozen_and_hide_the_key() -> None:
    """A running simulator's choices cannot change under it, and its key is in no repr."""
    settings = Settings(key="canary-key")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.speed = 2.0  # type: ignore[misc] # the refusal at run time is what is tested
    assert "canary-key" not in repr(settings)


@pytest.mark.parametrize("speed", [0, -1])
def test_a_speed_that_stops_time_is_refused(speed: float) -> None:
    """A simulator whose tasks would never end is not made."""
    with pytest.raises(ValueError, match="above 0"):
        Settings(speed=speed)
