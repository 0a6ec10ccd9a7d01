"""The configured store: how it is opened, what in it forbids a start, what its secret is. Nothing else chooses a database."""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from proxy.config import SIMULATOR, Config
from proxy.errors import ConfigError, Mistake
from proxy.signing import Signer
from proxy.store import Store
from proxy.store.sqlite import SqliteStore
from proxy.store.sqlite.peek import open_upstreams


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """The configured store, opened and migrated."""
    path = _path(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path, timezone=config.accounting.timezone)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def gone_upstreams(config: Config) -> list[Mistake]:
    """What `require_upstreams` would refuse, found without opening the store: nothing is made or migrated; raises `StoreError`."""
    return _gone(config, open_upstreams(_path(config)))


async def require_upstreams(config: Config, store: Store) -> None:
    """Open tasks of an upstream that is gone stop the start: `ConfigError` (contract.md §4)."""
    mistakes = _gone(config, await store.open_upstreams())
    if mistakes:
        raise ConfigError(mistakes)


async def signer(config: Config, store: Store) -> Signer:
    """What signs with `server.secret`, else with the secret that is generated once and kept in the store."""
    if config.server.secret is not None:
        return Signer(config.server.secret.reveal().encode())
    return Signer((await store.setting("secret", secrets.token_hex(32))).encode())


def _gone(config: Config, names: Iterable[str]) -> list[Mistake]:
    """The built-in simulator's tasks are no reason: whoever tried it without a key is to be able to start with one."""
    known = {upstream.name for upstream in config.upstreams} | {SIMULATOR}
    text = "{!r} is gone but still has open tasks; keep it with retired = true until they end"
    return [Mistake(_where(config), 0, "upstream", text.format(name)) for name in sorted(set(names) - known)]


def _path(config: Config) -> Path:
    path = config.sqlite_path
    if path is None:
        raise ConfigError([Mistake(_where(config), 0, "store.url", "only sqlite:/// is served by this version")])
    return path


def _where(config: Config) -> str:
    return str(config.path or "configuration")
