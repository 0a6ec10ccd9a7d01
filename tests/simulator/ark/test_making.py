"""From orders to tasks: choices, pixels, tokens, times."""

import random

import pytest

from proxy.simulator.ark import content, drafts, making, order
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.ark.task import Task
from proxy.simulator.jobs import EXPIRED, FAILED

S25, S20 = "doubao-seedance-2-5-260628", "doubao-seedance-2-0-260128"
S15, S10 = "doubao-seedance-1-5-pro-251215", "doubao-seedance-1-0-pro-250528"
TEXT: dict[str, object] = {"type": "text", "text": "a cat"}


def _video(seconds: int) -> dict[str, object]:
    url = {"url": f"https://a.example/v.mp4#seconds={seconds}"}
    return {"type": "video_url", "video_url": url, "role": "reference_video"}


def _task(model: str, *items: dict[str, object], **fields: object) -> Task:
    body: dict[str, object] = {"model": model, "content": [TEXT, *items], "ratio": "16:9"} | fields
    body = without_nulls(body)
    read = order.read(body, content.read(body["content"], order.model_of(body)[2]))
    return making.from_order(read, random.Random(1), "http://a")


@pytest.mark.parametrize(
    ("task", "tokens"),
    [
        # the seven measured tasks of §7.1
        (_task(S20, resolution="720p", duration=5), 108_900),
        (_task(S20, resolution="720p", duration=4), 87_300),
        (_task(S20, _video(4), resolution="720p", duration=4), 173_700),
        (_task(S20, resolution="1080p", duration=5), 245_025),
        (_task(S25, resolution="480p", duration=4, draft=True), 38_830),
        (_task(S25, resolution="1080p", duration=4), 196_425),
        (_task(S20, resolution="480p", duration=4), 40_594),
        # drafts of 1.5: 0.6 with audio, 0.7 silent
        (_task(S15, draft=True, duration=4), 40_594 * 6 // 10),
        (_task(S15, draft=True, duration=4, generate_audio=False), 28_416),
        # frames are counted as they are said
        (_task(S10, resolution="480p", frames=133), 864 * 480 * 133 // 1024),
    ],
)
def test_tokens(task: Task, tokens: int) -> None:
    """The count follows from the pixels, the frames and the draft's factor."""
    assert task.tokens == tokens


def test_frames_say_their_whole_seconds() -> None:
    """133 frames are 5.54 s, which is returned as 5."""
    task = _task(S10, frames=133, duration=10)
    assert (task.frames, task.seconds) == (133, 5)


def test_what_is_left_to_the_model_is_chosen() -> None:
    """Seconds within the range, a ratio of the table or of a medium, and a real seed."""
    task = _task(S25, ratio="adaptive")
    assert 4 <= task.seconds <= 30
    assert task.ratio == "16:9"
    assert task.seed >= 0
    image: dict[str, object] = {"type": "image_url", "image_url": {"url": "https://a.example/i.png#ratio=5:4"}}
    assert _task(S25, image, ratio="adaptive").ratio == "5:4"
    assert _task(S20, seed=0).seed == 0


def test_an_edit_lasts_as_long_as_its_video() -> None:
    """Editing changes a video, not its length."""
    task = _task(S25, _video(9), ratio="adaptive", omni_reference_task_type="edit")
    assert (task.seconds, task.input_seconds) == (9, 9)


def test_the_final_of_a_draft_keeps_the_draft() -> None:
    """Only the resolution and the options are the final's own; it is billed as a normal video."""
    draft = _task(S25, resolution="480p", duration=4, draft=True, seed=11, generate_audio=False)
    final = making.from_draft(drafts.Final(draft, "cgt-1", "1080p", order.Options(last_frame=True)), "http://b")
    assert (final.draft, final.draft_task_id, final.resolution, final.last_frame) == (False, "cgt-1", "1080p", True)
    assert (final.seconds, final.seed, final.audio, final.tokens) == (4, 11, False, 196_425)


def test_a_small_task_takes_about_a_minute_and_speed_divides_it() -> None:
    """4 s of 480p: five seconds in the queue, 55 of running; larger ones longer in proportion."""
    task = _task(S20, resolution="480p", duration=4)
    job = making.job_of(task, "a", 1000.0, {}, 1.0)
    assert (job.ready, round(job.lasts)) == (1005.0, 55)
    fast = making.job_of(task, "a", 1000.0, {}, 10.0)
    assert (fast.ready, round(fast.lasts, 1)) == (1000.5, 5.5)
    large = making.job_of(_task(S20, resolution="1080p", duration=15), "a", 1000.0, {}, 1.0)
    assert large.lasts > 10 * job.lasts


def test_directives_of_the_prompt() -> None:
    """`tokens` sets the usage and `expire` the end."""
    job = making.job_of(_task(S20), "a", 1000.0, {"tokens": "7", "expire": ""}, 1.0)
    assert (job.data["tokens"], job.outcome) == (7, EXPIRED)


def test_a_late_failure_comes_soon() -> None:
    """A constraint found while running ends the task after two seconds of it."""
    job = making.job_of(_task(S25), "a", 1000.0, {}, 1.0)
    making.fail_soon(job, ("C", "M."), "rid", 1.0)
    assert (job.outcome, job.lasts, job.error) == (FAILED, 2.0, {"code": "C", "message": "M. Request id: rid"})


@pytest.mark.parametrize(
    ("model", "resolution", "tier", "pool"),
    [("m", "1080p", "default", "m"), ("m", "4k", "default", "m 4k"), ("m", "480p", "flex", "m flex")],
)
def test_pools(model: str, resolution: str, tier: str, pool: str) -> None:
    """4k and flex have slots of their own."""
    assert making.pool_of(model, resolution, tier) == pool
