"""The table of create fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.videos import fields
from proxy.translate.wire import Upload


def test_the_table_is_whole() -> None:
    """Every scalar field of ark-wire.md §2.3 is typed, and every alias leads to one."""
    assert set(fields.ARK_FIELDS) == {
        *("callback_url", "return_last_frame", "service_tier", "execution_expires_after", "generate_audio", "draft"),
        *("tools", "safety_identifier", "priority", "resolution", "ratio", "duration", "frames", "seed"),
        *("camera_fixed", "watermark", "output_format", "omni_reference_task_type"),
    }
    assert set(fields.ALIASES.values()) <= set(fields.ARK_FIELDS)
    assert not {"prompt", "model", "seconds", "size", "input_reference", "user", "metadata"} & fields.HABITS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("duration", "4", 4),
        ("duration", "-1", -1),
        ("duration", 4.0, 4),
        ("seed", "-1", -1),
        ("watermark", "false", False),
        ("generate_audio", "1", True),
        ("resolution", "480p", "480p"),
        ("tools", '[{"type":"web_search"}]', [{"type": "web_search"}]),
    ],
)
def test_values_are_typed(name: str, text: object, value: object) -> None:
    """Strings of forms become what Ark wants."""
    assert fields.ARK_FIELDS[name](text, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("duration", "4.5"), ("duration", "soon"), ("seed", []), ("watermark", "maybe"), ("tools", "web"), ("ratio", {})],
)
def test_what_cannot_be_typed_is_refused_by_name(name: str, value: object) -> None:
    """A value of the wrong type is a 400 that names the field as the caller wrote it."""
    with pytest.raises(Refusal) as refused:
        fields.ARK_FIELDS[name](value, f"metadata.{name}")
    assert refused.value.param == f"metadata.{name}"
    assert refused.value.status == 400


def test_plain_drops_nulls_and_refuses_files() -> None:
    """Nulls mean absent at any depth; a file inside a value is refused by the field's name."""
    assert fields.plain({"a": None, "b": [1, None, {"c": None}]}, "x") == {"b": [1, {}]}
    with pytest.raises(Refusal) as refused:
        fields.plain({"a": [Upload(b"x")]}, "content")
    assert refused.value.param == "content"
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(Refusal, match="nested deeper"):
        fields.plain(deep, "x")


def test_documents_in_text() -> None:
    """JSON that came as text is read, other text stays, and broken JSON is a 400."""
    assert fields.opened(' {"a": 1}', "metadata") == {"a": 1}
    assert fields.opened("a cat", "metadata") == "a cat"
    with pytest.raises(Refusal) as refused:
        fields.opened("[1,", "tools")
    assert refused.value.param == "tools"


@pytest.mark.parametrize("value", ["a cat", 3, {}, True])
def test_content_is_a_list(value: object) -> None:
    """Content that is no list, or has a member that is no object, is a 400 with its place."""
    with pytest.raises(Refusal) as refused:
        fields.items(value, "content")
    assert refused.value.problem is Problem.INVALID_VALUE
    with pytest.raises(Refusal) as refused:
        fields.items([{"type": "text"}, "x"], "content")
    assert refused.value.param == "content[1]"
    assert fields.items('[{"type":"text"}]', "content") == ({"type": "text"},)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(st.sampled_from(sorted(fields.ARK_FIELDS)), JSON)
def test_every_value_is_typed_or_refused(name: str, value: object) -> None:
    """No value makes a reader raise anything but a refusal that names the field."""
    try:
        fields.ARK_FIELDS[name](value, name)
    except Refusal as refused:
        found = refused.param
    else:
        found = name
    assert found is not None
    assert found.startswith(name)
