"""What a created task has fixed: the facts that its life, its answers and a second step of a draft are made from."""

import dataclasses
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from proxy.simulator.jobs import Job, Json


@dataclass(frozen=True)
class Task:
    """One task of the Ark dialect, kept in its job's `data`. `wanted` is the model as sent (perhaps an endpoint),
    `model` its full name. `seconds` is what the answer shows; `frames` is set when the request said frames."""

    wanted: str
    model: str
    scene: str
    resolution: str
    ratio: str
    width: int
    height: int
    seconds: int
    tokens: int
    seed: int
    service_tier: str
    expires_after: int
    origin: str
    frames: int | None = None
    input_seconds: int = 0
    audio: bool | None = None
    draft: bool = False
    draft_task_id: str | None = None
    priority: int | None = None
    last_frame: bool = False
    callback_url: str | None = None
    web_searches: int = 0
    echo: dict[str, Json] = field(default_factory=dict)


_TASK = TypeAdapter(Task)


def of(job: Job) -> Task:
    """The task that a job carries."""
    return _TASK.validate_python(job.data)


def data(task: Task) -> dict[str, Json]:
    """The task as its job's `data`."""
    return dataclasses.asdict(task)
