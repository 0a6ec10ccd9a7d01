"""Callers and keys as people handle them, and the ring that admits keys to calls."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from proxy import auth
from proxy.accounts import AccountError, Accounts, KeyRing
from proxy.errors import Problem, Refusal
from proxy.model import Caller, Key
from proxy.store import UsageFilter
from proxy.store.sqlite import SqliteStore
from tests.store.made import call


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Counted(SqliteStore):
    """The store, counting how often a key is looked up in it."""

    looked_up = 0

    async def key_by_hash(self, digest: bytes) -> Key | None:
        """As the store does it."""
        self.looked_up += 1
        return await super().key_by_hash(digest)


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


# accounts


async def test_a_key_is_made_with_its_caller(accounts: Accounts, store: Counted) -> None:
    """The caller is named like the key unless given, and is made if new; the key itself is stored nowhere."""
    key, text = await accounts.create_key("laptop", limits={"rpm": 5}, expires_at=2000.0)
    assert auth.looks_like_key(text)
    assert (key.name, key.caller, key.prefix, key.created_at, key.expires_at) == (
        "laptop",
        "laptop",
        text[:12],
        1000.0,
        2000.0,
    )
    assert await store.key_by_hash(auth.digest(text)) == key
    await accounts.create_key("desktop", "laptop")
    assert await accounts.list_callers() == [Caller(name="laptop", created_at=1000.0)]
    assert [found.name for found in await accounts.list_keys("laptop")] == ["laptop", "desktop"]


async def test_the_key_is_nowhere_in_the_database(accounts: Accounts, store: Counted, tmp_path: Path) -> None:
    """Not a byte of the files holds the key, which is shown once and then gone."""
    _, text = await accounts.create_key("laptop")
    await store.close()
    assert text.encode() not in (tmp_path / "arkbridge.db").read_bytes()


async def test_an_admin_key_is_of_another_kind(accounts: Accounts) -> None:
    """An admin key starts differently and stays an admin key when it is rotated."""
    key, text = await accounts.create_key("root", admin=True)
    rotated, new_text = await accounts.rotate("root", 0)
    assert key.admin
    assert rotated.admin
    assert text.startswith("sk-ab-admin-")
    assert new_text.startswith("sk-ab-admin-")


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "sk-ab-1234567890", "a\nb", "x" * 101, "\ud800"])
async def test_names_that_would_mislead_are_refused(accounts: Accounts, name: str) -> None:
    """A name that could be taken for a path or a key, or that cannot be shown, is refused for keys and callers alike."""
    with pytest.raises(AccountError, match="choose"):
        await accounts.create_key(name)
    with pytest.raises(AccountError, match="choose"):
        await accounts.create_key("fine", name)
    assert await accounts.list_callers() == []


async def test_two_live_keys_of_one_name_are_refused(accounts: Accounts, clock: Clock) -> None:
    """The second key of a name says what to do instead; once the first has expired or was revoked the name is free."""
    await accounts.create_key("laptop", expires_at=1100.0)
    with pytest.raises(AccountError, match="rotate or revoke"):
        await accounts.create_key("laptop")
    clock.time = 1200.0
    await accounts.create_key("laptop")
    await accounts.revoke("laptop")
    await accounts.create_key("laptop")


async def test_a_key_cannot_be_born_expired(accounts: Accounts) -> None:
    """An end that is already past is refused."""
    with pytest.raises(AccountError, match="still to come"):
        await accounts.create_key("laptop", expires_at=1000.0)


async def test_keys_are_found_in_every_way_people_name_them(accounts: Accounts) -> None:
    """A name, CALLER/NAME, the prefix and the key itself all find the key."""
    key, text = await accounts.create_key("laptop", "alice")
    for which in ("laptop", "alice/laptop", key.prefix, f"{key.prefix}…", text):
        assert await accounts.find_key(which) == key


async def test_an_ambiguous_name_is_never_guessed(accounts: Accounts) -> None:
    """A name of two callers' keys is refused with both full names; a full name works. So is a prefix that all admin keys share."""
    await accounts.create_key("laptop", "alice")
    await accounts.create_key("laptop", "bob")
    for ask in (
        accounts.find_key("laptop"),
        accounts.revoke("laptop"),
        accounts.rotate("laptop", 1),
        accounts.set_key("laptop"),
    ):
        with pytest.raises(AccountError, match=r"alice/laptop or bob/laptop"):
            await ask
    assert (await accounts.find_key("bob/laptop")).caller == "bob"
    await accounts.create_key("one", "ops", admin=True)
    await accounts.create_key("two", "ops", admin=True)
    with pytest.raises(AccountError, match=r"sk-ab-admin-… means more than one key: write ops/one or ops/two"):
        await accounts.find_key("sk-ab-admin-")


@pytest.mark.parametrize("which", ["nobody", "sk-ab-" + "a" * 43, "sk-ab-" + "a" * 40, "sk-ab-admin-" + "a" * 43])
async def test_an_unknown_key_is_told_without_the_key(accounts: Accounts, which: str) -> None:
    """What is not found is named in the error, but of a key, whole or cut, only its prefix."""
    with pytest.raises(AccountError, match="keys list") as caught:
        await accounts.find_key(which)
    assert which[:12] in str(caught.value)
    assert len(which) < 13 or which[:13] not in str(caught.value)


async def test_a_revoked_key_is_dead_for_good(accounts: Accounts, clock: Clock) -> None:
    """Revoking tells when; a second time is an error, and neither changing nor rotating brings the key back."""
    await accounts.create_key("laptop")
    clock.time = 1500.0
    assert [key.revoked_at for key in await accounts.revoke("laptop")] == [1500.0]
    with pytest.raises(AccountError, match="already"):
        await accounts.revoke("laptop")
    with pytest.raises(AccountError, match="create a new key"):
        await accounts.rotate("laptop", 10)
    await accounts.set_key("laptop", limits={"rpm": 1})
    assert (await accounts.find_key("laptop")).revoked_at == 1500.0


async def test_a_rotation_honours_the_old_key_for_its_grace(accounts: Accounts, clock: Clock) -> None:
    """After a rotation both keys are live until the grace is over; the name then means the new one, which keeps limits and end."""
    old, old_text = await accounts.create_key("laptop", limits={"rpm": 5}, expires_at=9000.0)
    clock.time = 1010.0
    new, new_text = await accounts.rotate("laptop", 60)
    assert new_text != old_text
    assert (new.name, new.caller, new.limits, new.expires_at, new.created_at) == (
        "laptop",
        "laptop",
        {"rpm": 5},
        9000.0,
        1010.0,
    )
    assert [key.expires_at for key in await accounts.list_keys()] == [1070.0, 9000.0]
    assert await accounts.find_key("laptop") == new
    assert (await accounts.find_key(old_text)).hash == old.hash
    assert len(await accounts.revoke("laptop")) == 2


async def test_a_grace_never_prolongs_a_key(accounts: Accounts) -> None:
    """A key that ends before the grace does ends when it would have."""
    await accounts.create_key("laptop", expires_at=1005.0)
    await accounts.rotate("laptop", 60)
    assert [key.expires_at for key in await accounts.list_keys()] == [1005.0, 1005.0]


@pytest.mark.parametrize("grace", [-1.0, float("nan"), float("inf")])
async def test_a_grace_is_a_number_of_seconds(accounts: Accounts, grace: float) -> None:
    """A grace that is no length of time is refused before anything happens."""
    await accounts.create_key("laptop")
    with pytest.raises(AccountError, match="24h"):
        await accounts.rotate("laptop", grace)
    assert len(await accounts.list_keys()) == 1


async def test_a_key_is_changed_in_part(accounts: Accounts) -> None:
    """Limits given are merged, None takes one away, and the end changes only if said."""
    await accounts.create_key("laptop", limits={"rpm": 5, "tpm": 6}, expires_at=2000.0)
    assert (await accounts.set_key("laptop", limits={"rpm": None, "tasks": 7})).limits == {"tpm": 6, "tasks": 7}
    assert (await accounts.find_key("laptop")).expires_at == 2000.0
    assert (await accounts.set_key("laptop", expires_at=None)).expires_at is None
    assert (await accounts.find_key("laptop")).limits == {"tpm": 6, "tasks": 7}


async def test_a_caller_is_suspended_and_admitted_again(accounts: Accounts) -> None:
    """Suspension is a switch on the caller; a caller that does not exist is an error."""
    await accounts.create_key("laptop", "alice")
    assert (await accounts.suspend("alice")).suspended
    assert [caller.suspended for caller in await accounts.list_callers()] == [True]
    assert not (await accounts.suspend("alice", suspended=False)).suspended
    with pytest.raises(AccountError, match="no caller named bob"):
        await accounts.suspend("bob")


async def test_the_first_start_makes_one_key(accounts: Accounts) -> None:
    """The first start gets a key of the default caller, also if an admin key exists; later ones get none."""
    await accounts.create_key("root", admin=True)
    text = await accounts.first_caller_key()
    assert text is not None
    assert (await accounts.find_key(text)).caller == "default"
    assert await accounts.first_caller_key() is None
    await accounts.revoke("default")
    assert await accounts.first_caller_key() is None


async def test_two_first_starts_make_one_key(accounts: Accounts) -> None:
    """Processes that start at the same time make one key between them."""
    texts = await asyncio.gather(*(accounts.first_caller_key() for _ in range(5)))
    assert len([text for text in texts if text]) == 1
    assert len(await accounts.list_keys()) == 1


async def test_usage_is_reported_by_group(accounts: Accounts, store: Counted) -> None:
    """A report is the store's; what it cannot be grouped by, or a period that runs backwards, is refused with the choices."""
    await store.add_rows([call(1), call(2, caller="bob")])
    found = [(total.group, total.calls, total.cost) for total in await accounts.usage(UsageFilter(by=("caller",)))]
    assert found == [({"caller": "alice"}, 1, Decimal("0.000001")), ({"caller": "bob"}, 1, Decimal("0.000001"))]
    with pytest.raises(AccountError, match="caller, key, model, family, day, upstream"):
        await accounts.usage(UsageFilter(by=("team",)))
    with pytest.raises(AccountError, match="before it begins"):
        await accounts.usage(UsageFilter(since=2.0, until=1.0))


# the ring


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
