"""What GET, LIST and callbacks say of a task (ark-wire.md §3.1), in the order of the real bodies."""

from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.results import Links
from proxy.simulator.ark.task import Task
from proxy.simulator.jobs import CANCELLED, FAILED, RUNNING, SUCCEEDED, Job, Json

KEPT_FOR = 7 * 86_400
CANCELLED_KEPT_FOR = 86_400


def is_kept(job: Job, now: float) -> bool:
    """Whether a record is still there: 7 days from creation, a cancelled one 24 hours from its cancellation."""
    if job.status == CANCELLED and now - job.updated >= CANCELLED_KEPT_FOR:
        return False
    return now - job.created < KEPT_FOR


def view(job: Job, now: float, links: Links, origin: str) -> dict[str, Json]:
    """The task as JSON. A task without a video has no usage, seed, resolution, ratio or duration."""
    task = tasks.of(job)
    shown: dict[str, Json] = {"id": job.id, "model": task.model, "status": _status(job, now)}
    if job.status == FAILED and job.error is not None:
        shown["error"] = {"code": job.error["code"], "message": job.error["message"]}
    if job.status == SUCCEEDED:
        shown["content"] = _content(job, task, links, origin)
        shown["usage"] = _usage(task)
    shown |= {"created_at": int(job.created), "updated_at": int(job.updated)}
    if job.status == SUCCEEDED:
        shown |= {"seed": task.seed, "resolution": task.resolution, "ratio": task.ratio}
        shown |= {"duration": task.seconds} if task.frames is None else {"frames": task.frames}
        shown["framespersecond"] = 24
    shown |= {"service_tier": task.service_tier, "execution_expires_after": task.expires_after}
    if task.audio is not None:
        shown["generate_audio"] = task.audio
    shown["draft"] = task.draft
    if task.draft_task_id is not None:
        shown["draft_task_id"] = task.draft_task_id
    if task.priority is not None:
        shown["priority"] = task.priority
    return shown | task.echo


def _status(job: Job, now: float) -> str:
    """The job's status, or the word that the prompt wanted to see for the first half of its running."""
    word = job.directives.get("status")
    if word and job.status == RUNNING and job.started is not None and now < job.started + job.lasts / 2:
        return word
    return job.status


def _content(job: Job, task: Task, links: Links, origin: str) -> Json:
    content: dict[str, Json] = {"video_url": links.video(job, origin)}
    if task.last_frame:
        content["last_frame_url"] = links.last_frame(job, origin)
    return content


def _usage(task: Task) -> Json:
    usage: dict[str, Json] = {"completion_tokens": task.tokens, "total_tokens": task.tokens}
    if task.web_searches:
        usage["tool_usage"] = {"web_search": task.web_searches}
    return usage
