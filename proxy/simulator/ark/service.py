"""The routes /api/v3/contents/generations/tasks: create, get, list, delete (ark-wire.md §2, §3, §4.1)."""

import ipaddress
import string
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from proxy.simulator import faults
from proxy.simulator.ark import content, drafts, making, order, views
from proxy.simulator.ark.desk import Desk, read_object
from proxy.simulator.ark.errors import ArkError, invalid, of_failed_task
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.ark.limits import Limits
from proxy.simulator.ark.listing import Listing
from proxy.simulator.ark.results import Links
from proxy.simulator.ark.task import Task
from proxy.simulator.core import Core
from proxy.simulator.front import hang
from proxy.simulator.jobs import CANCELLED, FAILED, QUEUED, RUNNING, Job, Json

_SHANGHAI = timezone(timedelta(hours=8))
_ID_LETTERS = string.ascii_lowercase + string.digits


class Service:
    """The task routes of one simulated account: every good key sees every task."""

    def __init__(self, core: Core, desk: Desk, links: Links) -> None:
        self._core = core
        self._desk = desk
        self._links = links
        self._limits = Limits(core)

    async def create(self, request: Request) -> Response:
        """POST: a task in the queue, answered by its id alone."""
        self._desk.authenticate(request)
        body = without_nulls(await read_object(request))
        now, origin = self._core.clock.now(), self._desk.origin(request)
        _, _, model = order.model_of(body)
        items = content.read(body.get("content"), model)
        late = None
        words = faults.directives(items.prompt)
        if items.draft_id is None:
            wanted = order.read(body, items)
            task, late = making.from_order(wanted, self._core.random, origin), wanted.late
        else:
            draft = self._kept(items.draft_id)
            final = drafts.read(body, items, draft, now)
            task, words = making.from_draft(final, origin), dict(draft.directives) if draft else {}
        self._check_callback(task)
        job = making.job_of(task, self._new_id(now), now, words, self._core.settings.speed)
        self._limits.create(job.pool, has_4k=task.resolution == "4k")
        self._plan_failure(job, late)
        self._forget_old(now)
        self._core.life.add(job)
        self._core.recorder.counts["creates"] += 1
        return self._desk.answer({"id": job.id})

    async def get(self, request: Request) -> Response:
        """GET of one task; one whose prompt said `hang-poll` is never answered."""
        self._desk.authenticate(request)
        self._limits.get()
        job = self._kept(request.path_params["id"])
        if job is None:
            raise _unknown(request.path_params["id"])
        if "hang-poll" in job.directives:
            await hang(request.receive)
        return self._desk.answer(views.view(job, self._core.clock.now(), self._links, self._desk.origin(request)))

    async def list_(self, request: Request) -> Response:
        """GET of the tasks that a query selects, newest first."""
        self._desk.authenticate(request)
        self._limits.list_()
        listing, now = Listing.of(request.query_params), self._core.clock.now()
        found = [job for job in reversed(self._core.life.all()) if views.is_kept(job, now) and listing.selects(job)]
        origin = self._desk.origin(request)
        items: list[Json] = [views.view(job, now, self._links, origin) for job in listing.page(found)]
        return self._desk.answer({"items": items, "total": len(found)})

    async def delete(self, request: Request) -> Response:
        """DELETE: cancels a queued task, destroys the record of a finished one, refuses the rest (§3.3)."""
        self._desk.authenticate(request)
        self._limits.delete()
        job = self._kept(request.path_params["id"])
        if job is None:
            raise _unknown(request.path_params["id"])
        if job.status == RUNNING:
            raise ArkError(409, "TaskRunningCannotCancel", "The task is running and cannot be cancelled.")
        if job.status == CANCELLED:
            # What the service answers here is not documented; the code is one of its table.
            raise ArkError(403, "OperationDenied.InvalidState", "The task is cancelled and cannot be deleted.")
        if job.status == QUEUED:
            self._core.life.cancel(job)
        else:
            self._core.life.remove(job)
        return self._desk.answer({})

    async def preflight(self, request: Request) -> Response:
        """OPTIONS: echoes origin and headers, as seen on these routes (§4.1)."""
        headers = {
            "access-control-allow-origin": request.headers.get("origin", "*"),
            "access-control-allow-headers": request.headers.get("access-control-request-headers", ""),
        }
        return Response(status_code=200, headers=headers)

    def _kept(self, job_id: str) -> Job | None:
        job = self._core.life.get(job_id)
        return job if job is not None and views.is_kept(job, self._core.clock.now()) else None

    def _plan_failure(self, job: Job, late: tuple[str, str] | None) -> None:
        code = job.directives.get("fail")
        if code is not None:
            job.outcome, job.error = FAILED, of_failed_task(code or "InternalServiceError", self._desk.request_id())
        elif late is not None:
            making.fail_soon(job, late, self._desk.request_id(), self._core.settings.speed)

    def _check_callback(self, task: Task) -> None:
        """A demo must not be made to call other machines, so only loopback addresses are called unless that is allowed."""
        if task.callback_url is None:
            return
        url = urlsplit(task.callback_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise invalid("callback_url", "an http(s) address is expected")
        if not self._core.settings.callback_any and not _is_loopback(url.hostname):
            raise invalid("callback_url", "the simulator calls loopback addresses only, unless callback_any is set")

    def _forget_old(self, now: float) -> None:
        old = []
        for job in self._core.store.jobs.values():
            if now - job.created < views.KEPT_FOR:
                break
            old.append(job)
        for job in old:
            self._core.life.remove(job)

    def _new_id(self, now: float) -> str:
        moment = datetime.fromtimestamp(now, UTC).astimezone(_SHANGHAI)
        while True:
            tail = "".join(self._core.random.choices(_ID_LETTERS, k=5))
            job_id = f"cgt-{moment:%Y%m%d%H%M%S}-{tail}"
            if job_id not in self._core.store.jobs:
                return job_id


def _unknown(job_id: str) -> ArkError:
    return ArkError(404, "NotFound.id", f"The specified task {job_id} is not found.", "id")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
