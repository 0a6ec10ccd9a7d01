"""The stores that the tests of the Protocol run on; a further database is one more entry in `FACTORIES`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from proxy.store import Store
from proxy.store.sqlite import SqliteStore

OpenStore = Callable[[], Awaitable[Store]]
FACTORIES: dict[str, Callable[[Path], Store]] = {"sqlite": lambda folder: SqliteStore(folder / "data" / "arkbridge.db")}


@pytest.fixture(params=sorted(FACTORIES))
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens further handles on one and the same database, as further processes would; all are closed in the end."""
    opened: list[Store] = []

    async def another() -> Store:
        store = FACTORIES[request.param](tmp_path)
        await store.open()
        opened.append(store)
        return store

    yield another
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """An empty store, open."""
    return await open_store()
