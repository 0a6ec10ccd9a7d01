"""A walk over pages of running tasks finds who vanished, whatever happens to the pages meanwhile."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.follower.schedule import Followed
from proxy.follower.walk import Walk
from proxy.model import Snapshot, TaskStatus
from proxy.translate.videos import Sighting


def entry(
    task_id: str,
    made: int | None = 0,
    *,
    tier: str = "default",
    status: TaskStatus = TaskStatus.RUNNING,
    hidden: bool = False,
) -> Followed:
    """A followed task."""
    return Followed(
        key=f"key of {task_id}",
        id=task_id,
        upstream="ark",
        tier=tier,
        status=status,
        created_at=0.0,
        expected=100.0,
        deadline=1e9,
        due=0.0,
        seen=True,
        made=made,
        hidden=hidden,
    )


def seen(task_id: str, made: int | None) -> Sighting:
    """What a page says of a running task."""
    return Sighting(task_id, Snapshot(status=TaskStatus.RUNNING, status_word="running", created_at=made))


def page(*tasks: Followed) -> list[Sighting]:
    """A page of these tasks."""
    return [seen(task.id, task.made) for task in tasks]


def begun(*tiers: str) -> Walk:
    """A walk that has begun."""
    walk = Walk()
    walk.begin(tiers or ("default",))
    return walk


A, B, C, D = (entry(name, made) for name, made in (("a", 400), ("b", 300), ("c", 200), ("d", 100)))


def test_who_should_stand_on_a_page_and_does_not_has_vanished_at_once() -> None:
    """Pages run from new to old: the second tells of everybody between the end of the first and its own."""
    walk = begun()
    walk.take(page(A), last=False, followed=[A, B, C, D])
    assert list(walk.vanished) == []
    walk.take(page(C), last=False, followed=[A, B, C, D])
    assert list(walk.vanished) == ["b"]
    walk.take([], last=True, followed=[A, B, C, D])
    assert list(walk.vanished) == ["b", "d"]


def test_the_first_page_tells_of_the_newest() -> None:
    """Who is newer than everybody on the first page has vanished."""
    walk = begun()
    walk.take(page(B, C), last=False, followed=[A, B, C, D])
    assert list(walk.vanished) == ["a"]


def test_an_empty_list_means_that_all_have_vanished() -> None:
    """No running task at the upstream: all that ran have ended."""
    walk = begun()
    walk.take([], last=True, followed=[A, B, entry("x", None)])
    assert list(walk.vanished) == ["a", "b", "x"]


def test_pages_in_no_order_tell_only_together() -> None:
    """An upstream that sorts otherwise is understood as well: the verdict waits for the last page."""
    walk = begun()
    walk.take(page(D, A), last=False, followed=[A, B, C, D])
    assert list(walk.vanished) == []
    walk.take(page(B), last=True, followed=[A, B, C, D])
    assert list(walk.vanished) == ["c"]


def test_a_page_without_times_tells_only_at_the_end() -> None:
    """The same if the upstream does not say when tasks were made."""
    walk = begun()
    walk.take([seen("a", None)], last=False, followed=[A, B])
    assert list(walk.vanished) == []
    walk.take([], last=True, followed=[A, B])
    assert list(walk.vanished) == ["b"]


@pytest.mark.parametrize(
    "other",
    [
        entry("x", status=TaskStatus.QUEUED),
        entry("x", status=TaskStatus.FAILED),
        entry("x", tier="flex"),
        entry("x", hidden=True),
    ],
    ids=["queued", "assumed to be over", "another tier", "hidden"],
)
def test_who_cannot_be_on_the_page_cannot_vanish_from_it(other: Followed) -> None:
    """A page of running tasks of one tier says nothing of tasks that it would not show."""
    walk = begun()
    walk.take([], last=True, followed=[other, A])
    assert list(walk.vanished) == ["a"]


def test_tiers_are_walked_one_after_the_other() -> None:
    """A walk is over when the last page of the last tier was seen; each tier starts at its first page."""
    walk = begun("flex", "default")
    flex = entry("f", 250, tier="flex")
    assert (walk.tier, walk.page) == ("default", 0)
    walk.take(page(A), last=False, followed=[A, flex])
    assert (walk.tier, walk.page) == ("default", 1)
    walk.take([], last=True, followed=[A, flex])
    assert (walk.tier, walk.page, list(walk.vanished)) == ("flex", 0, [])
    walk.take([], last=True, followed=[A, flex])
    assert (walk.tier, list(walk.vanished)) == (None, ["f"])


def test_the_vanished_are_looked_up_in_their_order_and_once() -> None:
    """Taken off the list are the longest gone; who still waits does not vanish twice."""
    walk = begun()
    walk.take(page(A), last=True, followed=[A, B, C])
    walk.begin(["default"])
    walk.take([], last=True, followed=[A, B, C])
    assert [one.id for one in walk.look_up(2)] == ["b", "c"]
    assert [one.id for one in walk.look_up(-1)] == []
    assert [one.id for one in walk.look_up(9)] == ["a"]


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40),
    st.lists(st.sets(st.integers(0, 39)), max_size=20),
    st.booleans(),
    st.integers(1, 7),
)
def test_whoever_has_ended_before_the_walk_is_found_by_it(
    made: list[int], ends: list[set[int]], ordered: bool, size: int
) -> None:
    """Tasks end between any two pages: a walk finds all that ended before it began, and nobody of a page that shows them."""
    entries = [entry(f"t{number}", time) for number, time in enumerate(made)]
    running = sorted(entries, key=lambda one: -(one.made or 0)) if ordered else list(entries)
    before = {f"t{number}" for number in (ends[0] if ends else set())}
    running = [one for one in running if one.id not in before]
    walk, shown = begun(), set[str]()
    for number in range(100):
        if walk.tier is None:
            break
        if number:
            gone = {f"t{one}" for one in (ends[number] if number < len(ends) else set())}
            running = [one for one in running if one.id not in gone]
        here: Sequence[Followed] = running[number * size : (number + 1) * size]
        shown |= {one.id for one in here}
        walk.take(page(*here), last=len(here) < size, followed=entries)
    assert walk.tier is None
    assert {one.id for one in entries} & before <= set(walk.vanished)
    assert not shown & set(walk.vanished)
