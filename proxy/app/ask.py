"""Has a command done that touches upstreams: by the running gateway, or by this process under the follower's lease (contract.md §3)."""

import asyncio
import secrets
import time
from collections.abc import Callable

from proxy.app.engine import Engine, Outside
from proxy.app.stores import open_store
from proxy.config import Config
from proxy.errors import ArkbridgeError
from proxy.follower.lease import Holder, owner_name
from proxy.model import JSON
from proxy.store import Store
from proxy.store.commands import Command

LOOK_EVERY = 0.1
"""Seconds between looks for the answer."""


class NoAnswerError(ArkbridgeError):
    """The running gateway did not do it in time."""


class Silence:
    """Where the words of an engine go whose result is told by whoever asked."""

    def event(self, level: str, message: str, **fields: object) -> None:
        """Nothing is told."""


async def ask(config: Config, whole: Callable[[], Config], kind: str, arguments: JSON, patience: float) -> JSON:
    """The command's result, or `{"error": a sentence}`; `NoAnswerError` after `patience` seconds.

    `whole` gives the configuration with its secrets, which only this process needs, and only where no gateway runs.
    """
    until = time.time() + patience
    while time.time() < until:
        answer = await _beside(config, kind, arguments, until)
        if answer is None and time.time() < until:
            answer = await _alone(whole(), kind, arguments)
        if answer is not None:
            return answer
    raise NoAnswerError(f"the running gateway did not do it within {patience:g} s; look at its log, then try again")


async def _beside(config: Config, kind: str, arguments: JSON, until: float) -> JSON | None:
    """What the running gateway answered; None if there is none, or none any more: then nobody else does it."""
    async with open_store(config) as store:
        holder = Holder(store, time.time, owner_name(secrets.token_hex(8)))
        answer = None if await holder.step() else await _queued(store, holder, kind, arguments, until)
        await holder.release()
    return answer


async def _queued(store: Store, holder: Holder, kind: str, arguments: JSON, until: float) -> JSON | None:
    key = secrets.token_hex(16)
    await store.add_command(Command(key=key, kind=kind, arguments=arguments, created_at=time.time(), expires_at=until))
    while time.time() < until and not await holder.step():
        found = await store.command(key)
        if found is not None and found.result is not None:
            return found.result
        await asyncio.sleep(LOOK_EVERY)
    if await store.finish_command(key, {"error": "nobody waits for it any more"}, time.time()):
        return None
    found = await store.command(key)  # it was done at the last moment
    return found.result if found else None


async def _alone(config: Config, kind: str, arguments: JSON) -> JSON | None:
    """Do it here, under the lease, so that a gateway that starts meanwhile waits with its own looks; None if one was quicker."""
    if config.simulate:
        raise NoAnswerError("the built-in simulator runs only while the gateway does; start it with `arkbridge serve`")
    async with Engine(config, Outside(events=Silence())) as engine:
        if not await engine.holder.step():
            return None
        engine.keep_lease_only()
        return await engine.commands.run(kind, arguments)
