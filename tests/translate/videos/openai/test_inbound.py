"""The OpenAI callers' codec as a whole."""

import orjson
import pytest

from proxy.errors import Refusal
from proxy.model import Dialect, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import ListQuery, TaskPage, TaskView, openai
from proxy.translate.wire import Body


def view(task_id: str) -> TaskView:
    record = TaskRecord(
        key=task_id,
        caller="c",
        key_prefix="p",
        upstream="u",
        dialect=Dialect.OPENAI,
        operation="videos.create",
        original_model="m",
        request_model="m",
        request_id="r",
        created_at=1.0,
        id=task_id,
        snapshot=Snapshot(status=TaskStatus.QUEUED, status_word="queued"),
    )
    return TaskView(record=record)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((), ListQuery()),
        ((("limit", "0"),), ListQuery(limit=20)),
        ((("limit", "100"), ("order", "asc"), ("after", "cgt-1")), ListQuery(limit=100, ascending=True, after="cgt-1")),
        ((("after", ""), ("order", "desc"), ("limit", ""), ("other", "x")), ListQuery()),
    ],
)
def test_list_queries(query: tuple[tuple[str, str], ...], expected: ListQuery) -> None:
    """The SDK's query is read; 0 and nothing mean the default of 20 (openai-wire.md §5.6)."""
    assert openai.INBOUND.decode_list(query) == expected


@pytest.mark.parametrize(("name", "value"), [("limit", "101"), ("limit", "-1"), ("limit", "x"), ("order", "up")])
def test_list_queries_out_of_range(name: str, value: str) -> None:
    """A limit above 100 or an unknown order is a 400 that names the parameter."""
    with pytest.raises(Refusal) as refused:
        openai.INBOUND.decode_list(((name, value),))
    assert refused.value.param == name


def test_lists() -> None:
    """The envelope has all five keys, null ids when it is empty."""
    page = TaskPage(items=(view("a"), view("b")), total=3, has_more=True)
    shown = orjson.loads(openai.INBOUND.encode_list(page))
    assert [item["id"] for item in shown["data"]] == ["a", "b"]
    assert (shown["object"], shown["first_id"], shown["last_id"], shown["has_more"]) == ("list", "a", "b", True)
    empty = orjson.loads(openai.INBOUND.encode_list(TaskPage(items=(), total=0, has_more=False)))
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_answers() -> None:
    """Create and read answer the same object; a delete answers as OpenAI does."""
    assert openai.INBOUND.encode_created(view("a")) == openai.INBOUND.encode_task(view("a"))
    assert orjson.loads(openai.INBOUND.encode_deleted(view("a"))) == {
        "id": "a",
        "deleted": True,
        "object": "video.deleted",
    }


def test_creates() -> None:
    """A create goes through with the caller's leave to lose."""
    body = Body(fields={"model": "m", "prompt": "x"}, raw=b"")
    assert openai.INBOUND.decode_create(body, lossy=True).lossy
