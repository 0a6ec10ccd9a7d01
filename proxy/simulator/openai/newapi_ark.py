"""The Ark account behind the simulated new-api: the Ark dialect's own rules, tasks and result links, without its routes."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from starlette.requests import Request
from starlette.routing import BaseRoute

from proxy.simulator.ark import content, errors, making, models, order, results, views
from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.order import Order
from proxy.simulator.core import Core
from proxy.simulator.jobs import FAILED, TERMINAL, Job, Json
from proxy.simulator.openai import work

LINK_SECONDS = results.LASTS
DEFAULT_FAILURE = "OutputVideoSensitiveContentDetected.PolicyViolation"
# The channel's model mapping; a name that is neither here nor Ark's own goes to 2.0.
_MAPPING: Final = {
    "seedance-2.5": "doubao-seedance-2-5-260628",
    "seedance-2.0-fast": "doubao-seedance-2-0-fast-260128",
    "seedance-2.0-mini": "doubao-seedance-2-0-mini-260615",
}
_MAPPED_ELSE = "doubao-seedance-2-0-260128"
_SHANGHAI = timezone(timedelta(hours=8))
_EPSILON = 1e-6


def upstream_model(name: str) -> str:
    """The model that new-api asks Ark for."""
    return name if models.resolve(name) else _MAPPING.get(name, _MAPPED_ELSE)


def judge(payload: Mapping[str, Json]) -> Order:
    """What Ark makes of the payload; raises ArkError for what it refuses."""
    _wanted, _name, model = order.model_of(payload)
    return order.read(payload, content.read(payload["content"], model))


def error_body(core: Core, error: ArkError) -> str:
    """Ark's answer to a refused request, as the text that new-api puts into its own."""
    return bytes(errors.render(error, request_id(core)).body).decode()


def broken() -> ArkError:
    """What Ark answers when it cannot say why."""
    return ArkError(500, "InternalServiceError", "The service encountered an unexpected internal error.")


def request_id(core: Core) -> str:
    """A fresh request id in Ark's form."""
    return errors.request_id(core.clock.now(), core.random)


def new_id(core: Core) -> str:
    """A fresh task id in Ark's form: `cgt-`, the time in Shanghai, five letters or digits."""
    stamp = datetime.fromtimestamp(core.clock.now(), UTC).astimezone(_SHANGHAI).strftime("%Y%m%d%H%M%S")
    return f"cgt-{stamp}-{''.join(core.random.choices(string.ascii_lowercase + string.digits, k=5))}"


def job_of(core: Core, ordered: Order, job_id: str, words: dict[str, str]) -> Job:
    """The job of an order, not begun yet; `words` are its prompt's directives."""
    task = making.from_order(ordered, core.random, "")
    job = making.job_of(task, job_id, core.clock.now(), words, core.settings.speed)
    if "fail" in words:
        job.outcome = FAILED
        job.error = errors.of_failed_task(words["fail"] or DEFAULT_FAILURE, request_id(core))
    elif ordered.late is not None:
        making.fail_soon(job, ordered.late, request_id(core), core.settings.speed)
    return job


def status_at(job: Job, at: float) -> str:
    """Ark's word for the job at an earlier time; or the odd one that its prompt asks for."""
    if job.status in TERMINAL and job.updated <= at + _EPSILON:
        return job.status
    running = job.started is not None and job.started <= at + _EPSILON
    return work.odd_word(job, at) or ("running" if running else "queued")


def token_count(job: Job) -> int:
    """The tokens that the job costs."""
    return tasks.of(job).tokens


class Account:
    """The task records and result links of the account."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._links = results.Links(core)

    def routes(self) -> list[BaseRoute]:
        """The routes of the result links."""
        return results.routes(self._core, self._links)

    def record(self, request: Request, job: Job, word: str) -> dict[str, Json]:
        """The task as GET showed it when its status was `word`, an earlier one perhaps."""
        origin = (self._core.settings.base_url or str(request.base_url)).rstrip("/")
        shown = views.view(job, job.updated, self._links, origin)
        if word == job.status:
            return shown
        early = ("id", "model", "created_at", "service_tier", "execution_expires_after")
        return {name: shown[name] for name in early} | {"status": word}
