"""Commands and leases in every implementation of `proxy.store.Store`: what one process writes another one reads, once."""

import asyncio
from collections.abc import Awaitable, Callable

from proxy.store import Store
from proxy.store.commands import Command, Lease

OpenStore = Callable[[], Awaitable[Store]]


def command(key: str, kind: str = "refresh", created_at: float = 100.0, expires_at: float = 130.0) -> Command:
    """A command that waits."""
    return Command(
        key=key, kind=kind, arguments={"task": "cgt-1", "since": None}, created_at=created_at, expires_at=expires_at
    )


async def test_a_command_is_done_once(open_store: OpenStore) -> None:
    """What one process leaves another one finds, does and finishes; the first result stays."""
    asking, doing = await open_store(), await open_store()
    await asking.add_command(command("c1"))
    (found,) = await doing.pending_commands("refresh", 110.0)
    assert found == command("c1")
    assert await doing.finish_command("c1", {"outcome": "read", "list": [1, None]}, 111.0)
    assert not await doing.finish_command("c1", {"outcome": "twice"}, 112.0)
    done = await asking.command("c1")
    assert done is not None
    assert (done.result, done.ended_at) == ({"outcome": "read", "list": [1, None]}, 111.0)
    assert await doing.pending_commands("refresh", 110.0) == []
    assert await asking.command("c2") is None


async def test_commands_wait_in_their_order_by_kind(store: Store) -> None:
    """Each kind waits by itself, oldest first; what nobody waits for any more is not begun."""
    for number, kind in ((2, "refresh"), (1, "refresh"), (3, "reconcile")):
        await store.add_command(command(f"c{number}", kind, created_at=100.0 + number))
    await store.add_command(command("late", expires_at=110.0))
    assert [one.key for one in await store.pending_commands("refresh", 110.0)] == ["c1", "c2"]
    assert [one.key for one in await store.pending_commands("reconcile", 110.0)] == ["c3"]
    assert await store.pending_commands("other", 110.0) == []


async def test_a_lease_is_compared_and_set(open_store: OpenStore) -> None:
    """Of many who saw the same lease one gets it; leases of other names are others."""
    one, two = await open_store(), await open_store()
    wanted = [Lease(f"p{number}", 120.0) for number in range(20)]
    stores = [one, two] * 10
    got = await asyncio.gather(
        *(store.set_lease("follower", None, lease) for store, lease in zip(stores, wanted, strict=True))
    )
    assert sum(got) == 1
    winner = wanted[got.index(True)]
    assert await two.lease("follower") == winner
    assert not await two.set_lease("follower", Lease(winner.owner, 119.0), wanted[0])
    assert await two.set_lease("follower", winner, None)
    assert await one.lease("follower") is None
    assert await one.set_lease("other", None, wanted[0])
    assert await one.lease("follower") is None
