"""A walk over the pages of an upstream's running tasks: who ran and is not on its page has ended, and is to be looked up. No IO.

A page that is in order of creation, as Ark's are, is judged at once: whoever was made between the ends of the page before and of this one, and is
on neither, has vanished. Pages shift while they are walked, so some of those are found running; without that order only a whole walk tells.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from proxy.follower.schedule import Followed
from proxy.model import TaskStatus
from proxy.translate.videos import Sighting


@dataclass(slots=True)
class Walk:
    """Where the walk stands, tier after tier, and who vanished, longest ago first."""

    tiers: list[str] = field(default_factory=list)
    page: int = 0
    vanished: dict[str, Followed] = field(default_factory=dict)
    _appeared: set[str] = field(default_factory=set)
    _in_order: bool = True
    _reached: float = inf

    @property
    def tier(self) -> str | None:
        """The tier whose page is next; None between two walks."""
        return self.tiers[0] if self.tiers else None

    def begin(self, tiers: Iterable[str]) -> None:
        """Start over with these tiers."""
        self.tiers = sorted(set(tiers))

    def take(self, sightings: Sequence[Sighting], *, last: bool, followed: Iterable[Followed]) -> None:
        """Note one page of the present tier; `last` if there is none behind it. `followed` are the tasks that are followed there."""
        for sighting in sightings:
            self._appeared.add(sighting.id)
            self.vanished.pop(sighting.id, None)
        made = [sighting.snapshot.created_at for sighting in sightings]
        times = [time for time in made if time is not None]
        falls = all(a >= b for a, b in pairwise((self._reached, *times)))
        self._in_order = self._in_order and falls and len(times) == len(made)
        reached = -inf if last else times[-1] if self._in_order else self._reached
        for entry in followed:
            if self._should_appear(entry) and (last if entry.made is None else reached < entry.made <= self._reached):
                self.vanished[entry.id] = entry
        self._reached = reached
        self.page += 1
        if last:
            self.tiers.pop(0)
            self.page, self._appeared, self._in_order, self._reached = 0, set(), True, inf

    def look_up(self, count: int) -> list[Followed]:
        """Take so many of the vanished off the list, longest gone first."""
        ids = list(self.vanished)[: max(0, count)]
        return [self.vanished.pop(task_id) for task_id in ids]

    def _should_appear(self, entry: Followed) -> bool:
        """Whether a running task of this tier was not seen on this walk."""
        if entry.status is not TaskStatus.RUNNING or entry.tier != self.tier or entry.hidden:
            return False
        return entry.id not in self._appeared and entry.id not in self.vanished
