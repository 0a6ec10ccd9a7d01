"""A walk over the pages of an upstream's running tasks: who ran and is not on its page has ended, and is to be looked up. No IO.

Pages shift while they are walked. A page that is in order of creation, as Ark's are, is judged at once: whoever should stand between its first and
its last task and does not is gone. Who falls between two pages is gone if that happens twice. Without that order only a whole walk tells.
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
    _missed: dict[str, set[str]] = field(default_factory=dict)

    @property
    def tier(self) -> str | None:
        """The tier whose page is next; None between two walks."""
        return self.tiers[0] if self.tiers else None

    def begin(self, tiers: Iterable[str]) -> None:
        """Start over with these tiers."""
        self.tiers = sorted(set(tiers))

    def take(self, sightings: Sequence[Sighting], *, last: bool, followed: Iterable[Followed]) -> None:
        """Note one page of the present tier; `last` if there is none behind it. `followed` are the tasks that are followed there."""
        self._appeared.update(sighting.id for sighting in sightings)
        absent = [entry for entry in followed if self._should_appear(entry) and entry.id not in self._appeared]
        made = [sighting.snapshot.created_at for sighting in sightings]
        times = [time for time in made if time is not None]
        self._in_order = self._in_order and len(times) == len(made) and all(a >= b for a, b in pairwise(times))
        if self._in_order:
            oldest, newest = _span(times, first=self.page == 0, last=last)
            gone = {entry.id: entry for entry in absent if entry.made is not None and oldest < entry.made < newest}
            self.vanished |= gone
            absent = [entry for entry in absent if entry.id not in gone]
        self.page += 1
        if last:
            self._conclude(absent)

    def look_up(self, count: int) -> list[Followed]:
        """Take so many of the vanished off the list, longest gone first."""
        ids = list(self.vanished)[: max(0, count)]
        return [self.vanished.pop(task_id) for task_id in ids]

    def _should_appear(self, entry: Followed) -> bool:
        running = entry.status is TaskStatus.RUNNING and entry.tier == self.tier and not entry.hidden
        return running and entry.id not in self.vanished

    def _conclude(self, absent: Sequence[Followed]) -> None:
        """The tier's last page was seen, and these on none of its pages."""
        tier = self.tiers.pop(0)
        before = self._missed.get(tier, set())
        self.vanished |= {entry.id: entry for entry in absent if not self._in_order or entry.id in before}
        self._missed[tier] = {entry.id for entry in absent}
        self.page, self._appeared, self._in_order = 0, set(), True


def _span(times: Sequence[int], *, first: bool, last: bool) -> tuple[float, float]:
    """Between which times of creation a page is complete; none if it is an empty one behind others."""
    if not times:
        return (-inf, inf) if first else (inf, -inf)
    return -inf if last else times[-1], inf if first else times[0]
