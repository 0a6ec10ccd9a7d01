"""The words for a task's state, both ways. Both maps are total: an unknown word stays in progress (openai-wire.md §2.10, §5.3, §5.5)."""

from collections.abc import Mapping

from proxy.model import TaskError, TaskStatus

_WORDS: Mapping[TaskStatus, str] = {
    TaskStatus.QUEUED: "queued pending submitted created not_start in_queue waiting preparing",
    TaskStatus.RUNNING: "in_progress running processing generating",
    TaskStatus.SUCCEEDED: "completed succeeded success done finished",
    TaskStatus.FAILED: "failed failure error rejected content_filtered",
    TaskStatus.EXPIRED: "expired timeout",
    TaskStatus.CANCELLED: "cancelled canceled deleted aborted",
}

WORDS: Mapping[str, TaskStatus] = {word: status for status, words in _WORDS.items() for word in words.split()}

# The four words of the OpenAI video object: the SDK's poll ends on any other (openai-wire.md §0.7).
OPENAI: Mapping[TaskStatus, str] = {
    TaskStatus.QUEUED: "queued",
    TaskStatus.RUNNING: "in_progress",
    TaskStatus.SUCCEEDED: "completed",
    TaskStatus.FAILED: "failed",
    TaskStatus.EXPIRED: "failed",
    TaskStatus.CANCELLED: "failed",
}

# Codes by which an upstream with four words tells the other two of Ark's states (openai-wire.md §5.5).
_FAILURES: Mapping[str, TaskStatus] = {
    "expired": TaskStatus.EXPIRED,
    "timeout": TaskStatus.EXPIRED,
    "cancelled": TaskStatus.CANCELLED,
    "canceled": TaskStatus.CANCELLED,
}


def known(word: str) -> bool:
    """Whether the word is in the tables; one that is not is worth a line in the log."""
    return word.strip().lower() in WORDS


def read(word: str) -> TaskStatus:
    """The state that an upstream's word means, in any case of letters; an unknown word is RUNNING, never an end."""
    return WORDS.get(word.strip().lower(), TaskStatus.RUNNING)


def refine(status: TaskStatus, error: TaskError | None) -> TaskStatus:
    """`failed` with an error code that names a finer state is that state."""
    if status is TaskStatus.FAILED and error is not None:
        return _FAILURES.get(error.code.lower(), status)
    return status


# What a failure is called when the upstream does not say (contract.md §8 has the code).
NO_CODE = "video_failed"
NO_REASON = "the upstream gave no reason"
