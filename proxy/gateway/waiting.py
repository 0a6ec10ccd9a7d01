"""Waiting for whichever comes first, so that nobody is kept waiting for somebody who has left."""

import asyncio
from collections.abc import Awaitable, Callable


async def first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    """Return when the first of them is over; the others are cancelled, and have ended by then."""
    tasks = [asyncio.ensure_future(wait()) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
