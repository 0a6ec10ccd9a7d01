"""Deletes by both families, in every state, at every upstream: what is queued is cancelled, what has ended goes, what runs stays."""

import httpx2 as httpx
import pytest

from tests.gateway.house import FAMILIES, NO_DELETE, TASKS, UPSTREAMS, Caller, House, error_of

OTHER = {"openai": "ark", "ark": "openai"}
every_family = pytest.mark.parametrize("family", FAMILIES)


def delete(caller: Caller, task_id: str, family: str) -> httpx.Response:
    """DELETE by one family."""
    return caller.call("DELETE", f"{TASKS[family]}/{task_id}")


def check_deleted(answer: httpx.Response, task_id: str, family: str) -> None:
    """The family's answer to a delete."""
    assert answer.status_code == 200, answer.text
    wanted = {"id": task_id, "deleted": True, "object": "video.deleted"} if family == "openai" else {}
    assert answer.json() == wanted


deletable = pytest.mark.parametrize("upstream", [name for name in UPSTREAMS if name not in NO_DELETE])


@every_family
@deletable
def test_delete_of_a_queued_task_cancels_it(house: House, alice: Caller, upstream: str, family: str) -> None:
    """Upstream it is cancelled or gone; here it stays readable as cancelled, and has a row without tokens."""
    task_id = alice.create(upstream, OTHER[family])
    check_deleted(delete(alice, task_id, family), task_id, family)
    video = alice.get(task_id)
    assert (video["status"], video["error"]["code"]) == ("failed", "cancelled")
    assert alice.get(task_id, "ark")["status"] == "cancelled"
    left = {task["id"]: task for task in house.sims[upstream].control("GET", "tasks")}.get(task_id)
    assert left is None or left["status"] == "cancelled" or left["data"].get("deleted")
    (row,) = house.ledger(task_id)
    assert (row.status, row.total_tokens, row.cost) == ("cancelled", None, None)
    check_deleted(delete(alice, task_id, family), task_id, family)
    assert alice.call("GET", f"/v1/videos/{task_id}").status_code == 404


@every_family
@pytest.mark.parametrize("upstream", ["ark", "strict", "vllm-omni"])
def test_delete_of_a_running_task(house: House, alice: Caller, upstream: str, family: str) -> None:
    """A 409 that no SDK repeats, and the task goes on; only vLLM-Omni cancels what runs."""
    task_id = alice.create(upstream)
    house.sims[upstream].force(task_id, "running")
    answer = delete(alice, task_id, family)
    if upstream == "vllm-omni":
        check_deleted(answer, task_id, family)
        assert alice.get(task_id, "ark")["status"] == "cancelled"
        return
    code = {"openai": "task_running", "ark": "TaskRunningCannotCancel"}[family]
    assert (answer.status_code, error_of(answer, family)["code"]) == (409, code)
    assert answer.headers["x-should-retry"] == "false"
    assert alice.get(task_id, "ark")["status"] == "running"
    assert house.sims[upstream].requests("DELETE", task_id) == []


@every_family
@deletable
def test_delete_of_an_ended_task(house: House, alice: Caller, upstream: str, family: str) -> None:
    """It is read and settled first, then deleted upstream; afterwards it is a 404 in both families, and its row stays."""
    task_id = alice.create(upstream)
    house.end(upstream, task_id)
    check_deleted(delete(alice, task_id, family), task_id, family)
    for speaker in FAMILIES:
        for verb in ("GET", "DELETE"):
            assert alice.call(verb, f"{TASKS[speaker]}/{task_id}").status_code == 404
    assert alice.call("GET", f"/v1/videos/{task_id}/content").status_code == 404
    (row,) = house.ledger(task_id)
    assert row.status == "succeeded"
    assert row.total_tokens if upstream == "ark" else row.total_tokens is None
    assert task_id not in {one["id"] for one in alice.call("GET", "/v1/videos?limit=100").json()["data"]}


@every_family
@pytest.mark.parametrize("upstream", NO_DELETE)
@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_delete_where_there_is_no_route(house: House, alice: Caller, upstream: str, family: str, state: str) -> None:
    """new-api has no delete: a 400 by code in every state, the task stays, the upstream is not asked."""
    task_id = alice.create(upstream)
    house.end(upstream, task_id, state)
    answer = delete(alice, task_id, family)
    code = {"openai": "unsupported_operation", "ark": "InvalidParameter.UnsupportedOperation"}[family]
    assert (answer.status_code, error_of(answer, family)["code"]) == (400, code)
    assert alice.get(task_id, family)["id"] == task_id
    assert house.sims[upstream].requests("DELETE") == []


@every_family
@pytest.mark.parametrize("state", ["failed", "expired", "cancelled"])
def test_delete_of_other_ends(house: House, alice: Caller, family: str, state: str) -> None:
    """Failed, expired and cancelled tasks are deleted like finished ones, though Ark itself refuses the cancelled."""
    task_id = alice.create("ark", family)
    house.end("ark", task_id, state)
    check_deleted(delete(alice, task_id, family), task_id, family)
    assert alice.call("GET", f"/v1/videos/{task_id}").status_code == 404
    assert [row.status for row in house.ledger(task_id)] == [state]


@every_family
def test_delete_when_the_upstream_fails(house: House, alice: Caller, family: str) -> None:
    """When the state cannot be read, nothing is deleted: the answer says so and the task is still there."""
    task_id = alice.create("ark")
    for fault, details in (("break-before", {}), ("answer", {"status": 200, "body": "<html>"}), ("500-before", {})):
        house.sims["ark"].fault(f"GET .*{task_id}", fault, **details)
        answer = delete(alice, task_id, family)
        assert answer.status_code in (500, 502, 503), (fault, answer.text)
        assert (
            error_of(answer, family)["code"] not in ("internal_error", "InternalServiceError") or fault == "500-before"
        )
        assert house.sims["ark"].requests("DELETE", task_id) == []
    assert alice.get(task_id, family)["status"] == "queued"


@pytest.mark.parametrize("verb", ["get", "delete"])
def test_delete_without_quota(house: House, alice: Caller, verb: str) -> None:
    """When the account's limit for this second is used up, a delete is a 429 to be repeated, and nothing was deleted."""
    task_id = alice.create("ark")
    house.end("ark", task_id)
    quotas = house.gateway.services.quotas
    house.gateway.loop.call_soon_threadsafe(quotas.configure, {"ark": {verb: 0.01}})
    house.gateway.do(quotas.take("ark", verb))
    answer = delete(alice, task_id, "openai")
    house.gateway.loop.call_soon_threadsafe(quotas.configure, {})
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "1"
    assert house.sims["ark"].requests("DELETE", task_id) == []
    check_deleted(delete(alice, task_id, "openai"), task_id, "openai")


def test_delete_that_was_sent_and_not_answered(house: House, alice: Caller) -> None:
    """Nobody knows whether it happened: a 503 that may be repeated, and the repeat finds the truth."""
    task_id = alice.create("ark")
    house.sims["ark"].fault(f"DELETE .*{task_id}", "break")
    answer = delete(alice, task_id, "openai")
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (503, "upstream_unavailable")
    check_deleted(delete(alice, task_id, "openai"), task_id, "openai")
