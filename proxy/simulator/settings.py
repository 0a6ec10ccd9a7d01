"""What a simulator is started with: one frozen value, read by every part."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The choices of one simulator.

    `speed` divides how long tasks queue and run (a link's 24 hours and a record's 7 days stay what they are).
    `now` gives seconds since 1970; the control route adds its offset to it. `enforce_limits` switches the refusals
    (rates, queue length) off, not the `concurrency` above which tasks queue. `base_url` is the origin of result
    links; empty means the origin each request came to. `state` is the file that survives a restart.
    """

    dialect: str = "ark"
    speed: float = 1.0
    state: Path | None = None
    key: str | None = field(default=None, repr=False)
    now: Callable[[], float] = time.time
    seed: int | None = None
    queue_limit: int = 120
    concurrency: int = 10
    enforce_limits: bool = True
    base_url: str = ""
    callback_any: bool = False

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError(f"the speed must be above 0, not {self.speed}")
