"""A simulator for a test: on a real socket, or in process where a socket would add nothing."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import httpx2 as httpx
import pytest

from proxy import simulator
from proxy.simulator import Settings

AUTH = {"authorization": "Bearer any-key"}


@contextlib.contextmanager
def _started(settings: Settings) -> Iterator[httpx.Client]:
    with (
        simulator.background(simulator.create_app(settings)) as origin,
        httpx.Client(base_url=origin, headers=AUTH, timeout=10, trust_env=False) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def _inside(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(simulator.create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=AUTH) as client:
        yield client


@pytest.fixture
def started() -> Callable[[Settings], AbstractContextManager[httpx.Client]]:
    """Start a simulator on a socket of its own; gives a client of it that sends some key."""
    return _started


@pytest.fixture
def inside() -> Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """Make a simulator in this process; gives a client of it that sends some key. Its loops do not run."""
    return _inside
