"""The life of a video task as callers drive it: create, read, list, delete (contract.md §7)."""

import asyncio
from dataclasses import replace

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UnreadableAnswer, UpstreamRefusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.links import link_for
from proxy.gateway.once import Once
from proxy.gateway.plan import Planner
from proxy.gateway.purchase import Purchases
from proxy.gateway.reader import PATIENCE, VIDEOS, NoQuotaError, Reader
from proxy.gateway.refusals import configured, judged, scrubbed, too_busy, unavailable
from proxy.gateway.services import Services
from proxy.model import Snapshot, TaskError, TaskRecord, TaskState, TaskStatus, Upstream
from proxy.store import TaskFilter
from proxy.store.archive import CopyState
from proxy.translate import errors
from proxy.translate.videos import ListQuery, TaskPage, TaskView
from proxy.translate.videos.progress import progress

LONGEST_WAIT = 300
"""Seconds, the most that `Prefer: wait=N` gets (contract.md §6)."""

MOST_DIGITS = 9
"""Digits of a number of seconds that are looked at: more say nothing more, and Python refuses to convert thousands of them."""

NOT_FOUND = "No such video task belongs to this key. GET the list to see the tasks that do."


class Tasks:
    """One method per kind of task operation."""

    def __init__(self, services: Services, reader: Reader) -> None:
        self._services = services
        self._reader = reader
        self._once = Once(services)
        self._planner = Planner(services, reader)
        self._purchases = Purchases(services, reader)

    # -- create

    async def create(self, call: Call) -> Answer:
        """Buy one video. What was started goes on if the caller hangs up: the task is then theirs to find in the list."""
        plan = await self._planner.plan(call)
        bought = await self._once.buy(call, plan.record, lambda: self._purchases.buy(call, plan))
        self._note(call, bought)
        call.task_id = bought.id
        return await self._created(call, bought)

    async def _created(self, call: Call, record: TaskRecord) -> Answer:
        """The first answer, the same however often it is asked for; with `Prefer: wait=N` the task as it then is."""
        inbound = VIDEOS.inbound[call.dialect]
        seconds = patience(call)
        if seconds and self._purchases.unwritten(call.task_id or "", call.caller) is None:
            record = await self._reader.wait(record, seconds, call.gone)
            return Answer(body=inbound.encode_task(self.view(record, call.base)))
        first = Snapshot(status=TaskStatus.QUEUED, status_word="queued", created_at=_made(record))
        return Answer(body=inbound.encode_created(self.view(replace(record, snapshot=first), call.base)))

    # -- read

    async def read(self, call: Call) -> Answer:
        """One task, as fresh as it has to be."""
        record = await self.find(call)
        seconds = patience(call)
        if record.state is TaskState.ACCEPTED:
            record = await (self._reader.wait(record, seconds, call.gone) if seconds else self._reader.fresh(record))
        self._note(call, record)
        answer = Answer(body=VIDEOS.inbound[call.dialect].encode_task(self.view(record, call.base)))
        if record.snapshot is None or not record.settled:
            answer.headers.append(("openai-poll-after-ms", "10000"))
        elif record.snapshot.usage and record.snapshot.usage.total_tokens is not None:
            answer.headers.append(("x-arkbridge-total-tokens", str(record.snapshot.usage.total_tokens)))
        return answer

    async def find(self, call: Call) -> TaskRecord:
        """The caller's task of that id; somebody else's is the same 404 as an unknown one."""
        task_id = call.params["id"]
        call.task_id = task_id
        record = await self._services.store.task(task_id, call.caller) if call.identity else None
        record = record or self._purchases.unwritten(task_id, call.caller)
        if record is None:
            raise Refusal(Problem.TASK_NOT_FOUND, NOT_FOUND, param="id")
        return record

    def _note(self, call: Call, record: TaskRecord) -> None:
        call.record, call.upstream = record, record.upstream
        call.original_model, call.request_model = record.original_model, record.request_model

    def view(self, record: TaskRecord, base: str) -> TaskView:
        """The task as a caller sees it; `base` is where our own links start."""
        upstream, archive = self._services.router.upstream(record.upstream), self._services.archive
        now = self._services.now()
        archived = (now, archive.shelf.ends_at(record)) if archive else None
        return TaskView(
            record=record,
            video_url=link_for(record, upstream, self._services.signer, base, archived),
            progress=progress(record, now),
        )

    # -- list

    async def list(self, call: Call) -> Answer:
        """One page of the caller's tasks, from our store: one upstream key serves many callers."""
        inbound = VIDEOS.inbound[call.dialect]
        query = inbound.decode_list(call.query)
        wanted = _filter(call.caller, query)
        total = await self._services.store.count_tasks(wanted)
        records = await self._services.store.tasks(replace(wanted, limit=query.limit + 1))
        views = tuple(self.view(record, call.base) for record in records[: query.limit])
        return Answer(body=inbound.encode_list(TaskPage(items=views, total=total, has_more=len(records) > query.limit)))

    # -- delete

    async def delete(self, call: Call) -> Answer:
        """Cancel what is queued, destroy what has ended, refuse what runs; read and settle first (architecture.md, trap 9)."""
        record = await self.find(call)
        self._note(call, record)
        upstream = configured(self._services.router.upstream(record.upstream), record.upstream)
        if not VIDEOS.toward(upstream).has_delete:
            raise Refusal(
                Problem.UNSUPPORTED_OPERATION,
                f"The upstream {record.upstream} of this task has no delete route, so the task cannot be cancelled or deleted.",
            )
        record = await asyncio.shield(self._services.supervisor.run(self._delete(record)))
        return Answer(body=VIDEOS.inbound[call.dialect].encode_deleted(self.view(record, call.base)))

    async def _delete(self, record: TaskRecord) -> TaskRecord:
        upstream, outbound = self._reader.upstream(record.upstream), self._reader.codec(record.upstream)
        if record.state is not TaskState.ACCEPTED:
            raise Refusal(
                Problem.STORE_UNAVAILABLE, "The gateway's store cannot write, so nothing was deleted. Try again later."
            )
        if not record.settled:
            record = await self._look_or_refuse(record)
        status = record.snapshot.status if record.snapshot else TaskStatus.QUEUED
        if status is TaskStatus.RUNNING and not outbound.cancels_running:
            raise Refusal(
                Problem.TASK_RUNNING, "The video is being made and its upstream cannot cancel that. Wait for its end."
            )
        await self._archive_first(record)
        if status is not TaskStatus.CANCELLED:
            await self._delete_upstream(upstream, record)
        if record.settled:
            await self._services.store.delete_task(record.key)
            return record
        return await self._reader.write_down(record, _cancelled(record))

    async def _archive_first(self, record: TaskRecord) -> None:
        """Copy the result before its record is destroyed (contract.md §7, "Delete"); what can never be copied holds nothing up."""
        copy = await self._services.archive.keep_now(record) if self._services.archive else None
        if copy is not None and copy.state in {CopyState.WAITING, CopyState.COPYING}:
            raise Refusal(
                Problem.UPSTREAM_UNAVAILABLE,
                f"The video could not be archived yet ({copy.reason or 'it is being copied'}), so nothing was deleted. Try again later.",
                headers={"retry-after": "15"},
            )

    async def _look_or_refuse(self, record: TaskRecord) -> TaskRecord:
        try:
            return await self._reader.look(record)
        except NoQuotaError as busy:
            raise too_busy(record.upstream) from busy
        except (NotSent, OutcomeUnknown, UnreadableAnswer) as broken:
            raise Refusal(
                Problem.UPSTREAM_UNAVAILABLE,
                f"The upstream {record.upstream} could not be asked for the task's state, so nothing was deleted. Try again later.",
            ) from broken
        except UpstreamRefusal as refusal:
            raise judged(self._reader.upstream(record.upstream), refusal) from refusal

    async def _delete_upstream(self, upstream: Upstream, record: TaskRecord) -> None:
        """Delete there; that it is gone already is as good."""
        if not await self._services.quotas.take(upstream.name, "delete", PATIENCE):
            raise too_busy(upstream.name)
        request = self._reader.codec(record.upstream).encode_delete(record.id or "")
        try:
            response = scrubbed(upstream, await self._services.client.send(upstream, request))
        except NotSent as broken:
            raise unavailable(broken) from broken
        except OutcomeUnknown as broken:
            raise Refusal(
                Problem.UPSTREAM_UNAVAILABLE,
                f"{broken}; whether the task was deleted is not known. Read it, then try again.",
            ) from broken
        if response.status == 404 or 200 <= response.status < 300:
            return
        if response.status == 409:
            raise Refusal(Problem.TASK_RUNNING, "The video has started meanwhile and its upstream cannot cancel that.")
        raise judged(upstream, errors.decode(response))


def patience(call: Call) -> float:
    """Seconds of `Prefer: wait=N` (RFC 7240), at most 300; 0 without it."""
    for preference in call.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isascii() and value.strip().isdigit():
            return float(min(LONGEST_WAIT, int(value.strip()[:MOST_DIGITS])))
    return 0.0


def _made(record: TaskRecord) -> int:
    """When the task was made, as the first answer said it."""
    return int(record.created_at)


def _cancelled(record: TaskRecord) -> Snapshot:
    before = record.snapshot or Snapshot(status=TaskStatus.QUEUED, status_word="queued")
    return replace(
        before,
        status=TaskStatus.CANCELLED,
        status_word="cancelled",
        error=TaskError("cancelled", "task was cancelled"),
    )


def _filter(caller: str, query: ListQuery) -> TaskFilter:
    return TaskFilter(
        caller=caller,
        statuses=query.statuses,
        ids=query.ids,
        models=frozenset({query.model}) if query.model is not None else None,
        service_tier=query.service_tier,
        after=query.after,
        ascending=query.ascending,
        offset=(query.page - 1) * query.limit,
        limit=query.limit,
    )
