"""The status maps are total and never invent an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import TERMINAL, TaskError, TaskStatus
from proxy.translate.videos import status

WORDS = {
    TaskStatus.QUEUED: "queued pending submitted created not_start NOT_START SUBMITTED QUEUED IN_QUEUE waiting preparing",
    TaskStatus.RUNNING: "in_progress running processing IN_PROGRESS RUNNING PROCESSING generating",
    TaskStatus.SUCCEEDED: "completed succeeded success SUCCESS done finished",
    TaskStatus.FAILED: "failed failure FAILURE error rejected content_filtered",
    TaskStatus.EXPIRED: "expired timeout TIMEOUT",
    TaskStatus.CANCELLED: "cancelled canceled CANCELED deleted aborted",
}


@pytest.mark.parametrize(
    ("expected", "word"), [(state, word) for state, words in WORDS.items() for word in words.split()]
)
def test_every_listed_word_is_read(expected: TaskStatus, word: str) -> None:
    """Each word of openai-wire.md §2.10 means its state."""
    assert status.read(word) is expected
    assert status.known(word)


def test_both_maps_are_total() -> None:
    """Every state has Ark's word, which reads back as itself, and one of OpenAI's four."""
    for state in TaskStatus:
        assert status.read(state.value) is state
        assert status.OPENAI[state] in {"queued", "in_progress", "completed", "failed"}
        assert (status.OPENAI[state] in {"completed", "failed"}) == (state in TERMINAL)


@given(st.text())
def test_an_unknown_word_never_ends_a_task(word: str) -> None:
    """A word that is in no table stays in progress."""
    if not status.known(word):
        assert status.read(word) is TaskStatus.RUNNING


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("expired", TaskStatus.EXPIRED),
        ("timeout", TaskStatus.EXPIRED),
        ("cancelled", TaskStatus.CANCELLED),
        ("moderation_blocked", TaskStatus.FAILED),
    ],
)
def test_a_failure_code_names_the_finer_state(code: str, expected: TaskStatus) -> None:
    """A failed task whose code names Ark's state is in that state; other states are left alone."""
    assert status.refine(TaskStatus.FAILED, TaskError(code, "")) is expected
    assert status.refine(TaskStatus.RUNNING, TaskError(code, "")) is TaskStatus.RUNNING
