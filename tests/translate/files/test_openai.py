"""OpenAI's files: Ark callers' uploads in OpenAI's words."""

import pytest

from proxy.errors import Problem, Refusal
from proxy.translate.calls import CallRequest
from proxy.translate.files import Fields, Target, openai
from tests.support.calling import ARK, OPENAI, received

NOW = 1_795_000_000


def fields(*, lossy: bool = False, own: bool = False) -> Fields:
    """A translator for Ark's callers, or for OpenAI's own."""
    asked = CallRequest(model="", dialect=OPENAI if own else ARK, received=received(lossy=lossy))
    return openai.OUTBOUND.fields(asked, Target(NOW, str))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("purpose", "user_data", [("purpose", "user_data")]),
        ("purpose", "agent", [("purpose", "user_data")]),
        ("purpose", "batch", [("purpose", "batch")]),
        ("expire_at", str(NOW + 3600), [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")]),
        ("expire_at", "-1", []),
        ("expire_at", "", []),
        ("url", "", []),
        ("tos", "", []),
        ("expires_after[seconds]", "9", [("expires_after[seconds]", "9")]),
        ("anything", "", [("anything", "")]),
    ],
)
def test_fields_of_ark_callers(name: str, value: str, said: list[tuple[str, str]]) -> None:
    """Each field by itself in OpenAI's words; what asks for nothing is left out."""
    asked = fields()
    assert list(asked.text(name, value)) == said
    asked.end()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("url", "https://example.com/a", Problem.UNSUPPORTED_PARAMETER),
        ("tos[bucket]", "b", Problem.UNSUPPORTED_PARAMETER),
        ("purpose", "voice", Problem.UNSUPPORTED_PARAMETER),
        ("preprocess_configs[video][fps]", "0.3", Problem.UNSUPPORTED_PARAMETER),
        ("expire_at", "soon", Problem.INVALID_VALUE),
        ("expire_at", str(NOW), Problem.INVALID_VALUE),
    ],
)
def test_what_has_no_counterpart(name: str, value: str, problem: Problem) -> None:
    """What OpenAI cannot be told is refused under the name of its field."""
    with pytest.raises(Refusal) as caught:
        list(fields().text(name, value))
    assert (caught.value.problem, caught.value.param) == (problem, name.partition("[")[0])


def test_lossy() -> None:
    """A caller who allows losses goes on without preprocessing, and is told once."""
    asked = fields(lossy=True)
    for name in ("preprocess_configs[video][fps]", "preprocess_configs[video][model]"):
        assert list(asked.text(name, "1")) == []
    assert [notice.param for notice in asked.notices] == ["preprocess_configs"]
    with pytest.raises(Refusal):
        list(asked.text("url", "https://example.com/a"))


def test_what_is_dropped() -> None:
    """What does not change the file is left out with a warning."""
    asked = fields()
    for name in ("description", "model", "purpose"):
        list(asked.text(name, "agent"))
    assert [notice.param for notice in asked.notices] == ["description", "model", "purpose"]


def test_one_file() -> None:
    """Another dialect gets one file, in the field `file`."""
    asked = fields()
    asked.file("file")
    for name in ("file", "other"):
        with pytest.raises(Refusal):
            asked.file(name)


def test_fields_of_openai_callers() -> None:
    """Between equals nothing is translated."""
    asked = fields(own=True)
    asked.file("x")
    assert list(asked.text("url", "y")) == [("url", "y")]
    asked.end()
    assert asked.notices == []


def test_content() -> None:
    """The bytes of a file have a route of their own; an id is one step of a path, whatever is in it."""
    assert openai.OUTBOUND.content("file-1") == "/files/file-1/content"
    assert openai.OUTBOUND.content("../a?b") == "/files/..%2Fa%3Fb/content"
