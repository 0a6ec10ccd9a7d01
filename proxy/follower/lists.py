"""Follows many tasks with few requests: by their ids while they are hundreds, by walking the running ones page by page when they are thousands.

Ark's list takes about 150 ids in an address, or gives 500 tasks a page, once a second and account (ark-wire.md §2.9, §3.2). It hides other
tiers than the one that is asked for, and what else it hides is read singly.
"""

from collections.abc import Awaitable, Callable, Sequence

from proxy.errors import UpstreamRefusal
from proxy.follower.book import Book
from proxy.follower.schedule import Followed
from proxy.follower.walk import Walk
from proxy.gateway.reader import Reader
from proxy.gateway.services import Services
from proxy.model import TaskStatus
from proxy.translate.videos import Sighting

MANY = 600
"""From so many open tasks on the running ones are walked: by their ids, 150 a second, they would be seen too seldom."""

MOST_IDS, LONGEST_IDS = 150, 6000
"""Ids and their characters that fit into one address."""

MANY_GONE = 70
"""So many vanished tasks are worth a list of their own; fewer are read singly."""

HOPE = 15.0
"""By how much, with every list by ids, the newest successes are expected to hold more of the vanished: they are tried again after a while."""

PAGE = 500
PATIENCE = 1.2
"""Seconds to wait for the account's next list: a little more than there are between two of them."""

REFUSED_FOR = 600.0
"""Seconds for which an upstream that refuses to list is read singly (keys may be bound to one endpoint, ark-wire.md §3.2)."""

OUR_FAULT = frozenset({400, 403, 404, 405})

Query = dict[str, str | tuple[str, ...]]


class Lists:
    """`take` is told what a list says of an upstream's tasks."""

    def __init__(
        self,
        services: Services,
        reader: Reader,
        book: Book,
        take: Callable[[str, Sequence[Sighting]], Awaitable[None]],
    ) -> None:
        self._services = services
        self._reader = reader
        self._book = book
        self._take = take
        self._walks: dict[str, Walk] = {}
        self._hits: dict[str, float] = {}
        self._refused_until: dict[str, float] = {}

    def serve(self, upstream: str) -> bool:
        """Whether this upstream's list can be asked for certain tasks."""
        now = self._services.now()
        return self._reader.codec(upstream).filters_list and now >= self._refused_until.get(upstream, 0.0)

    def vanished(self, upstream: str) -> int:
        """How many tasks have probably ended and wait to be looked up."""
        return len(self._walk(upstream).vanished)

    def look_up(self, upstream: str, count: int) -> list[Followed]:
        """Take so many of them to read them singly, longest gone first; who has been seen meanwhile is left out."""
        gone = self._walk(upstream).look_up(count)
        return [entry for entry in gone if self._book.find(upstream, entry.id) is not None]

    async def step(self, upstream: str, due: Sequence[Followed]) -> None:
        """Ask for the one list that tells most now."""
        walk = self._walk(upstream)
        if len(walk.vanished) > MANY_GONE:
            await self._find_vanished(upstream, walk)
            return
        if self._book.count(upstream) <= MANY:
            await self._by_ids(upstream, [entry for entry in due if not entry.hidden])
            return
        if walk.tier is None:
            walk.begin(entry.tier for entry in self._book.all(upstream) if not entry.hidden)
            waiting = [entry for entry in due if entry.status is not TaskStatus.RUNNING and not entry.hidden]
            if waiting:
                await self._by_ids(upstream, waiting)
                return
        await self._page(upstream, walk)

    async def _find_vanished(self, upstream: str, walk: Walk) -> None:
        """Look them up: among the newest successes, which are most of those that end in the order of their creation, else by ids."""
        hoped = self._hits.get(upstream, float(PAGE))
        if min(hoped, len(walk.vanished)) <= MOST_IDS:
            for entry in await self._by_ids(upstream, list(walk.vanished.values())):
                walk.vanished.pop(entry.id, None)
            self._hits[upstream] = hoped + HOPE
            return
        tier = next(iter(walk.vanished.values())).tier
        sightings = await self._listed(upstream, {"filter.status": "succeeded", "filter.service_tier": tier})
        if sightings is not None:
            found = [sighting.id for sighting in sightings if walk.vanished.pop(sighting.id, None) is not None]
            self._hits[upstream] = float(len(found))

    async def _page(self, upstream: str, walk: Walk) -> None:
        """The next page of the running tasks."""
        if walk.tier is None:
            return
        query: Query = {"filter.status": "running", "filter.service_tier": walk.tier}
        sightings = await self._listed(upstream, query, walk.page + 1)
        if sightings is not None:
            walk.take(sightings, last=len(sightings) < PAGE, followed=self._book.all(upstream))

    async def _by_ids(self, upstream: str, entries: Sequence[Followed]) -> list[Followed]:
        """List the first of `entries` by their ids; returns those that were asked for. Who is not shown is read singly from now on."""
        asked = _that_fit(entries)
        if not asked:
            return []
        ids = tuple(entry.id for entry in asked)
        sightings = await self._listed(upstream, {"filter.task_ids": ids, "filter.service_tier": asked[0].tier})
        if sightings is None:
            return []
        shown = {sighting.id for sighting in sightings}
        for entry in asked:
            if entry.id not in shown:
                entry.hidden, entry.due = True, self._services.now()
        return asked

    async def _listed(self, upstream: str, query: Query, page: int = 1) -> tuple[Sighting, ...] | None:
        """One page, written down; None if the account's list quota is used up for now, or the upstream does not list for us."""
        if not await self._services.quotas.take(upstream, "list", PATIENCE):
            return None
        try:
            sightings = await self._reader.list_page(upstream, {"page_num": str(page), "page_size": str(PAGE), **query})
        except UpstreamRefusal as refusal:
            if refusal.status not in OUR_FAULT:
                raise
            self._refused_until[upstream] = self._services.now() + REFUSED_FOR
            self._services.events.event(
                "warning",
                "an upstream refuses to list tasks; they are read singly, which is slower",
                upstream=upstream,
                reason=str(refusal),
            )
            return None
        await self._take(upstream, sightings)
        return sightings

    def _walk(self, upstream: str) -> Walk:
        return self._walks.setdefault(upstream, Walk())


def _that_fit(entries: Sequence[Followed]) -> list[Followed]:
    """The first entries of one tier whose ids fit into an address."""
    asked: list[Followed] = []
    length = 0
    for entry in entries:
        if entry.tier != entries[0].tier:
            continue
        length += len("filter.task_ids=&") + 3 * len(entry.id) - 2 * sum(map(_is_plain, entry.id))
        if len(asked) == MOST_IDS or (asked and length > LONGEST_IDS):
            break
        asked.append(entry)
    return asked


def _is_plain(character: str) -> bool:
    """Whether a character of an id stands for itself in an address."""
    return character.isascii() and (character.isalnum() or character in "-_.~")
