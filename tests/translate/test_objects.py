"""Objects named in bodies: none is overlooked, and the callers' own data is not mistaken for one."""

import pytest

from proxy.errors import Refusal
from proxy.translate.calls import ObjectRef
from proxy.translate.jsonbody import read_json
from proxy.translate.objects import named_objects


def named(body: str) -> tuple[ObjectRef, ...]:
    """The objects that a body names."""
    raw = body.encode()
    return named_objects(read_json(raw), raw)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"previous_response_id":"resp_1"}', ("response", "resp_1", "previous_response_id")),
        ('{"context_id":"ctx-1"}', ("context", "ctx-1", "context_id")),
        ('{"conversation":"conv_1"}', ("conversation", "conv_1", "conversation")),
        ('{"conversation":{"id":"conv_1"}}', ("conversation", "conv_1", "conversation.id")),
        (
            '{"messages":[{"content":"x"},{"content":[{"type":"file","file":{"file_id":"f"}}]}]}',
            ("file", "f", "messages[1].content[0].file.file_id"),
        ),
        (
            '{"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}',
            ("file", "f", "input[0].content[0].file_id"),
        ),
        (
            '{"tools":[{"type":"code_interpreter","container":{"file_ids":["f"]}}]}',
            ("file", "f", "tools[0].container.file_ids[0]"),
        ),
        ('{"images":[{"file_id":"f"}]}', ("file", "f", "images[0].file_id")),
        ('{"input":[{"file\\u005fid":"f"}]}', ("file", "f", "input[0].file_id")),
        ('{"input":[[{"file_id":["f"]}]]}', ("file", "f", "input[0][0].file_id[0]")),
    ],
)
def test_found(body: str, found: tuple[str, str, str]) -> None:
    """Every place where an upstream takes an id is looked at, whatever its key is spelled like."""
    assert named(body) == (ObjectRef(*found),)


@pytest.mark.parametrize(
    "body",
    [
        '{"messages":[{"content":"the file_id is f"}]}',
        '{"tools":[{"function":{"parameters":{"properties":{"file_id":{"type":"string"},"x":{"default":"file_id"}}}}}]}',
        '{"metadata":{"file_id":"mine"},"input":"x"}',
        '{"input":[{"type":"function_call","arguments":{"file_id":"mine"}}]}',
        '{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://a/b","file_id":null}}]}]}',
    ],
)
def test_not_found(body: str) -> None:
    """Texts, schemas, labels and arguments are the caller's own."""
    assert named(body) == ()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"previous_response_id":7}', "previous_response_id"),
        ('{"conversation":{}}', "conversation"),
        ('{"input":[{"file_id":{"id":"f"}}]}', "input[0].file_id"),
    ],
)
def test_ids_that_cannot_be_checked(body: str, param: str) -> None:
    """An id that is no text cannot be checked, so it is refused by name."""
    with pytest.raises(Refusal) as refused:
        named(body)
    assert refused.value.param is not None
    assert refused.value.param.startswith(param)
