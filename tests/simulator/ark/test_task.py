"""The facts of a task in its job."""

from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.task import Task
from proxy.simulator.jobs import Job


def test_a_task_comes_back_from_its_job() -> None:
    """What was put into the job's data is the same task again, whatever else is kept beside it."""
    task = Task(
        "ep-1", "m", "text", "480p", "16:9", 864, 496, 4, 40_594, 11, "default", 3600, "http://a", echo={"a": [1]}
    )
    job = Job("a", "pool", 1.0, 1.0, 1.0, 1.0, data=tasks.data(task) | {"downloads": 3})
    assert tasks.of(job) == task
