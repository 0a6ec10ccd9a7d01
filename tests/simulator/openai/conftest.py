"""The strict OpenAI simulator in this process, with a clock that only the control route moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest_asyncio

from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest_asyncio.fixture
async def strict(inside: Inside) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with inside(Settings(dialect="openai", now=lambda: 1_795_000_000.0, seed=1)) as client:
        yield client
