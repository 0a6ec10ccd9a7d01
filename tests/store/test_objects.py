"""Objects in the store: whose they are, where they live, what is known of them, and their lists."""

from dataclasses import replace

import pytest

from proxy.store import Store
from proxy.store.objects import ObjectFilter, Owned
from tests.store.conftest import OpenStore

FILE = Owned(caller="alice", upstream="ark", kind="file", id="file-1", created_at=5.0, facts='{"id":"file-1","猫":1}')


async def test_an_object_comes_back(store: Store) -> None:
    """An object is found by its owner, kind and id, and by nothing else."""
    await store.add_object(FILE)
    assert await store.object_of("alice", "file", "file-1") == FILE
    for other in (("bob", "file", "file-1"), ("alice", "response", "file-1"), ("alice", "file", "FILE-1")):
        assert await store.object_of(*other) is None


async def test_an_object_is_durable(store: Store, open_store: OpenStore) -> None:
    """What is written is seen by another process."""
    await store.add_object(FILE)
    assert await (await open_store()).object_of("alice", "file", "file-1") == FILE


async def test_the_same_object_again(store: Store) -> None:
    """An object that is made again keeps its place and has its newer facts."""
    await store.add_object(FILE)
    await store.add_object(replace(FILE, upstream="other", created_at=9.0, facts=None))
    assert await store.object_of("alice", "file", "file-1") == replace(FILE, upstream="other", facts=None)


async def test_newer_facts(store: Store) -> None:
    """Newer facts replace the older ones of the owner's object; what is gone stays gone."""
    await store.add_object(FILE)
    await store.see_object("alice", "file", "file-1", "{}")
    await store.see_object("bob", "file", "file-1", "{}")
    assert await store.object_of("alice", "file", "file-1") == replace(FILE, facts="{}")
    await store.drop_object("alice", "file", "file-1")
    await store.see_object("alice", "file", "file-1", "{}")
    assert await store.object_of("alice", "file", "file-1") is None


async def test_a_drop_is_the_owners(store: Store) -> None:
    """Two callers may have an object of the same id; each drops its own."""
    await store.add_object(FILE)
    await store.add_object(replace(FILE, caller="bob"))
    await store.drop_object("bob", "file", "file-1")
    assert await store.object_of("alice", "file", "file-1") is not None
    assert await store.object_of("bob", "file", "file-1") is None


@pytest.mark.parametrize("ascending", [False, True])
async def test_pages(store: Store, *, ascending: bool) -> None:
    """A list goes through the caller's objects of a kind by time, then id, page by page, without loss or repetition."""
    made = [replace(FILE, id=f"file-{n:02}", created_at=float(n // 3)) for n in range(20)]
    for owned in reversed(made):
        await store.add_object(owned)
    for stranger in (replace(FILE, caller="bob"), replace(FILE, kind="response")):
        await store.add_object(stranger)
    seen: list[Owned] = []
    behind = None
    while page := await store.objects(
        ObjectFilter(caller="alice", kind="file", behind=behind, ascending=ascending, limit=7)
    ):
        assert len(page) <= 7
        seen += page
        behind = (page[-1].created_at, page[-1].id)
    assert seen == (made if ascending else made[::-1])


async def test_an_empty_list(store: Store) -> None:
    """Who has no objects has an empty list."""
    assert await store.objects(ObjectFilter(caller="alice", kind="file")) == []
