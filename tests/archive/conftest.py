"""The simulator on the tests' own clock, and the studio around it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.simulator import Settings, background, create_app
from tests.archive.studio import Clock, Studio


@pytest.fixture
def clock() -> Clock:
    """The one clock of gateway and simulator."""
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[str]:
    """A simulator of Ark; its origin."""
    with background(create_app(Settings(now=clock, seed=1))) as origin:
        yield origin


@pytest.fixture
async def studio(tmp_path: Path, clock: Clock, simulator: str) -> AsyncIterator[Studio]:
    """The studio with the simulator as its upstream."""
    made = Studio(tmp_path, clock, f"{simulator}/api/v3")
    await made.store.open()
    yield made
    await made.store.close()
    await made.client.close()
