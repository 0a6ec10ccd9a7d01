"""Callers and keys as people handle them."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from proxy import auth
from proxy.accounts import AccountError, Accounts
from proxy.model import Caller
from proxy.store import UsageFilter
from tests.store.made import call, task
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
    assert key.prefix == text[:16] != rotated.prefix
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
    """A name, CALLER/NAME, the prefix and the key itself all find the key, an admin key as well."""
    for name, admin in (("laptop", False), ("root", True)):
        key, text = await accounts.create_key(name, "alice", admin=admin)
        for which in (name, f"alice/{name}", key.prefix, f"{key.prefix}…", text):
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
    shown = auth.prefix(which)
    assert shown in str(caught.value)
    assert which == shown or which[: len(shown) + 1] not in str(caught.value)


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


async def test_only_the_past_is_forgotten(accounts: Accounts, store: Counted, clock: Clock) -> None:
    """A prune reaches up to now at most; what tells repeated creates is kept for 24 hours whatever is asked."""
    with pytest.raises(AccountError, match="only what is past"):
        await accounts.prune(1000.1)
    await store.add_task(task(1, fingerprint="f"))
    clock.time = 86_500.0
    assert (await accounts.prune(clock.time))["idempotency"] == 0
    clock.time = 86_502.0
    assert (await accounts.prune(1000.0, dry_run=True))["idempotency"] == 1
    assert (await accounts.prune(clock.time))["idempotency"] == 1
