"""Does what the command line leaves to whoever holds the follower's lease, so that upstream quotas are spent in one place (contract.md §3)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from proxy.errors import ArkbridgeError, TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.follower.reconcile import Reconciler, read_now
from proxy.follower.resolver import Resolver
from proxy.gateway.reader import Reader
from proxy.gateway.services import Services
from proxy.model import JSON, TaskRecord
from proxy.store.commands import Command

REFRESH, RECONCILE = "refresh", "reconcile"

Handler = Callable[[JSON], Awaitable[JSON]]


class CommandError(ArkbridgeError):
    """A command cannot be done: one sentence with the cause and what to do."""


class Commands:
    """Takes commands from the store; one loop for each of `kinds`, so that a long one keeps no short one waiting."""

    def __init__(self, services: Services, reader: Reader, resolver: Resolver, works: Callable[[], bool]) -> None:
        self._services = services
        self._reader = reader
        self._reconciler = Reconciler(services, reader, resolver)
        self._works = works
        self._handlers: Mapping[str, Handler] = {REFRESH: self._refresh, RECONCILE: self._reconciler.reconcile}

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be done."""
        return tuple(self._handlers)

    async def step(self, kind: str) -> None:
        """Do what waits, side by side. A command that is cancelled with its loop waits on, for the next holder of the lease."""
        if not self._works():
            return
        waiting = await self._services.store.pending_commands(kind, self._services.now())
        await asyncio.gather(*(self._do(command) for command in waiting))

    async def run(self, kind: str, arguments: JSON) -> JSON:
        """Do one command now: its result, or `{"error": a sentence}`."""
        try:
            return await self._handlers[kind](arguments)
        except ArkbridgeError as failed:
            return {"error": str(failed)}

    async def _do(self, command: Command) -> None:
        (outcome,) = await asyncio.gather(self.run(command.kind, command.arguments), return_exceptions=True)
        if isinstance(outcome, BaseException):
            told = f"it failed with {type(outcome).__name__}, which is a mistake of arkbridge; the gateway's log has the rest"
            await self._finish(command, {"error": told})
            raise outcome
        await self._finish(command, outcome)

    async def _finish(self, command: Command, result: JSON) -> None:
        await self._services.store.finish_command(command.key, result, self._services.now())

    async def _refresh(self, arguments: JSON) -> JSON:
        """Read one task upstream, by its id or by our key for it; also one whose end was assumed."""
        which = str(arguments["task"])
        store = self._services.store
        record = await store.task(which, None) or await store.task_by_key(which)
        if record is None:
            raise CommandError(f"there is no task {which[:80]!r}: `arkbridge tasks` lists those there are")
        if record.id is None:
            raise CommandError(
                f"the create of {which[:80]!r} was never answered, so there is no task to read yet; "
                "`arkbridge reconcile` looks for it"
            )
        return {"key": record.key, "outcome": _outcome(record, await self._read(record))}

    async def _read(self, record: TaskRecord) -> TaskRecord:
        try:
            return await read_now(self._services, self._reader, record)
        except UpstreamRefusal as refusal:
            if refusal.status == 404:
                raise CommandError(
                    f"the upstream {record.upstream} does not know the task {record.id}: it may be older than the upstream keeps tasks"
                ) from refusal
            raise CommandError(
                f"the upstream {record.upstream} refused the read: {refusal.status} {refusal.code}: {refusal.message}"
            ) from refusal
        except (TransportError, UnreadableAnswer) as trouble:
            raise CommandError(f"the task {record.id} could not be read: {trouble}; try again") from trouble


def _outcome(before: TaskRecord, after: TaskRecord) -> str:
    """What the read changed: `read` (nothing that counts), `settled` or `adjusted` (a row in the ledger)."""
    if after.settled and not before.settled:
        return "settled"
    seen = (before.assumed, before.snapshot.usage if before.snapshot else None)
    now = (after.assumed, after.snapshot.usage if after.snapshot else None)
    return "adjusted" if before.settled and seen != now else "read"
