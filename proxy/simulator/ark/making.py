"""From an allowed request to a task: what the model chooses, the pixels, the tokens, and how long it takes."""

import dataclasses
import random

from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.content import USUAL_SECONDS
from proxy.simulator.ark.drafts import Final
from proxy.simulator.ark.models import ADAPTIVE, Model, resolve, size, tokens
from proxy.simulator.ark.order import MOST_SEED, Options, Order
from proxy.simulator.ark.task import Task
from proxy.simulator.jobs import EXPIRED, FAILED, SUCCEEDED, Job

FPS = 24
# At speed 1: a few seconds in the queue, and 55 s for a 4 s video of 480p; more in proportion to pixels and frames.
QUEUE_SECONDS = 5.0
_SECONDS_PER_TOKEN = 55.0 / 40_594
# A task whose constraints are only found while it runs fails this soon.
LATE_SECONDS = 2.0


def from_order(order: Order, rng: random.Random, origin: str) -> Task:
    """The task of an order; what was left to the model is chosen with `rng`."""
    model = order.model
    seconds = _choose_seconds(order, rng) if order.seconds == -1 else order.seconds
    ratio = (order.content.ratio() or "16:9") if order.ratio == ADAPTIVE else order.ratio
    width, height = size(model, order.resolution, ratio)
    input_seconds = order.content.input_seconds()
    frames = order.frames or FPS * (seconds + input_seconds) + 1
    count = tokens(width * height, frames, _factor(model, draft=order.draft, audio=order.audio))
    task = Task(
        wanted=order.wanted,
        model=order.name,
        scene=order.scene,
        resolution=order.resolution,
        ratio=ratio,
        width=width,
        height=height,
        seconds=order.frames // FPS if order.frames else seconds,
        tokens=count,
        seed=order.seed if order.seed >= 0 else rng.randint(0, MOST_SEED),
        service_tier="default",
        expires_after=0,
        origin=origin,
        frames=order.frames,
        input_seconds=input_seconds,
        audio=order.audio if model.audio else None,
        draft=order.draft,
    )
    return _with_options(task, model, order.options)


def from_draft(final: Final, origin: str) -> Task:
    """The task of a draft's second step: the draft's facts in the final's resolution, billed as a normal video."""
    found = resolve(final.draft.model)
    if found is None:
        raise ValueError(f"the draft {final.draft_id} is of a model that is not known any more: {final.draft.model}")
    model = found[1]
    width, height = size(model, final.resolution, final.draft.ratio)
    frames = FPS * (final.draft.seconds + final.draft.input_seconds) + 1
    task = dataclasses.replace(
        final.draft,
        resolution=final.resolution,
        width=width,
        height=height,
        tokens=tokens(width * height, frames),
        draft=False,
        draft_task_id=final.draft_id,
        origin=origin,
    )
    return _with_options(task, model, final.options)


def job_of(task: Task, job_id: str, now: float, words: dict[str, str], speed: float) -> Job:
    """The job that a task becomes at `now`; `words` are its prompt's directives."""
    if words.get("tokens", "").isdigit():
        task = dataclasses.replace(task, tokens=int(words["tokens"]))
    work = tokens(task.width * task.height, task.frames or FPS * task.seconds + 1)
    return Job(
        id=job_id,
        pool=pool_of(task.model, task.resolution, task.service_tier),
        created=now,
        ready=now + QUEUE_SECONDS / speed,
        lasts=work * _SECONDS_PER_TOKEN / speed,
        expires=now + task.expires_after,
        priority=task.priority or 0,
        outcome=EXPIRED if "expire" in words else SUCCEEDED,
        directives=words,
        data=tasks.data(task),
    )


def fail_soon(job: Job, late: tuple[str, str], rid: str, speed: float) -> None:
    """Let a job fail with this code and message shortly after it began to run."""
    code, message = late
    job.outcome, job.error = FAILED, {"code": code, "message": f"{message} Request id: {rid}"}
    job.lasts = min(job.lasts, LATE_SECONDS / speed)


def pool_of(model: str, resolution: str, tier: str) -> str:
    """Which slots a task competes for: its model's, 4k and flex apart (§2.9)."""
    return " ".join([model, *(["4k"] if resolution == "4k" else []), *(["flex"] if tier == "flex" else [])])


def _with_options(task: Task, model: Model, options: Options) -> Task:
    return dataclasses.replace(
        task,
        service_tier=options.service_tier,
        expires_after=options.expires_after,
        priority=options.priority if model.priority else None,
        callback_url=options.callback_url,
        last_frame=options.last_frame,
        web_searches=1 if options.searches else 0,
        echo=options.echo,
    )


def _choose_seconds(order: Order, rng: random.Random) -> int:
    low, high = order.model.seconds
    if order.edits:
        return max(low, min(high, order.content.input_seconds() or USUAL_SECONDS))
    return rng.randint(low, low + 6)


def _factor(model: Model, *, draft: bool, audio: bool) -> tuple[int, int]:
    """What a draft costs of a normal video (§7.1): on 1.5 pro 0.6 with audio and 0.7 silent, on 2.5 all of it."""
    if not draft or model.omni_types:
        return 1, 1
    return (6, 10) if audio else (7, 10)
