"""Callers, keys and reports: what console, admin routes and command line call, and the ring of keys that every request passes.

A key itself is returned once, when it is made; no message ever holds more of it than its prefix.
"""

import math
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Generic, TypeVar

from proxy import auth
from proxy.errors import ArkbridgeError, Problem, Refusal
from proxy.model import JSON, Caller, Identity, Key
from proxy.store import Store, UsageFilter, UsageSum
from proxy.store.prune import Prune

K = TypeVar("K")
V = TypeVar("V")

USAGE_GROUPS = ("caller", "key", "model", "family", "day", "upstream")
_LONGEST_NAME = 100
_REPEATS_KEPT = 86400.0


class AccountError(ArkbridgeError):
    """What was asked of an account cannot be done: one sentence with the cause and what to do."""


class Keep(Enum):
    """The value of an argument that asks for no change."""

    KEEP = auto()


KEEP = Keep.KEEP


def _shown(which: str) -> str:
    """What may stand in a message of what somebody wrote: a key, whole or in part, is cut to its prefix."""
    return f"{auth.prefix(which)}…" if which.startswith(auth.KEY_START) else which


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise AccountError(
            f"a name has 1 to {_LONGEST_NAME} printable characters and no space at its ends: choose another"
        )
    if "/" in name or name.startswith(auth.KEY_START):
        raise AccountError(
            f"the name {_shown(name)} could be taken for CALLER/NAME or for a key: "
            f"choose one without / that does not start with {auth.KEY_START}"
        )


class Accounts:
    """Makes, finds, changes and ends keys and callers, and reports their usage. `now` gives unix seconds."""

    def __init__(
        self, store: Store, now: Callable[[], float], random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._store = store
        self._now = now
        self._random = random

    async def create_key(
        self,
        name: str,
        caller: str | None = None,
        *,
        admin: bool = False,
        expires_at: float | None = None,
        limits: JSON | None = None,
    ) -> tuple[Key, str]:
        """A new key and its record, for `caller` (default: named like the key), who is made if new; `expires_at` in unix seconds."""
        owner = name if caller is None else caller
        _check_name(name)
        _check_name(owner)
        now = self._now()
        if expires_at is not None and expires_at <= now:
            raise AccountError(f"the key {name} would have expired already: give a time that is still to come")
        await self._store.add_caller(Caller(name=owner, created_at=now))
        key, text = self._new(Key(hash=b"", prefix="", name=name, caller=owner, admin=admin, limits=limits or {}))
        key = replace(key, expires_at=expires_at)
        if not await self._store.add_key(key):
            raise AccountError(
                f"the caller {owner} already has a key named {name}: choose another name, or rotate or revoke that one"
            )
        return key, text

    async def list_keys(self, caller: str | None = None) -> list[Key]:
        """All keys, or one caller's, revoked ones included, oldest first."""
        return await self._store.keys(caller)

    async def find_key(self, which: str) -> Key:
        """The key of that name, CALLER/NAME, prefix, or the key itself; the newest live one where a rotation left two."""
        return (await self._named(which))[-1]

    async def revoke(self, which: str) -> list[Key]:
        """End a key at once and for good; by name, also the older key that a rotation still honours."""
        now = self._now()
        found = [replace(key, revoked_at=now) for key in await self._named(which) if key.revoked_at is None]
        if not found:
            raise AccountError(f"the key {_shown(which)} is revoked already: nothing is left to do")
        for key in found:
            await self._store.set_key(key)
        return found

    async def rotate(self, which: str, grace_seconds: float) -> tuple[Key, str]:
        """A new key in the place of a live one, with its name, limits and end; the old one is honoured for `grace_seconds` more."""
        if not math.isfinite(grace_seconds) or grace_seconds < 0:
            raise AccountError("the grace period is a number of seconds from 0 on: give one such as 24h")
        old = await self.find_key(which)
        now = self._now()
        if not _live(old, now):
            raise AccountError(f"the key {old.name} is revoked or expired: create a new key instead")
        new, text = self._new(old)
        end = now + grace_seconds if old.expires_at is None else min(old.expires_at, now + grace_seconds)
        if not await self._store.rotate_key(replace(old, expires_at=end), new):
            raise AccountError(
                f"the key {old.name} was changed by somebody else at the same time: look at it and try again"
            )
        return new, text

    async def set_key(self, which: str, *, limits: JSON | None = None, expires_at: float | Keep | None = KEEP) -> Key:
        """Change a key: `limits` are merged into its own (None takes one away); `expires_at` None lets it live for good."""
        key = await self.find_key(which)
        merged = {name: value for name, value in {**key.limits, **(limits or {})}.items() if value is not None}
        end = key.expires_at if isinstance(expires_at, Keep) else expires_at
        changed = replace(key, limits=merged, expires_at=end)
        await self._store.set_key(changed)
        return changed

    async def list_callers(self) -> list[Caller]:
        """All callers, by name."""
        return await self._store.callers()

    async def suspend(self, name: str, *, suspended: bool = True) -> Caller:
        """Refuse all keys of a caller from now on, or admit them again."""
        caller = replace(await self._caller(name), suspended=suspended)
        await self._store.set_caller(caller)
        return caller

    async def first_caller_key(self, default: str = "default") -> str | None:
        """A key for a caller of that name, if the store has no key that could call a model; None if it has, so it is made once."""
        if any(not key.admin for key in await self._store.keys()):
            return None
        try:
            _, text = await self.create_key(default)
        except AccountError:  # another process starts at the same time and was first
            return None
        return text

    async def usage(self, wanted: UsageFilter) -> list[UsageSum]:
        """Sums of the ledger per group and currency (contract.md §9)."""
        unknown = [name for name in wanted.by if name not in USAGE_GROUPS]
        if unknown:
            raise AccountError(f"usage cannot be grouped by {', '.join(unknown)}: use any of {', '.join(USAGE_GROUPS)}")
        if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
            raise AccountError("the report would end before it begins: give a later end or an earlier start")
        return await self._store.usage(wanted)

    async def prune(self, before: float, *, ledger: bool = False, dry_run: bool = False) -> Mapping[str, int]:
        """Forget prompts and raw bodies of tasks that ended before then, and what else is over; counts of each (`Store.prune`).

        What tells a repeated create is kept for 24 hours whatever is asked (contract.md §7).
        """
        now = self._now()
        if before > now:
            raise AccountError("only what is past can be forgotten: give a time that is over")
        repeats = min(before, now - _REPEATS_KEPT)
        return await self._store.prune(Prune(before=before, repeats_before=repeats, ledger=ledger, dry_run=dry_run))

    def _new(self, like: Key) -> tuple[Key, str]:
        text = auth.new_key(admin=like.admin, random=self._random)
        return replace(like, hash=auth.digest(text), prefix=auth.prefix(text), created_at=self._now()), text

    async def _caller(self, name: str) -> Caller:
        caller = await self._store.caller(name)
        if caller is None:
            raise AccountError(f"there is no caller named {_shown(name)}: see `arkbridge callers list`")
        return caller

    async def _named(self, which: str) -> list[Key]:
        """The keys meant, oldest first, live ones if there are any: several only of one caller and one name."""
        if auth.looks_like_key(which):
            exact = await self._store.key_by_hash(auth.digest(which))
            found = [exact] if exact else []
        elif which.startswith(auth.KEY_START):
            found = [key for key in await self._store.keys() if key.prefix.startswith(auth.prefix(which))]
        else:
            found = [key for key in await self._store.keys() if which in (key.name, f"{key.caller}/{key.name}")]
        if not found:
            raise AccountError(f"there is no key {_shown(which)}: see `arkbridge keys list`")
        now = self._now()
        meant = [key for key in found if _live(key, now)] or found
        self._refuse_ambiguous(which, meant)
        return meant

    def _refuse_ambiguous(self, which: str, meant: Sequence[Key]) -> None:
        by_prefix = which.startswith(auth.KEY_START)
        full_names = sorted({f"{key.caller}/{key.name}" for key in meant})
        if len(full_names) > 1 or (by_prefix and len(meant) > 1):
            raise AccountError(f"{_shown(which)} means more than one key: write {' or '.join(full_names)}")


def _live(key: Key, now: float) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


class _Recent(Generic[K, V]):
    """At most `size` entries, the ones used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, name: K) -> V | None:
        found = self._entries.get(name)
        if found is not None:
            self._entries.move_to_end(name)
        return found

    def put(self, name: K, value: V) -> None:
        self._entries[name] = value
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()


class KeyRing:
    """Admits keys, from memory where it can. It follows changes of the store when `refresh_if_changed` is called, once a second say.

    Keys that do not exist are remembered apart from those that do, so that a flood of wrong ones pushes no right one out.
    """

    def __init__(self, store: Store, now: Callable[[], float], size: int = 4096) -> None:
        self._store = store
        self._now = now
        self._known: _Recent[bytes, Identity] = _Recent(size)
        self._unknown: _Recent[bytes, bool] = _Recent(size)
        self._version: int | None = None
        self._generation = 0

    async def lookup(self, bearer_key: str | None, *, admin: bool = False) -> Identity:
        """Who shows this key; `admin` tells the kind of key that the route wants.

        `Refusal`: AUTHENTICATION without a key, for an unknown, revoked or expired one, and for a caller's key where an admin key is
        wanted; PERMISSION for an admin key anywhere else and for a suspended caller.
        """
        if bearer_key is None:
            raise Refusal(
                Problem.AUTHENTICATION,
                "No API key was sent: send the header `Authorization: Bearer` with your arkbridge key.",
            )
        identity = await self._identity(bearer_key)
        if identity is None:
            raise Refusal(
                Problem.AUTHENTICATION,
                "This API key is not known here: check that it is complete and that this arkbridge made it.",
            )
        self._refuse_ended(identity.key)
        self._refuse_kind(identity.key, admin=admin)
        if identity.caller.suspended:
            raise Refusal(
                Problem.PERMISSION,
                f"The caller {identity.caller.name} is suspended: ask the administrator of this arkbridge.",
            )
        return identity

    async def refresh_if_changed(self) -> bool:
        """Forget everything if callers, keys or settings were changed by any process since the last time; True if so."""
        version = await self._store.version()
        if version == self._version:
            return False
        self._version = version
        self._generation += 1
        self._known.clear()
        self._unknown.clear()
        return True

    async def _identity(self, text: str) -> Identity | None:
        if not auth.looks_like_key(text):
            return None
        digest = auth.digest(text)
        found = self._known.get(digest)
        if found is not None or self._unknown.get(digest):
            return found
        generation = self._generation
        found = await self._read(text, digest)
        if generation == self._generation:  # else a change came in between, and what was read may be older than it
            if found is None:
                self._unknown.put(digest, value=True)
            else:
                self._known.put(digest, found)
        return found

    async def _read(self, text: str, digest: bytes) -> Identity | None:
        key = await self._store.key_by_hash(digest)
        if key is None or not auth.matches(text, key.hash):
            return None
        caller = await self._store.caller(key.caller)
        return None if caller is None else Identity(key, caller)

    def _refuse_ended(self, key: Key) -> None:
        if key.revoked_at is not None:
            raise Refusal(
                Problem.AUTHENTICATION,
                f"The API key {key.prefix}… was revoked: ask the administrator of this arkbridge for a new one.",
            )
        if not _live(key, self._now()):
            raise Refusal(
                Problem.AUTHENTICATION,
                f"The API key {key.prefix}… has expired: ask the administrator of this arkbridge for a new one.",
            )

    @staticmethod
    def _refuse_kind(key: Key, *, admin: bool) -> None:
        if admin and not key.admin:
            raise Refusal(
                Problem.AUTHENTICATION,
                "This route needs an admin key: make one with `arkbridge keys create NAME --admin`.",
            )
        if key.admin and not admin:
            raise Refusal(
                Problem.PERMISSION, "An admin key administers and cannot call models: use a caller's key here."
            )
