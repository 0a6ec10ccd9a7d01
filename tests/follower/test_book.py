"""The open tasks in memory: each once, due in order; a sweep finds exactly those that are no longer among the running."""

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.follower.book import Book, Sweep
from proxy.follower.schedule import Followed
from proxy.model import TaskStatus


def entry(
    task_id: str, *, upstream: str = "ark", due: float = 0.0, status: TaskStatus = TaskStatus.RUNNING
) -> Followed:
    """An open task."""
    return Followed(
        key=f"key of {task_id}",
        id=task_id,
        upstream=upstream,
        tier="default",
        status=status,
        created_at=0.0,
        expected=100.0,
        deadline=1e9,
        due=due,
        seen=True,
    )


def test_an_empty_book_has_nothing() -> None:
    """Nothing is due, found or counted, and dropping what is not there is no error."""
    book = Book()
    book.drop(entry("a"))
    assert book.due("ark", 1e9) == []
    assert book.find("ark", "a") is None
    assert book.count() == book.count("ark") == 0


def test_a_task_is_followed_once_in_its_newest_form() -> None:
    """Adding a task again replaces what was known of it; dropping it by either form forgets it."""
    book = Book()
    old, new = entry("a", due=1.0), entry("a", due=9.0)
    book.add(old)
    book.add(new)
    assert book.find("ark", "a") is new
    assert book.count() == 1
    assert book.due("ark", 5.0) == []
    book.drop(old)
    assert book.find("ark", "a") is None
    assert book.count() == 0


def test_the_same_id_at_two_upstreams_is_two_tasks() -> None:
    """(upstream, id) is what is unique."""
    book = Book()
    here, there = entry("a"), entry("a", upstream="other")
    book.add(here)
    book.add(there)
    assert book.find("ark", "a") is here
    assert book.find("other", "a") is there
    assert (book.count(), book.count("ark"), book.count("other"), book.count("third")) == (2, 1, 1, 0)
    book.drop(here)
    assert book.due("other", 0.0) == [there]


def test_what_is_due_comes_longest_overdue_first() -> None:
    """Due is who was to be looked at by now, the earliest first, equals in the order in which they came."""
    book = Book()
    for task_id, due in (("late", 5.0), ("now", 10.0), ("first", 1.0), ("tomorrow", 11.0), ("twin", 5.0)):
        book.add(entry(task_id, due=due))
    assert [one.id for one in book.due("ark", 10.0)] == ["first", "late", "twin", "now"]


def test_what_changes_an_entry_changes_when_it_is_due() -> None:
    """An entry put off is no longer due, without being added again."""
    book = Book()
    one = entry("a")
    book.add(one)
    one.due = 20.0
    assert book.due("ark", 10.0) == []
    assert book.due("ark", 20.0) == [one]


# -- sweeps

A, B, C = entry("a"), entry("b"), entry("c")


def walked(sweep: Sweep, pages: Sequence[Iterable[str]], waiting: Sequence[Followed]) -> list[str]:
    """The ids that have vanished after a whole walk."""
    for number, page in enumerate(pages, 1):
        sweep.take(page, last=number == len(pages), waiting=waiting)
    return [one.id for one in sweep.vanished]


def test_who_ran_and_does_not_appear_has_vanished() -> None:
    """After the last page whoever was running and stood on none of the pages is to be looked up."""
    assert walked(Sweep(), [["a"], ["x"], ["c"]], [A, B, C]) == ["b"]


def test_nobody_vanishes_before_the_last_page() -> None:
    """Pages are counted and remembered; the verdict waits for the end of the walk, which then starts again."""
    sweep = Sweep()
    sweep.take(["a"], last=False, waiting=[A, B])
    assert (sweep.page, sweep.vanished) == (1, [])
    sweep.take(["b"], last=True, waiting=[A, B])
    assert (sweep.page, sweep.appeared, sweep.vanished) == (0, set(), [])


def test_an_empty_list_means_that_all_have_vanished() -> None:
    """No running task at the upstream: all that ran here have ended."""
    assert walked(Sweep(), [[]], [A, B]) == ["a", "b"]


@pytest.mark.parametrize("status", [status for status in TaskStatus if status is not TaskStatus.RUNNING])
def test_who_was_not_running_cannot_vanish_from_the_running(status: TaskStatus) -> None:
    """A queued task is not among the running and is not looked up for that."""
    assert walked(Sweep(), [[]], [entry("q", status=status), A]) == ["a"]


def test_who_still_waits_to_be_looked_up_is_not_listed_twice() -> None:
    """A second walk adds those that vanished since, each once; one that reappears stays to be looked up."""
    sweep = Sweep()
    assert walked(sweep, [["b"]], [A, B, C]) == ["a", "c"]
    assert walked(sweep, [["c"]], [A, B, C]) == ["a", "c", "b"]
    sweep.vanished = []
    assert walked(sweep, [["a", "b", "c"]], [A, B, C]) == []


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=5), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(list(TaskStatus))),
)
def test_a_sweep_is_a_difference_of_sets(pages: list[list[str]], known: dict[str, TaskStatus]) -> None:
    """Whatever the pages, vanished are those who ran without those who appeared."""
    waiting = [entry(task_id, status=status) for task_id, status in known.items()]
    running = {task_id for task_id, status in known.items() if status is TaskStatus.RUNNING}
    vanished = walked(Sweep(), pages, waiting)
    assert set(vanished) == running - set(itertools.chain.from_iterable(pages))
    assert len(vanished) == len(set(vanished))
