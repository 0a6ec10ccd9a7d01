"""The Ark SDKs through a real gateway to every kind of upstream, and both kinds of SDK on one task: rows 15 and 16."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.support.expected import plain
from tests.support.stand import ARK, Cell, cells

NO_DELETE = ("newapi",)
UNKNOWN = "cgt-20260101000000-zzzzz"
SHAPE: dict[str, Any] = {"resolution": "720p", "ratio": "16:9", "duration": 4}
FIRST_FRAME = {"type": "image_url", "image_url": {"url": "https://example.com/first.png"}, "role": "first_frame"}
# The other family's SDK that reads what the first has made.
PARTNERS = {
    "openai-py-3": "ark-py",
    "openai-node-7": "arkruntime",
    "ark-py": "openai-py-2",
    "arkruntime": "openai-node-6",
}
OPENAI_WORDS = {"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"}


@cells(15, ARK)
def test_create(cell: Cell) -> None:
    """create answers the id and nothing else, and reaches each upstream as that upstream wants it, without a null."""
    created = cell.create(**SHAPE)
    assert list(created) == ["id"]
    assert cell.sent() == plain(cell)


@cells(15, ARK)
def test_get(cell: Cell) -> None:
    """get gives Ark's task at every state, with all of its fields at the end."""
    task_id = cell.create(**SHAPE)["id"]
    waiting = cell.get(task_id)
    assert (waiting["id"], waiting["model"]) == (task_id, cell.model)
    # Until its poller has been there, new-api says `unknown`.
    assert waiting["status"] == "queued" or (cell.upstream, waiting["status"]) == ("newapi", "running")
    assert isinstance(waiting["created_at"], int)
    assert isinstance(waiting["updated_at"], int)
    done = cell.end(task_id)
    assert (done["status"], done["model"]) == ("succeeded", cell.model)
    assert {name: done[name] for name in SHAPE} == SHAPE
    assert done["service_tier"] == "default"
    assert done["execution_expires_after"] == 172800
    fetched = httpx.get(done["content"]["video_url"], trust_env=False)
    assert (fetched.status_code, fetched.content[4:8]) == (200, b"ftyp")
    check_usage(cell, done)


@cells(15, ARK)
def test_failed(cell: Cell) -> None:
    """A failed task has Ark's error inside a 200."""
    task_id = cell.create(**SHAPE)["id"]
    error = {"code": "OutputVideoSensitiveContentDetected", "message": "sensitive"}
    task = cell.end(task_id, "failed", error=error)
    assert task["status"] == "failed"
    assert task["error"]["code"]
    assert "content" not in task or task["content"] is None


@cells(15, ARK, ("ark", "newapi"))
def test_first_frame_keeps_its_role(cell: Cell) -> None:
    """A first frame arrives with its role where the upstream takes Ark's content."""
    content = [{"type": "text", "text": cell.prompt}, FIRST_FRAME]
    cell.call("create", {"model": cell.model, "content": content, **SHAPE}).ok()
    fields = cell.sent()
    sent = fields["content"] if cell.upstream == "ark" else fields["metadata"]["content"]
    assert FIRST_FRAME in sent


@cells(15, ARK)
def test_list(cell: Cell) -> None:
    """list pages by number, filters by status and by ids, and counts."""
    made = [cell.create(**SHAPE)["id"] for _ in range(3)]
    cell.end(made[0])
    ours = cell.call("list", {"task_ids": made}).ok()
    assert (ours["total"], {task["id"] for task in ours["items"]}) == (3, set(made))
    done = cell.call("list", {"task_ids": made, "status": "succeeded"}).ok()
    assert [task["id"] for task in done["items"]] == made[:1]
    pages = [cell.call("list", {"page_num": number, "page_size": 2, "task_ids": made}).ok() for number in (1, 2)]
    assert [page["total"] for page in pages] == [3, 3]
    assert [task["id"] for page in pages for task in page["items"]] == made[::-1]


@cells(15, ARK)
def test_delete(cell: Cell) -> None:
    """delete cancels a queued task and forgets a finished one."""
    queued, finished = cell.create(**SHAPE)["id"], cell.create(**SHAPE)["id"]
    cell.end(finished)
    for task_id in (queued, finished):
        reply = cell.call("delete", {"task_id": task_id}, max_retries=2)
        assert len(reply.exchanges) == 1
        if cell.upstream in NO_DELETE:
            error = reply.refused()
            assert (error["class"], error["code"]) == ("ArkBadRequestError", "InvalidParameter.UnsupportedOperation")
        else:
            reply.ok()
    if cell.upstream not in NO_DELETE:
        assert cell.get(queued)["status"] == "cancelled"
        assert cell.call("get", {"task_id": finished}).refused()["class"] == "ArkNotFoundError"


@cells(15, ARK, ("ark",))
def test_delete_running(cell: Cell) -> None:
    """A running task is a 409 that the SDK does not repeat."""
    task_id = cell.create(**SHAPE)["id"]
    cell.run(task_id)
    reply = cell.call("delete", {"task_id": task_id}, max_retries=2)
    error = reply.refused()
    assert (error["class"], error["code"]) == ("ArkConflictError", "TaskRunningCannotCancel")
    assert error["type"] == "Conflict"
    assert len(reply.exchanges) == 1


@cells(15, ARK, ("ark",))
@pytest.mark.parametrize(
    ("op", "args", "wanted"),
    [
        ("get", {"task_id": UNKNOWN}, ("ArkNotFoundError", "NotFound.Task", "NotFound")),
        ("delete", {"task_id": UNKNOWN}, ("ArkNotFoundError", "NotFound.Task", "NotFound")),
        (
            "create",
            {"model": "no-such-model", "content": [{"type": "text", "text": "a cat"}]},
            ("ArkNotFoundError", "InvalidEndpointOrModel.NotFound", "NotFound"),
        ),
    ],
    ids=["get", "delete", "create"],
)
def test_errors(cell: Cell, op: str, args: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    """What we refuse is the SDK's class for its status, with Ark's code and type and a request id."""
    error = cell.call(op, args).refused()
    assert (error["class"], error["code"], error["type"]) == wanted
    assert error["request_id"]
    assert error["headers"]["x-request-id"]


@cells(15, ARK, ("ark",))
def test_wrong_key(cell: Cell) -> None:
    """A wrong key is Ark's authentication error."""
    cell.key = "sk-ab-" + "0" * 43
    error = cell.call("get", {"task_id": UNKNOWN}).refused()
    assert (error["class"], error["code"], error["type"]) == (
        "ArkAuthenticationError", "AuthenticationError", "Unauthorized"
    )  # fmt: skip


@cells(16, tuple(PARTNERS))
def test_one_task_on_both_routes(cell: Cell) -> None:
    """What one family's SDK has made, the other's polls: the same id, the same state, the same link and usage."""
    other = Cell(cell.stand, PARTNERS[cell.client], cell.upstream)
    other.key = cell.key
    shape = SHAPE if cell.speaks_ark else {"seconds": "4", "size": "1280x720"}
    task_id = cell.create(**shape)["id"]
    check_same(cell, cell.get(task_id), other.get(task_id))
    task, video = check_same(cell, cell.end(task_id), other.end(task_id))
    assert video["status"] == "completed"
    assert video["metadata"].get("usage") == task.get("usage")
    assert video["seconds"] == str(task["duration"]) == "4"
    link, same = video["metadata"]["url"], task["content"]["video_url"]
    assert link.partition("?")[0] == same.partition("?")[0]


def check_same(cell: Cell, own: dict[str, Any], others: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both families tell the same of a task; gives Ark's object and OpenAI's."""
    task, video = (own, others) if cell.speaks_ark else (others, own)
    assert task["id"] == video["id"]
    assert video["status"] == OPENAI_WORDS[task["status"]]
    assert video["created_at"] == task["created_at"]
    assert (video["model"], task["model"]) == (cell.model, cell.model)
    return task, video


def check_usage(cell: Cell, task: dict[str, Any]) -> None:
    """Usage is the upstream's own, and absent where the upstream counts none."""
    if cell.upstream == "ark":
        assert task["usage"]["total_tokens"] == task["usage"]["completion_tokens"] > 0
        assert isinstance(task["seed"], int)
        assert task["framespersecond"] == 24
    elif cell.upstream != "newapi":
        assert task.get("usage") is None
