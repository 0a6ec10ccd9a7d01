"""An Ark simulator in this process, with a clock that only the control route moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest_asyncio

from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest_asyncio.fixture
async def client(inside: Inside) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it, limits switched off."""
    async with inside(Settings(now=lambda: 1_795_000_000.0, seed=1, enforce_limits=False)) as client:
        yield client
