"""Tasks as their callers drive them, through both families and over every upstream: create, read, list, delete."""

import json
import uuid
from typing import Any

import pytest

from tests.gateway.house import FAMILIES, TASKS, UPSTREAMS, Caller, House, body, error_of
from tests.support import wire

OTHER = {"openai": "ark", "ark": "openai"}
WORDS = {
    "openai": {"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
    "ark": {"queued": "queued", "running": "running", "succeeded": "succeeded", "failed": "failed"},
}
UNKNOWN = "cgt-20260101000000-zzzzz"
SEED = {
    "content": [{"type": "text", "text": "一只橘猫在草地上奔跑,阳光明媚"}],
    "resolution": "480p",
    "duration": 4,
}
OBJECT = (
    "id",
    "task_id",
    "object",
    "model",
    "status",
    "progress",
    "created_at",
    "completed_at",
    "expires_at",
    "error",
    "prompt",
    "seconds",
    "size",
    "remixed_from_video_id",
    "metadata",
)

every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)
every_family = pytest.mark.parametrize("family", FAMILIES)


def sent(house: House, upstream: str, marker: str) -> dict[str, Any]:
    """The fields of the one create with this marker that the upstream received."""
    (recorded,) = house.sims[upstream].requests("POST", marker)
    return wire.fields(recorded)


def text_of(fields: dict[str, Any]) -> str:
    """The prompt of a create, as any upstream is sent it."""
    return str(fields["content"][0]["text"] if "content" in fields else fields["prompt"])


def multipart(upstream: str, prompt: str) -> dict[str, Any]:
    """The words of a request as the OpenAI SDKs send it: a form whose scalars are texts."""
    fields = body(upstream, prompt=prompt)
    return {"files": [(name, (None, str(value).encode())) for name, value in fields.items()]}


def brackets(upstream: str, prompt: str) -> dict[str, Any]:
    """Ark's content as Python's SDK sends it in a form: equal names grouped."""
    fields = [("model", UPSTREAMS[upstream][2]), ("content[][type]", "text"), ("content[][text]", prompt)]
    return {"files": [(name, (None, value.encode())) for name, value in (*fields, ("duration", "4"))]}


def urlencoded(upstream: str, prompt: str) -> dict[str, Any]:
    """A form without files."""
    return {"data": {name: str(value) for name, value in body(upstream, prompt=prompt).items()}}


def in_a_field(upstream: str, prompt: str) -> dict[str, Any]:
    """Content as a JSON text in a form."""
    content = json.dumps([{"type": "text", "text": prompt}])
    fields = {"model": UPSTREAMS[upstream][2], "content": content, "duration": "4"}
    return {"files": [(name, (None, value.encode())) for name, value in fields.items()]}


def plain(upstream: str, prompt: str) -> dict[str, Any]:
    """JSON in OpenAI's words."""
    return {"json": body(upstream, prompt=prompt)}


def as_in_the_quick_start(upstream: str, prompt: str) -> dict[str, Any]:
    """The quick start's body."""
    content = [{"type": "text", "text": prompt}]
    return {"json": {"model": UPSTREAMS[upstream][2], **SEED, "resolution": "720p", "content": content}}


BODIES = (plain, multipart, brackets, urlencoded, in_a_field, as_in_the_quick_start)


# -- create


@every_upstream
@pytest.mark.parametrize("form", BODIES, ids=lambda form: form.__name__)
def test_every_body_makes_the_same_video(house: House, alice: Caller, upstream: str, form: Any) -> None:
    """Whatever the encoding and the shape of a body: one create with its prompt, model and 4 seconds reaches the upstream."""
    prompt = f"一只橘猫 {uuid.uuid4().hex}"
    answer = alice.call("POST", "/v1/videos", **form(upstream, prompt))
    assert answer.status_code == 200, answer.text
    got = sent(house, upstream, prompt.split()[1])
    assert (got["model"], text_of(got)) == (UPSTREAMS[upstream][3], prompt)
    assert str(got.get("seconds", got.get("duration"))) == "4"
    video = answer.json()
    assert tuple(video)[:7] == OBJECT[:7]
    assert set(OBJECT) <= set(video)
    assert (video["status"], video["progress"], video["seconds"]) == ("queued", 0, "4")
    assert (video["model"], video["id"]) == (UPSTREAMS[upstream][2], video["task_id"])
    assert video["error"] is None


@every_upstream
def test_an_ark_caller_gets_the_id_alone(house: House, alice: Caller, upstream: str) -> None:
    """Ark's create answers with nothing but the upstream's own id, whatever the upstream speaks."""
    answer = alice.call("POST", TASKS["ark"], json=body(upstream, "ark"))
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["id"]
    known = {task["id"] for task in house.sims[upstream].control("GET", "tasks")}
    assert answer.json()["id"] in known


@every_family
@every_upstream
def test_one_task_by_both_families(house: House, alice: Caller, upstream: str, family: str) -> None:
    """A task made by one family is the same task by the other: its id, its model as the caller named it, its state at every moment."""
    task_id = alice.create(upstream, family)
    for state in ("running", "succeeded"):
        house.end(upstream, task_id, state)
        for speaker in FAMILIES:
            task = alice.get(task_id, speaker)
            assert (task["id"], task["model"]) == (task_id, UPSTREAMS[upstream][2])
            if upstream != "sglang" or state != "running":
                assert task["status"] == WORDS[speaker][state]
    openai, ark = alice.get(task_id), alice.get(task_id, "ark")
    assert openai["metadata"]["url"] == ark["content"]["video_url"]
    assert (openai["progress"], openai["created_at"]) == (100, ark["created_at"])
    assert openai.get("usage") == ark.get("usage")
    assert openai["metadata"].get("usage") == ark.get("usage")


@every_upstream
def test_a_failure_by_both_families(house: House, alice: Caller, upstream: str) -> None:
    """A failed task carries an error object in both families, with the same code and message."""
    task_id = alice.create(upstream)
    error = {"code": "OutputVideoSensitiveContentDetected", "message": "the output may be sensitive"}
    house.end(upstream, task_id, "failed", error=error)
    openai, ark = alice.get(task_id), alice.get(task_id, "ark")
    assert openai["status"] == ark["status"] == "failed"
    assert openai["error"]["code"] == ark["error"]["code"]
    assert openai["error"]["message"] == ark["error"]["message"]
    assert "usage" not in ark
    assert "content" not in ark


@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_states_that_openai_does_not_have(house: House, alice: Caller, state: str) -> None:
    """Ark's expired and cancelled stay what they are to Ark callers, and are failed with an error that names them to OpenAI's."""
    task_id = alice.create("ark")
    house.end("ark", task_id, state)
    video = alice.get(task_id)
    assert (video["status"], video["error"]["code"], video["metadata"]["status"]) == ("failed", state, state)
    assert alice.get(task_id, "ark")["status"] == state


def test_a_model_that_leads_nowhere(house: House, alice: Caller) -> None:
    """A model that is not configured is a 404 in both families, and nobody is asked."""
    before = house.count()
    for family in FAMILIES:
        answer = alice.call("POST", TASKS[family], json=body("ark", family, model="no-such-model"))
        error = error_of(answer, family)
        assert (answer.status_code, error["param"]) == (404, "model")
        assert error["code"] == ("model_not_found" if family == "openai" else "InvalidEndpointOrModel.NotFound")
    assert house.count() == before


def test_what_was_done_to_a_request_is_said(house: House, alice: Caller) -> None:
    """A field that an upstream has no word for is dropped with a header that names it, whatever characters the value had."""
    answer = alice.call("POST", "/v1/videos", json=body("ark", fps=24, guidance_scale=2))
    assert answer.status_code == 200
    said = answer.headers.get_list("x-arkbridge-warning")
    assert {line.partition(";")[0] for line in said} == {"fps", "guidance_scale"}


@every_family
def test_headers_of_an_answer(house: House, alice: Caller, family: str) -> None:
    """Every answer carries our request id and echoes the caller's; an unfinished video says when to ask again."""
    made = alice.call("POST", TASKS[family], json=body("ark", family), headers={"x-client-request-id": "mine-1"})
    assert made.headers["x-client-request-id"] == "mine-1"
    assert made.headers["x-request-id"].startswith("req_")
    assert len(made.headers.get_list("x-request-id")) == 1
    assert len(made.headers.get_list("x-arkbridge-upstream-request-id")) == 1
    read = alice.call("GET", f"{TASKS[family]}/{made.json()['id']}")
    assert int(read.headers["openai-poll-after-ms"]) > 0
    house.end("ark", made.json()["id"])
    over = alice.call("GET", f"{TASKS[family]}/{made.json()['id']}")
    assert "openai-poll-after-ms" not in over.headers
    assert int(over.headers["x-arkbridge-total-tokens"]) > 0


def test_prefer_wait(house: House, alice: Caller) -> None:
    """`Prefer: wait` on a create answers with the task as it then is; a wait that nobody could mean is ignored."""
    answer = alice.call("POST", "/v1/videos", json=body("ark"), headers={"prefer": "wait=1"})
    assert answer.status_code == 200
    assert answer.json()["status"] in ("queued", "in_progress")
    task_id = answer.json()["id"]
    house.end("ark", task_id)
    for odd in ("wait=" + "9" * 5000, "wait=-1", "wait=x", "wait", "respond-async, wait=300"):
        answer = alice.call("GET", f"/v1/videos/{task_id}", headers={"prefer": odd})
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")


# -- list


def pages(caller: Caller, family: str, size: int, **query: str) -> list[list[str]]:
    """The ids of every page, walked as each family's SDK does."""
    found: list[list[str]] = []
    after, number = "", 1
    while True:
        if family == "openai":
            answer = caller.call(
                "GET", "/v1/videos", params={"limit": size, **({"after": after} if after else {}), **query}
            )
            page, more = answer.json()["data"], answer.json()["has_more"]
        else:
            answer = caller.call("GET", TASKS["ark"], params={"page_size": size, "page_num": number, **query})
            page, more = answer.json()["items"], number * size < answer.json()["total"]
        assert answer.status_code == 200, answer.text
        found.append([task["id"] for task in page])
        if not more:
            return found
        after, number = found[-1][-1], number + 1


def test_lists_page_by_page(house: House) -> None:
    """Both families walk a caller's tasks of all upstreams newest first in three pages, none twice, and nobody else's."""
    carol, dave = house.caller("carol"), house.caller("dave")
    made = []
    for number, upstream in enumerate((*UPSTREAMS, "ark")):
        made.append(carol.create(upstream, FAMILIES[number % 2]))
        dave.create(upstream)
    for family in FAMILIES:
        found = pages(carol, family, 3)
        assert [len(page) for page in found] == [3, 3, 1]
        assert [task_id for page in found for task_id in page] == made[::-1]
    assert [one for page in pages(carol, "openai", 3, order="asc") for one in page] == made
    assert carol.call("GET", "/v1/videos", params={"after": made[1]}).json()["data"][0]["id"] == made[0]
    assert house.caller("erin").call("GET", "/v1/videos").json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    assert house.caller("erin").call("GET", TASKS["ark"]).json() == {"items": [], "total": 0}


def test_list_filters(house: House) -> None:
    """Ark's filters select by status, ids, model and tier, and never beyond the caller's own tasks."""
    frank, grace = house.caller("frank"), house.caller("grace")
    done, waiting, other = frank.create("ark"), frank.create("ark"), frank.create("newapi")
    foreign = grace.create("ark")
    house.end("ark", done)
    frank.get(done)

    def ids(*query: tuple[str, str]) -> set[str]:
        answer = frank.call("GET", TASKS["ark"], params=list(query))
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == len(answer.json()["items"])
        return {task["id"] for task in answer.json()["items"]}

    assert ids(("filter.status", "succeeded")) == {done}
    assert ids(("filter.task_ids", done), ("filter.task_ids", foreign), ("filter.task_ids", UNKNOWN)) == {done}
    assert ids(("filter.model", UPSTREAMS["newapi"][2])) == {other}
    assert ids(("filter.service_tier", "default")) == {done, waiting, other}
    assert ids(("filter.service_tier", "flex")) == set()


@pytest.mark.parametrize(
    ("family", "query", "param"),
    [
        ("openai", {"limit": "101"}, "limit"),
        ("openai", {"limit": "-1"}, "limit"),
        ("openai", {"limit": "many"}, "limit"),
        ("openai", {"order": "sideways"}, "order"),
        ("ark", {"page_num": "0"}, "page_num"),
        ("ark", {"page_size": "501"}, "page_size"),
        ("ark", {"page_size": "x"}, "page_size"),
        ("ark", {"filter.status": "done"}, "filter.status"),
    ],
)
def test_wrong_list_queries(alice: Caller, family: str, query: dict[str, str], param: str) -> None:
    """A wrong word in a list's query is a 400 that names it."""
    answer = alice.call("GET", TASKS[family], params=query)
    assert (answer.status_code, error_of(answer, family)["param"]) == (400, param)
