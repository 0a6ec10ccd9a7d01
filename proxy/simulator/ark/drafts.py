"""The second step of a draft: the final video made from a finished draft (ark-wire.md §2.3, "Draft, step 2")."""

import dataclasses

from proxy.simulator.ark import order as orders
from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.content import Content
from proxy.simulator.ark.errors import ArkError, invalid
from proxy.simulator.ark.fields import Body, word
from proxy.simulator.ark.task import Task
from proxy.simulator.jobs import SUCCEEDED, Job

VALID_FOR = 7 * 86_400
_PLACE = "content[0].draft_task"
# What 2.5 takes from the draft and does not want to hear again, even if it is equal.
_NOT_AGAIN = ("duration", "ratio", "seed", "generate_audio", "omni_reference_task_type")


@dataclasses.dataclass(frozen=True)
class Final:
    """The final that a draft leads to: what is kept of the draft, and what the request says anew."""

    draft: Task
    draft_id: str
    resolution: str
    options: orders.Options


def read(body: Body, items: Content, job: Job | None, now: float) -> Final:
    """The second step that a body asks for; `job` is the draft that it names, if there is one."""
    wanted, name, model = orders.model_of(body)
    if items.items > 1:
        raise invalid("content", "a draft_task comes alone, the rest is taken from the draft")
    draft = _usable(job, name, now)
    if model.omni_types:
        again = [field for field in _NOT_AGAIN if field in body]
        if again:
            raise invalid(again[0], "it is taken from the draft and must not be given again")
        resolution = body.get("resolution")
        if resolution != "1080p":
            raise invalid("resolution", "the final of a draft is made in 1080p, which has to be said")
    else:
        resolution = word(body, "resolution", model.resolutions) or model.usual_resolution
    if body.get("draft"):
        raise invalid("draft", "the second step of a draft makes no draft")
    kept = dataclasses.replace(draft, wanted=wanted)
    return Final(kept, items.draft_id or "", str(resolution), orders.options(body, model, draft=False))


def _usable(job: Job | None, model: str, now: float) -> Task:
    if job is None or now - job.created >= VALID_FOR:
        raise ArkError(404, "NotFound.draft_task", "The draft task is not found.", _PLACE)
    draft = tasks.of(job)
    if not draft.draft:
        raise invalid(_PLACE, "the task is no draft")
    if draft.model != model:
        raise invalid("model", "it must be the draft's model")
    if job.status != SUCCEEDED:
        raise invalid(_PLACE, f"the draft is {job.status}, it must have succeeded")
    return draft
