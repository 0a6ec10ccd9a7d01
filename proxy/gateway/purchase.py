"""Buys one video: a durable row first, then one request, then its outcome (contract.md §7, "Life of a create"). It never sends twice."""

from dataclasses import replace

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, StoreError, UnreadableAnswer
from proxy.gateway.call import Call
from proxy.gateway.plan import Plan
from proxy.gateway.reader import VIDEOS, Reader
from proxy.gateway.refusals import ambiguous, judged, scrubbed, unavailable, unexplained
from proxy.gateway.services import Services
from proxy.model import TaskRecord, TaskState, Upstream
from proxy.translate import errors
from proxy.translate.videos import Sighting
from proxy.translate.wire import WireResponse


class Purchases:
    """Every create that is not a repeat passes through `buy`."""

    def __init__(self, services: Services, reader: Reader) -> None:
        self._services = services
        self._reader = reader
        self._unwritten: dict[tuple[str, str], TaskRecord] = {}

    def unwritten(self, task_id: str, caller: str) -> TaskRecord | None:
        """A task that was bought while the store refused to write: its caller has the id, so it is shown as it was, and not read anew."""
        return self._unwritten.get((caller, task_id))

    async def buy(self, call: Call, plan: Plan) -> TaskRecord:
        """The accepted task; raises `Refusal` for every other outcome."""
        try:
            await self._services.store.add_task(plan.record)
        except StoreError as broken:
            raise Refusal(
                Problem.STORE_UNAVAILABLE, "The gateway's store cannot write, so nothing was sent. Try again later."
            ) from broken
        sighting = await self._send(call, plan)
        made = sighting.snapshot.created_at or int(plan.record.created_at)
        snapshot = self._reader.kept(replace(sighting.snapshot, created_at=made))
        accepted = replace(plan.record, id=sighting.id, snapshot=snapshot, state=TaskState.ACCEPTED)
        written = await self._services.spool.keep("an accepted task", lambda: self._accept(accepted))
        if written is None:
            self._unwritten[accepted.caller, sighting.id] = replace(accepted, state=TaskState.SUBMITTING)
        elif not written:
            raise Refusal(
                Problem.UPSTREAM_AMBIGUOUS, f"The upstream {plan.upstream.name} answered with the id of another task."
            )
        return accepted

    async def _accept(self, accepted: TaskRecord) -> bool:
        """Write the id down, now or when the store can write again; False if it is another task's."""
        task_id, snapshot = accepted.id, accepted.snapshot
        if task_id is None or snapshot is None:
            return False
        taken = await self._services.store.accept_task(accepted.key, task_id, snapshot, None)
        if not taken:
            await self._services.store.mark_ambiguous(accepted.key, "id_collision")
            self._services.events.event(
                "error", "an upstream gave an id twice", upstream=accepted.upstream, task=task_id
            )
        self._unwritten.pop((accepted.caller, task_id), None)
        if taken:
            self._reader.watcher(accepted)
        return taken

    async def _send(self, call: Call, plan: Plan) -> Sighting:
        """Send once, and sort the outcome: accepted, refused (the row goes) or ambiguous (the row stays)."""
        upstream, key = plan.upstream, plan.record.key
        started = self._services.now()
        try:
            response = await self._services.client.send(upstream, plan.outgoing.request, fresh=True)
            response = scrubbed(upstream, response)
        except NotSent as broken:
            await self._drop(key)
            raise unavailable(broken) from broken
        except OutcomeUnknown as broken:
            await self._leave_open(key, "upstream_ambiguous")
            raise ambiguous(broken) from broken
        finally:
            call.upstream_seconds = self._services.now() - started
        call.upstream_request_id = response.headers.get("x-request-id")
        if 400 <= response.status < 500:
            await self._drop(key)
            raise judged(upstream, errors.decode(response))
        if not 200 <= response.status < 300:
            await self._leave_open(key, "upstream_error")
            raise _failed(upstream, response)
        try:
            return VIDEOS.toward(upstream).decode_created(response)
        except UnreadableAnswer as broken:
            await self._leave_open(key, "upstream_ambiguous")
            raise unexplained(upstream, "without a task id") from broken

    async def _drop(self, key: str) -> None:
        """A refused create is no task. What the store refuses now it is asked again; the caller gets the true answer either way."""
        await self._services.spool.keep("a refused create", lambda: self._services.store.drop_task(key))

    async def _leave_open(self, key: str, code: str) -> None:
        await self._services.spool.keep("an unanswered create", lambda: self._services.store.mark_ambiguous(key, code))


def _failed(upstream: Upstream, response: WireResponse) -> Refusal:
    """A failure that may have bought something: in the upstream's own words if it has any, and never to be repeated by an SDK."""
    refusal = errors.decode(response)
    if not refusal.explained:
        return unexplained(upstream, f"with status {response.status} and no error that can be read")
    refusal.may_retry = False
    return refusal
