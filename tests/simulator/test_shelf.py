"""Objects that a dialect keeps."""

from pathlib import Path

from proxy.simulator import shelf
from proxy.simulator.jobs import JobStore
from proxy.simulator.shelf import Shelf


def test_objects_outlive_a_restart(tmp_path: Path) -> None:
    """What was kept is there again, what was removed is not, and kinds do not mix."""
    path = tmp_path / "state"
    store = JobStore(path)
    files = Shelf(store, "file")
    files.put("a", {"id": "a"})
    files.put("b", {"id": "b"})
    files.put("a", {"id": "a", "new": True})
    files.remove("b")
    files.remove("never")
    Shelf(store, "response").put("c", {"id": "c"})
    again = Shelf(JobStore(path), "file")
    assert again.all() == files.all() == [{"id": "a", "new": True}]
    assert again.get("b") is None
    assert again.get("c") is None


def test_the_oldest_goes_when_there_are_too_many() -> None:
    """A long run does not fill the memory."""
    kept = Shelf(JobStore(None), "file")
    for number in range(shelf.MOST + 1):
        kept.put(str(number), {"id": str(number)})
    assert (len(kept.all()), kept.get("0"), kept.get("1")) == (shelf.MOST, None, {"id": "1"})


def test_pages() -> None:
    """A page begins behind an item and tells whether more follow; an unknown item has no page."""
    items: list[shelf.Object] = [{"id": name} for name in "abc"]
    assert shelf.page(items, None, 2) == ([{"id": "a"}, {"id": "b"}], True)
    assert shelf.page(items, "b", 2) == ([{"id": "c"}], False)
    assert shelf.page(items, "z", 2) is None
