"""The open tasks in memory: each once, due in order."""

from proxy.follower.book import Book
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
    assert book.count() == book.count("ark") == len(book.all("ark")) == 0


def test_a_task_is_followed_once_in_its_newest_form() -> None:
    """Adding a task again replaces what was known of it; dropping it by either form forgets it."""
    book = Book()
    old, new = entry("a", due=1.0), entry("a", due=9.0)
    book.add(old)
    book.add(new)
    assert book.find("ark", "a") is new
    assert list(book.all("ark")) == [new]
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


def test_all_of_an_upstream_s_tasks_can_be_walked() -> None:
    """Due or not, every task that is followed at an upstream, in the order in which they came, and none of another's."""
    book = Book()
    tasks = [entry("a", due=9.0), entry("b", due=1.0), entry("c", upstream="other")]
    for one in tasks:
        book.add(one)
    assert list(book.all("ark")) == tasks[:2]
    assert list(book.all("third")) == []
