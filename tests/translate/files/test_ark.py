"""Ark's files: objects to neutral and back, and OpenAI callers' uploads in Ark's words."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.calls import CallRequest
from proxy.translate.files import Fields, Target, ark
from tests.support.calling import ARK, OPENAI, received

NOW = 1_795_000_000
ACTIVE = {
    "id": "file-1", "object": "file", "purpose": "user_data", "filename": "a.mp4", "bytes": 5, "mime_type": "video/mp4",
    "created_at": NOW, "expire_at": NOW + 9, "status": "active", "preprocess_configs": {"video": {"fps": 0.3}},
}  # fmt: skip


def named(model: str) -> str:
    """The upstream's name of a model."""
    return f"up-{model}"


def fields(dialect: str = "openai") -> Fields:
    """A translator for callers of a dialect."""
    asked = CallRequest(model="", dialect=ARK if dialect == "ark" else OPENAI, received=received())
    return ark.OUTBOUND.fields(asked, Target(NOW, named))


def all_of(asked: Fields, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A whole form without its file."""
    said = [one for pair in pairs for one in asked.text(*pair)]
    asked.end()
    return said


def test_to_neutral() -> None:
    """An Ark file has all of OpenAI's words, and keeps its own beside them."""
    assert ark.to_neutral(ACTIVE) == {
        **ACTIVE,
        "status": "processed",
        "expires_at": NOW + 9,
        "metadata": {"status": "active"},
    }


@pytest.mark.parametrize(
    ("word", "neutral"),
    [
        ("processing", "uploaded"),
        ("active", "processed"),
        ("failed", "error"),
        ("dreaming", "uploaded"),
        (None, "uploaded"),
    ],
)
def test_statuses(word: object, neutral: str) -> None:
    """Every status has a neutral one; an unknown word is a file in progress."""
    assert ark.to_neutral({**ACTIVE, "status": word})["status"] == neutral


def test_status_maps_are_inverse() -> None:
    """What an Ark caller reads of an Ark file through the neutral form is what Ark said."""
    for word in ark.TO_NEUTRAL:
        assert ark.from_neutral(ark.to_neutral({**ACTIVE, "status": word}))["status"] == word


def test_what_is_missing() -> None:
    """A file that Ark fetches itself has no size yet, and one that is kept for ever no end: OpenAI callers read null."""
    said = ark.to_neutral({"id": "file-1", "object": "file", "expire_at": -1, "status": "processing"})
    assert (said["bytes"], said["filename"], said["expires_at"]) == (None, None, None)


def test_failed() -> None:
    """Why a file failed stands where OpenAI has it, too, without what no caller may see."""
    error = {
        "code": "InvalidFile",
        "message": "endpoint ep-20250101-abcde cannot read it",
        "param": "",
        "type": "BadRequest",
    }
    said = ark.to_neutral({**ACTIVE, "status": "failed", "error": error})
    assert said["status_details"] == "endpoint *** cannot read it"
    assert said["error"] == {**error, "message": "endpoint *** cannot read it"}


def test_from_neutral() -> None:
    """An OpenAI file in Ark's words: kept for ever unless it says otherwise, its own members beside."""
    body = {"id": "file-1", "object": "file", "bytes": 5, "created_at": NOW, "filename": "a", "purpose": "batch"}
    assert ark.from_neutral({**body, "status": "processed", "status_details": None}) == {
        **body,
        "status": "active",
        "expire_at": -1,
        "status_details": None,
        "metadata": {"status": "processed"},
    }
    assert ark.from_neutral({**body, "expires_at": NOW})["expire_at"] == NOW
    assert ark.from_neutral({**body, "status": "error"})["status"] == "failed"
    assert ark.from_neutral({**body, "status": "new"})["status"] == "processing"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["status", "expire_at", "expires_at", "metadata", "error", "bytes", "filename", "x"]),
        JSON_VALUES,
    )
)
def test_any_object(body: dict[str, object]) -> None:
    """Whatever an upstream puts into a file, both directions give JSON with a known status."""
    neutral = ark.to_neutral(body)
    assert neutral["status"] in {"uploaded", "processed", "error"}
    own = ark.from_neutral(neutral)
    assert own["status"] in set(ark.TO_NEUTRAL)
    assert isinstance(own["expire_at"], int)
    orjson.dumps([neutral, own])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("purpose", "user_data", [("purpose", "user_data")]),
        ("purpose", "agent", [("purpose", "agent")]),
        ("purpose", "", [("purpose", "")]),
        ("purpose", "assistants", [("purpose", "user_data")]),
        ("purpose", "vision", [("purpose", "user_data")]),
        ("expires_after[anchor]", "created_at", []),
        ("expires_after[seconds]", "3600", [("expire_at", str(NOW + 3600))]),
        ("expire_at", "17", [("expire_at", "17")]),
        ("url", "https://example.com/a", [("url", "https://example.com/a")]),
        ("tos[bucket]", "b", [("tos[bucket]", "b")]),
        ("model", "seed", [("model", "up-seed")]),
        ("preprocess_configs[video][model]", "seed", [("preprocess_configs[video][model]", "up-seed")]),
        ("preprocess_configs[video][fps]", "0.3", [("preprocess_configs[video][fps]", "0.3")]),
        ("anything", "else", [("anything", "else")]),
    ],
)
def test_fields_of_openai_callers(name: str, value: str, said: list[tuple[str, str]]) -> None:
    """Each field by itself in Ark's words; Ark's own pass, and what nobody knows is Ark's to judge."""
    assert list(fields().text(name, value)) == said


def test_another_purpose_is_told() -> None:
    """A purpose that Ark has not is replaced, and the caller told."""
    asked = fields()
    list(asked.text("purpose", "batch"))
    assert [(notice.param, notice.done) for notice in asked.notices] == [
        ("purpose", "sent as user_data, Ark has no purpose batch")
    ]


@pytest.mark.parametrize(
    ("pairs", "problem", "param"),
    [
        ([("expires_after[anchor]", "last_used")], Problem.INVALID_VALUE, "expires_after[anchor]"),
        ([("expires_after[seconds]", "soon")], Problem.INVALID_VALUE, "expires_after[seconds]"),
        ([("expires_after[anchor]", "created_at")], Problem.MISSING_PARAMETER, "expires_after[seconds]"),
        ([("expires_after[seconds]", "9"), ("expire_at", "9")], Problem.CONFLICTING_PARAMETERS, "expire_at"),
    ],
)
def test_fields_that_say_nothing(pairs: list[tuple[str, str]], problem: Problem, param: str) -> None:
    """A life that cannot be said in Ark's words is refused by name, at the latest at the end of the form."""
    with pytest.raises(Refusal) as caught:
        all_of(fields(), pairs)
    assert (caught.value.problem, caught.value.param) == (problem, param)


def test_one_file() -> None:
    """Another dialect gets one file, in the field `file`."""
    with pytest.raises(Refusal, match="'file'"):
        fields().file("image")
    asked = fields()
    asked.file("file")
    with pytest.raises(Refusal, match="one file"):
        asked.file("file")


def test_fields_of_ark_callers() -> None:
    """Between equals nothing is translated but the names of models."""
    asked = fields("ark")
    asked.file("whatever")
    pairs = [("purpose", "odd"), ("expires_after[anchor]", "x"), ("model", "seed")]
    assert all_of(asked, pairs) == [*pairs[:2], ("model", "up-seed")]
    assert asked.notices == []


def test_no_content() -> None:
    """Ark has no route for the bytes of a file."""
    assert ark.OUTBOUND.content("file-1") is None
