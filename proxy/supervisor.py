"""Runs background work so that nothing dies silently: a failing loop is logged and started again, single tasks report their failure.

It is one of the two places where every exception is caught (architecture.md, "Rules a tool checks").
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Protocol, TypeVar

from proxy.errors import ArkbridgeError, StoreError

Result = TypeVar("Result")


class Events(Protocol):
    """Where failures are reported: `proxy.logs.Logs`."""

    def event(self, level: str, message: str, **fields: object) -> None:
        """One line that is not about a call."""


class Supervisor:
    """Owns every background task of the process; `close` cancels the loops and waits for the single tasks."""

    def __init__(self, events: Events, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._events = events
        self._pause = pause
        self._loops: set[asyncio.Task[None]] = set()
        self._single: set[asyncio.Task[object]] = set()

    def loop(self, name: str, step: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Call `step` for ever with `seconds` between the end of one and the start of the next."""
        task = asyncio.get_running_loop().create_task(self._forever(name, step, seconds), name=name)
        self._loops.add(task)
        task.add_done_callback(self._loops.discard)

    def run(self, work: Coroutine[object, object, Result]) -> asyncio.Task[Result]:
        """Start work that must end by itself even if whoever asked for it goes away; its result or exception is the task's."""
        task = asyncio.get_running_loop().create_task(work)
        self._single.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, seconds: float) -> None:
        """Cancel the loops, then give the single tasks so much time to finish; what is not done by then goes on."""
        for task in self._loops:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._loops or self._single:
                    await asyncio.wait((*self._loops, *self._single))

    async def close(self) -> None:
        """Cancel the loops, then let the single tasks finish, and those that they start."""
        for task in self._loops:
            task.cancel()
        while self._loops or self._single:
            await asyncio.wait((*self._loops, *self._single))

    async def _forever(self, name: str, step: Callable[[], Awaitable[object]], seconds: float) -> None:
        while not _is_cancelled():  # a step may swallow its cancellation
            try:
                await step()
            except asyncio.CancelledError as cancelled:
                if _is_cancelled():
                    raise
                self._failed(name, cancelled)  # something that the step waited for was cancelled, not the loop
            except Exception as broken:  # noqa: BLE001 - a loop must outlive any single failure; it is logged with its type
                self._failed(name, broken)
            await self._pause(seconds)

    def _failed(self, name: str, broken: BaseException) -> None:
        self._events.event(
            "error", "background loop failed", loop=name, error=type(broken).__name__, reason=str(broken)
        )

    def _ended(self, task: asyncio.Task[object]) -> None:
        """Report what only we may see: whoever awaits the task gets its exception, but nobody may be waiting any more.

        What is said on purpose (a refusal, an upstream's trouble) is for whoever waits; bugs and a failing store are for the operator.
        """
        self._single.discard(task)
        broken = None if task.cancelled() else task.exception()
        if broken is not None and (isinstance(broken, StoreError) or not isinstance(broken, ArkbridgeError)):
            self._events.event("error", "background work failed", exception=broken)


def _is_cancelled() -> bool:
    """Whether somebody asked the task that runs now to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
