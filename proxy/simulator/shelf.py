"""Objects that a dialect keeps for its callers (responses, files, contexts): by kind and id, oldest first, bounded.

They are facts of the job store, so they outlive a restart where there is a state file.
"""

from proxy.simulator.jobs import JobStore, Json

MOST = 10_000

Object = dict[str, Json]


class Shelf:
    """The objects of one kind."""

    def __init__(self, store: JobStore, kind: str) -> None:
        self._store = store
        self._prefix = f"{kind}:"
        self._ids = {name: None for name in store.facts if name.startswith(self._prefix)}

    def put(self, object_id: str, value: Object) -> None:
        """Keep an object, or its new state; the oldest goes when there are too many."""
        name = self._prefix + object_id
        self._ids[name] = None
        self._store.set_fact(name, value)
        if len(self._ids) > MOST:
            self.remove(next(iter(self._ids)).removeprefix(self._prefix))

    def get(self, object_id: str) -> Object | None:
        """The object, or None."""
        found = self._store.facts.get(self._prefix + object_id)
        return found if isinstance(found, dict) else None

    def remove(self, object_id: str) -> None:
        """Forget an object; an unknown id is no error."""
        self._ids.pop(self._prefix + object_id, None)
        self._store.drop_fact(self._prefix + object_id)

    def all(self) -> list[Object]:
        """Every object, oldest first."""
        return [value for name in self._ids if isinstance(value := self._store.facts.get(name), dict)]


def page(items: list[Object], after: str | None, limit: int) -> tuple[list[Object], bool] | None:
    """The items behind the one whose `id` is `after`, and whether more follow; None if there is no such item."""
    if after is not None:
        places = [place for place, item in enumerate(items) if item.get("id") == after]
        if not places:
            return None
        items = items[places[0] + 1 :]
    return items[:limit], len(items) > limit
