"""Jobs of the OpenAI-like dialects: how long they take, what the words in their prompt ask for, what they deliver."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, front, media
from proxy.simulator.core import Core
from proxy.simulator.jobs import EXPIRED, FAILED, RUNNING, SUCCEEDED, TERMINAL, Job, Json

Handler = Callable[[Request], Awaitable[Response]]
Table = Mapping[str, Mapping[str, Handler]]

EVERY_METHOD: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# With these a 4-second video takes 55 seconds at speed 1.
QUEUE_SECONDS = 5.0
RUN_SECONDS_PER_SECOND = 12.5
# Nothing but the hosts of newapi gives up on a job; the others' run until they end.
NEVER_SECONDS = 365 * 86400.0


class Refusal(Exception):
    """A request that is answered with an error, wherever in its handling that was found."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Order:
    """What a new job is made of. `error` is what a `[[sim:fail]]` ends in; a value after it replaces the code."""

    id: str
    prompt: str
    seconds: int
    error: dict[str, str]
    data: dict[str, Json] = field(default_factory=dict)
    expires_after: float = NEVER_SECONDS


def start(core: Core, order: Order) -> Job:
    """Make the job, count it, and let it begin its life."""
    now, words = core.clock.now(), faults.directives(order.prompt)
    job = Job(
        id=order.id,
        pool="videos",
        created=now,
        ready=now + core.scaled(QUEUE_SECONDS),
        lasts=core.scaled(RUN_SECONDS_PER_SECOND * max(order.seconds, 1)),
        expires=now + order.expires_after,
        directives=words,
        data=order.data,
    )
    if "fail" in words:
        job.outcome = FAILED
        job.error = order.error | ({"code": words["fail"]} if words["fail"] else {})
    elif "expire" in words:
        job.outcome = EXPIRED
    core.life.add(job)
    core.recorder.counts["creates"] += 1
    return job


def forget_all(core: Core) -> None:
    """Drop what an earlier run left: the servers that keep their jobs in memory lose them when they stop."""
    for job in core.life.all():
        core.life.remove(job)


async def hang_if_asked(request: Request, job: Job) -> None:
    """Never answer the read of a job whose prompt said `[[sim:hang-poll]]`."""
    if "hang-poll" in job.directives:
        await front.hang(request.receive)


def odd_word(job: Job, at: float) -> str | None:
    """The status that `[[sim:status=word]]` wants to see at this time: in the first half of the job's running."""
    if job.started is None or finished(job) or not job.started <= at < job.started + job.lasts / 2:
        return None
    return job.directives.get("status")


def progress(core: Core, job: Job) -> int:
    """Percent done: 0 while queued, growing while running, 100 when it succeeded, else where it stopped."""
    if job.status == SUCCEEDED:
        return 100
    if job.started is None or job.lasts <= 0:
        return 0
    until = core.clock.now() if job.status == RUNNING else job.updated
    return max(1, min(99, int(100 * (until - job.started) / job.lasts)))


def deliver(request: Request, job: Job) -> Response:
    """The job's video, whole or in part; `[[sim:size=N]]` makes it N bytes long."""
    asked = job.directives.get("size", "")
    source = media.video(int(asked) if asked.isdecimal() else None, job.id)
    return media.ranged(request, source, "video/mp4", job.updated)


def finished(job: Job) -> bool:
    """Whether nothing will change any more."""
    return job.status in TERMINAL


def bearer(request: Request) -> str:
    """The key of the Authorization header; empty when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def guarded(handler: Handler) -> Handler:
    """The handler with its refusals turned into answers."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refusal.response

    return endpoint


def routing(table: Table, unknown: Handler) -> list[BaseRoute]:
    """Routes from path and method to handler; `unknown` answers every other method and every other path under /v1.

    In the latter case, and only then, the request has a path parameter named `path`.
    """

    def chosen(handlers: Mapping[str, Handler]) -> Handler:
        async def endpoint(request: Request) -> Response:
            return await handlers.get(request.method, unknown)(request)

        return endpoint

    found = [Route(path, chosen(handlers), methods=EVERY_METHOD) for path, handlers in table.items()]
    return [*found, Route("/v1/{path:path}", unknown, methods=EVERY_METHOD)]


@dataclass(frozen=True)
class Page:
    """One page of a list, and whether there is more after it."""

    jobs: list[Job]
    more: bool


def page(jobs: list[Job], after: str | None, limit: int | None, *, ascending: bool) -> Page | None:
    """The jobs behind the one named `after`, oldest first in `jobs`; None when there is no such job."""
    ordered = jobs if ascending else jobs[::-1]
    if after is not None:
        places = [place for place, job in enumerate(ordered) if job.id == after]
        if not places:
            return None
        ordered = ordered[places[0] + 1 :]
    shown = ordered if limit is None else ordered[:limit]
    return Page(shown, len(ordered) > len(shown))
