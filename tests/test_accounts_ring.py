"""The ring that admits keys to calls: from memory where it can, and never longer than the store says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy import auth
from proxy.accounts import Accounts, KeyRing
from proxy.errors import Problem, Refusal
from proxy.model import Key
from tests.support.people import Clock, Counted


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Counted]:
    """An empty store."""
    opened = Counted(tmp_path / "arkbridge.db")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    """The time, at 1000 s."""
    return Clock()


@pytest.fixture
def accounts(store: Counted, clock: Clock) -> Accounts:
    """The accounts of that store."""
    return Accounts(store, clock)


@pytest.fixture
def ring(store: Counted, clock: Clock) -> KeyRing:
    """A ring that remembers three keys of either kind."""
    return KeyRing(store, clock, size=3)


async def refused(ring: KeyRing, key: str | None, *, admin: bool = False) -> Problem:
    """Why the ring refuses this key; its message must be a sentence that does not hold the key."""
    with pytest.raises(Refusal) as caught:
        await ring.lookup(key, admin=admin)
    assert key is None or not key or key not in caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value.problem


async def test_a_key_is_admitted_from_memory(accounts: Accounts, ring: KeyRing, store: Counted) -> None:
    """The first look-up asks the store, later ones do not; the identity holds key and caller."""
    key, text = await accounts.create_key("laptop", "alice")
    for _ in range(5):
        await ring.lookup(text)
    identity = await ring.lookup(text)
    assert (identity.key, identity.caller.name) == (key, "alice")
    assert store.looked_up == 1


async def test_garbage_never_reaches_the_store(ring: KeyRing, store: Counted) -> None:
    """No key, and what has not the shape of one, is refused as 401 without asking the store."""
    for garbage in (None, "", "sk-123", "sk-ab-short", "x" * 100_000, "sk-ab-" + "é" * 43):
        assert await refused(ring, garbage) is Problem.AUTHENTICATION
    assert store.looked_up == 0


async def test_an_unknown_key_is_remembered_as_unknown(ring: KeyRing, store: Counted) -> None:
    """The same wrong key asks the store once, and its refusal does not even show its prefix."""
    wrong = auth.new_key()
    for _ in range(3):
        with pytest.raises(Refusal) as caught:
            await ring.lookup(wrong)
        assert caught.value.problem is Problem.AUTHENTICATION
        assert wrong[6:12] not in caught.value.message
    assert store.looked_up == 1


async def test_a_flood_of_wrong_keys_pushes_no_right_one_out(accounts: Accounts, ring: KeyRing, store: Counted) -> None:
    """Memory is bounded in both directions, and wrong keys take the place of wrong keys only."""
    _, text = await accounts.create_key("laptop")
    await ring.lookup(text)
    for _ in range(20):
        await refused(ring, auth.new_key())
    store.looked_up = 0
    await ring.lookup(text)
    assert store.looked_up == 0


async def test_the_keys_used_last_are_remembered(accounts: Accounts, ring: KeyRing, store: Counted) -> None:
    """Beyond its size the ring forgets what was not used for longest."""
    texts = [(await accounts.create_key(f"n-{n}"))[1] for n in range(4)]
    for text in (texts[0], texts[1], texts[2], texts[0], texts[3]):
        await ring.lookup(text)
    store.looked_up = 0
    await ring.lookup(texts[0])
    assert store.looked_up == 0
    await ring.lookup(texts[1])
    assert store.looked_up == 1


async def test_changes_of_other_processes_are_followed(accounts: Accounts, ring: KeyRing) -> None:
    """After a refresh new keys are known, and revoked keys and suspended callers are refused; without a change nothing is forgotten."""
    early = auth.new_key()
    _, text = await accounts.create_key("laptop", "alice")
    await ring.lookup(text)
    await refused(ring, early)
    assert await ring.refresh_if_changed()
    assert not await ring.refresh_if_changed()
    await ring.lookup(text)
    await accounts.suspend("alice")
    await ring.lookup(text)
    assert await ring.refresh_if_changed()
    assert await refused(ring, text) is Problem.PERMISSION
    await accounts.suspend("alice", suspended=False)
    await accounts.revoke("laptop")
    await ring.refresh_if_changed()
    assert await refused(ring, text) is Problem.AUTHENTICATION


async def test_a_key_that_was_unknown_works_once_it_exists(store: Counted, clock: Clock, ring: KeyRing) -> None:
    """A key refused before it was made is admitted after the next refresh."""
    drawn = bytes(range(32))
    text = auth.new_key(random=lambda _: drawn)
    await ring.refresh_if_changed()
    assert await refused(ring, text) is Problem.AUTHENTICATION
    await Accounts(store, clock, random=lambda _: drawn).create_key("laptop")
    await ring.refresh_if_changed()
    assert (await ring.lookup(text)).key.name == "laptop"


async def test_an_end_needs_no_refresh(accounts: Accounts, ring: KeyRing, clock: Clock) -> None:
    """A remembered key is refused from the very instant at which it expires."""
    _, text = await accounts.create_key("laptop", expires_at=1010.0)
    clock.time = 1009.9
    await ring.lookup(text)
    clock.time = 1010.0
    assert await refused(ring, text) is Problem.AUTHENTICATION


async def test_the_two_kinds_of_keys_do_not_mix(accounts: Accounts, ring: KeyRing) -> None:
    """An admin key calls no models (403), a caller's key administers nothing (401); each is admitted where it belongs."""
    _, admin = await accounts.create_key("root", admin=True)
    _, text = await accounts.create_key("laptop")
    assert await refused(ring, admin) is Problem.PERMISSION
    assert await refused(ring, text, admin=True) is Problem.AUTHENTICATION
    assert (await ring.lookup(admin, admin=True)).key.name == "root"
    assert (await ring.lookup(text)).key.name == "laptop"


class Slow(Counted):
    """A store whose answer about a key comes late: a change comes in between."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def key_by_hash(self, digest: bytes) -> Key | None:
        """The answer as it was when asked, handed over when the test says so."""
        found = await super().key_by_hash(digest)
        self.asked.set()
        await self.answer.wait()
        return found


async def test_an_answer_older_than_a_change_is_not_remembered(tmp_path: Path, clock: Clock) -> None:
    """What was read before a refresh and arrives after it serves that one call and is then asked anew."""
    store = Slow(tmp_path / "arkbridge.db")
    await store.open()
    accounts, ring = Accounts(store, clock), KeyRing(store, clock)
    _, text = await accounts.create_key("laptop")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(ring.lookup(text))
        await store.asked.wait()
        await accounts.revoke("laptop")
        await ring.refresh_if_changed()
        store.answer.set()
    assert first.result().key.revoked_at is None
    assert await refused(ring, text) is Problem.AUTHENTICATION
    await store.close()
