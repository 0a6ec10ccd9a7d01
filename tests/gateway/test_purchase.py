"""The life of a create: bought exactly once, refused without a trace, or open and said to be so."""

import socket
import threading
from typing import Any

import pytest

from tests.gateway.house import FAMILIES, TASKS, UPSTREAM_KEY, UPSTREAMS, Caller, House, body, error_of, hang_up
from tests.support.servers import until

every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)
every_family = pytest.mark.parametrize("family", FAMILIES)
POST = "POST .*"


def posts(house: House, upstream: str) -> int:
    """How many POSTs this upstream has seen."""
    return len(house.sims[upstream].requests("POST"))


def open_rows(house: House, state: str) -> int:
    """How many task rows are in this state."""
    ((count,),) = house.rows("SELECT COUNT(*) FROM tasks WHERE state = ?", state)
    return int(count)


@every_family
@every_upstream
@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "InvalidParameter"), (404, "InvalidEndpointOrModel.NotFound"), (429, "QuotaExceeded")],
)
def test_refused(house: House, alice: Caller, upstream: str, family: str, status: int, said: str) -> None:
    """An upstream's 4xx is passed on with its status, code, message and param in the caller's envelope, and no row is left."""
    before, sent = house.count(), posts(house, upstream)
    error = f'{{"error":{{"code":"{said}","message":"no, not so","param":"duration","type":"x"}}}}'
    headers = {"x-request-id": "up-1", "retry-after": "7"}
    house.sims[upstream].fault(POST, "answer", status=status, body=error, headers=headers)
    answer = alice.call("POST", TASKS[family], json=body(upstream, family))
    read = error_of(answer, family)
    assert (answer.status_code, read["code"], read["message"], read["param"]) == (
        status,
        said,
        "no, not so",
        "duration",
    )
    assert answer.headers.get_list("x-arkbridge-upstream-request-id") == ["up-1"]
    assert answer.headers["x-arkbridge-upstream-code"] == said
    assert answer.headers["retry-after"] == "7"
    assert "x-should-retry" not in answer.headers
    assert (house.count(), posts(house, upstream)) == (before, sent + 1)


AMBIGUOUS: dict[str, tuple[dict[str, Any], int, dict[str, str]]] = {
    "500 in its own words": (
        {"kind": "answer-after", "status": 500, "body": '{"error":{"code":"InternalServiceError","message":"sorry"}}'},
        500,
        {"openai": "InternalServiceError", "ark": "InternalServiceError"},
    ),
    "503 in its own words": (
        {"kind": "answer-after", "status": 503, "body": '{"error":{"code":"Overloaded","message":"later"}}'},
        503,
        {"openai": "Overloaded", "ark": "Overloaded"},
    ),
    "502 of a relay": (
        {"kind": "answer-after", "status": 502, "body": "<html>Bad Gateway</html>"},
        502,
        {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"},
    ),
    "a redirect": (
        {"kind": "answer-after", "status": 302, "body": "", "headers": {"location": "/elsewhere"}},
        502,
        {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"},
    ),
    "broken connection": ({"kind": "break"}, 502, {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"}),
    "broken answer": ({"kind": "break-mid"}, 502, {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"}),
    "no id": ({"kind": "no-id"}, 502, {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"}),
    "no JSON": (
        {"kind": "answer-after", "status": 200, "body": "<html>"},
        502,
        {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"},
    ),
    "nothing": (
        {"kind": "answer-after", "status": 200, "body": ""},
        502,
        {"openai": "upstream_ambiguous", "ark": "UpstreamAmbiguous"},
    ),
}


@every_family
@pytest.mark.parametrize("upstream", ["ark", "strict", "newapi"])
@pytest.mark.parametrize("outcome", AMBIGUOUS)
def test_ambiguous(house: House, alice: Caller, upstream: str, family: str, outcome: str) -> None:
    """Whatever leaves open whether a video was bought: one POST upstream, an SDK must not repeat it, and the row stays out of sight."""
    fault, status, code = AMBIGUOUS[outcome]
    rows, sent, ambiguous = house.count(), posts(house, upstream), open_rows(house, "ambiguous")
    details = {name: value for name, value in fault.items() if name != "kind"}
    house.sims[upstream].fault(POST, fault["kind"], **details)
    listed = alice.call("GET", "/v1/videos?limit=1").json()
    answer = alice.call("POST", TASKS[family], json=body(upstream, family))
    error = error_of(answer, family)
    assert (answer.status_code, error["code"]) == (status, code[family])
    assert answer.headers["x-should-retry"] == "false"
    assert posts(house, upstream) == sent + 1
    assert house.count() == (rows[0] + 1, rows[1])
    assert open_rows(house, "ambiguous") == ambiguous + 1
    assert alice.call("GET", "/v1/videos?limit=1").json() == listed


@every_family
@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        (401, "AuthenticationError", "AuthenticationError"),
        (403, "AccountOverdueError", "AccountOverdueError"),
        (403, "OperationDenied.ServiceNotOpen", "OperationDenied.ServiceNotOpen"),
        (404, "ModelNotOpen", "ModelNotOpen"),
        (401, "", "401"),
        (402, "", "402"),
    ],
)
def test_our_account(house: House, alice: Caller, family: str, status: int, code: str, shown: str) -> None:
    """Trouble with our own account is not the caller's: a 502 with a fixed text, the upstream's code in a header, and no row."""
    rows = house.count()
    error = f'{{"error":{{"code":"{code}","message":"key {UPSTREAM_KEY} of account 2100000001 is bad"}}}}'
    house.sims["ark"].fault(POST, "answer", status=status, body=error)
    answer = alice.call("POST", TASKS[family], json=body("ark", family))
    read = error_of(answer, family)
    wanted = {"openai": "upstream_account", "ark": "UpstreamAccount"}[family]
    assert (answer.status_code, read["code"], answer.headers["x-should-retry"]) == (502, wanted, "false")
    assert answer.headers["x-arkbridge-upstream-code"] == shown
    assert "2100000001" not in answer.text
    assert UPSTREAM_KEY not in answer.text
    assert house.count() == rows


@every_family
def test_not_sent(tmp_path: Any, family: str) -> None:
    """When the upstream cannot be reached nothing was bought: a 503 that may be repeated, and no row."""
    with socket.create_server(("127.0.0.1", 0)) as reserved, House(tmp_path, ("ark",)) as house:
        text = house.file.read_text()
        port = reserved.getsockname()[1]
        house.file.write_text(text.replace(house.sims["ark"].base_url, f"http://127.0.0.1:{port}/api/v3"))
        reserved.close()
        house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
        answer = house.caller().call("POST", TASKS[family], json=body("ark", family))
        code = {"openai": "upstream_unavailable", "ark": "ServiceUnavailable"}[family]
        assert (answer.status_code, error_of(answer, family)["code"]) == (503, code)
        assert "x-should-retry" not in answer.headers
        assert answer.headers["retry-after"]
        assert str(port) not in answer.text
        assert house.count() == (0, 0)


# -- when our own store fails


@every_family
def test_a_store_that_cannot_write(house: House, alice: Caller, family: str) -> None:
    """Before sending: a 503, and the upstream is not asked."""
    sent = posts(house, "ark")
    with house.broken("INSERT ON tasks"):
        answer = alice.call("POST", TASKS[family], json=body("ark", family))
    code = {"openai": "store_unavailable", "ark": "ServiceUnavailable"}[family]
    assert (answer.status_code, error_of(answer, family)["code"]) == (503, code)
    assert posts(house, "ark") == sent


def ready(house: House, alice: Caller) -> tuple[int, str]:
    """What the readiness route says."""
    answer = alice.call("GET", "/readyz")
    return answer.status_code, answer.text


@every_family
def test_a_store_that_stops_after_something_was_bought(house: House, alice: Caller, family: str) -> None:
    """The answer is delivered, the task can be polled, /readyz turns red and a gauge says so; when the store is back, all is as ever."""
    admin = house.key(f"root-{family}", admin=True)

    def gauge() -> str:
        text = alice.call("GET", "/metrics", headers={"authorization": f"Bearer {admin}"}).text
        return next(line for line in text.splitlines() if line.startswith("arkbridge_spooled_rows "))

    assert ready(house, alice)[0] == 200
    sent = posts(house, "ark")
    with house.broken("UPDATE ON tasks"):
        task_id = alice.create("ark", family)
        assert ready(house, alice) == (503, '{"status":"not ready","problems":["store: 1 writes wait for it"]}')
        assert gauge() == "arkbridge_spooled_rows 1.0"
        for speaker in FAMILIES:
            task = alice.get(task_id, speaker)
            assert (task["id"], task["status"]) == (task_id, "queued")
        house.sims["ark"].force(task_id, "succeeded")
        assert alice.get(task_id)["status"] == "queued"
        assert alice.call("GET", f"/v1/videos/{task_id}/content").status_code == 404
        assert alice.call("DELETE", f"/v1/videos/{task_id}").status_code == 503
        assert house.caller("bob").call("GET", f"/v1/videos/{task_id}").status_code == 404
        waited = alice.call("GET", f"/v1/videos/{task_id}", headers={"prefer": "wait=60"})
        assert waited.json()["id"] == task_id
    until(lambda: ready(house, alice)[0], lambda status: status == 200)
    assert gauge() == "arkbridge_spooled_rows 0.0"
    house.advance(5)
    assert alice.get(task_id)["status"] == "completed"
    assert [row.status for row in house.ledger(task_id)] == ["succeeded"]
    assert posts(house, "ark") == sent + 1
    assert any(line["what"] == "an accepted task" for line in house.gateway.lines("a write that waited is durable now"))


@pytest.mark.parametrize(
    ("fault", "trigger", "status", "state"),
    [
        (
            {"kind": "answer", "status": 400, "body": '{"error":{"code":"X","message":"no"}}'},
            "DELETE ON tasks",
            400,
            None,
        ),
        ({"kind": "break"}, "UPDATE ON tasks", 502, "ambiguous"),
    ],
)
def test_a_store_that_stops_after_a_bad_end(
    house: House, alice: Caller, fault: dict[str, Any], trigger: str, status: int, state: str | None
) -> None:
    """The caller gets the true answer all the same, and the row gets its state when the store is back."""
    rows, ambiguous = house.count()[0], open_rows(house, "ambiguous")
    details = {name: value for name, value in fault.items() if name != "kind"}
    with house.broken(trigger):
        house.sims["ark"].fault(POST, fault["kind"], **details)
        answer = alice.call("POST", "/v1/videos", json=body("ark"))
        assert answer.status_code == status
        assert (answer.headers.get("x-should-retry") == "false") == (state is not None)
        assert house.count()[0] == rows + 1
        assert open_rows(house, "submitting") == 1
    until(lambda: ready(house, alice)[0], lambda code: code == 200)
    assert house.count()[0] == rows + (state is not None)
    assert open_rows(house, "ambiguous") == ambiguous + (state is not None)


def test_reads_when_the_store_cannot_write(house: House, alice: Caller) -> None:
    """A poll is answered with the last snapshot, and the end is settled once the store is back."""
    task_id = alice.create("ark")
    house.end("ark", task_id)
    with house.broken("UPDATE ON tasks", "INSERT ON ledger"):
        answer = alice.call("GET", f"/v1/videos/{task_id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert alice.call("DELETE", f"/v1/videos/{task_id}").status_code == 503
    house.advance(5)
    assert alice.get(task_id)["status"] == "completed"
    assert len(house.ledger(task_id)) == 1


def test_everything_when_the_store_is_gone(house: House, alice: Caller) -> None:
    """What needs the store says 503 in the family's envelope and never 500; health does not need it."""
    task_id = alice.create("ark")
    house.rows("ALTER TABLE tasks RENAME TO hidden")
    try:
        for family in FAMILIES:
            code = {"openai": "store_unavailable", "ark": "ServiceUnavailable"}[family]
            calls: tuple[tuple[str, str, Any], ...] = (
                ("POST", TASKS[family], body("ark", family)),
                ("GET", TASKS[family], None),
                ("GET", f"{TASKS[family]}/{task_id}", None),
                ("DELETE", f"{TASKS[family]}/{task_id}", None),
            )
            for method, path, fields in calls:
                answer = alice.call(method, path, json=fields)
                assert (answer.status_code, error_of(answer, family)["code"]) == (503, code), (method, path)
        assert alice.call("GET", "/healthz").status_code == 200
    finally:
        house.rows("ALTER TABLE hidden RENAME TO tasks")
    assert alice.get(task_id)["id"] == task_id
    assert house.gateway.lines("internal error") == []
    assert house.gateway.lines("the store failed")


# -- callers who leave


def test_a_caller_who_leaves_has_bought(house: House, alice: Caller) -> None:
    """What was started goes on if the caller hangs up: the task is theirs to find in the list, and one POST was made."""
    sent, before = posts(house, "ark"), alice.call("GET", "/v1/videos?limit=1").json()["first_id"]
    house.sims["ark"].fault(POST, "slow", seconds=0.3)
    hang_up(alice, house.gateway.url, lambda: posts(house, "ark") == sent + 1)
    newest = until(lambda: alice.call("GET", "/v1/videos?limit=1").json()["first_id"], lambda found: found != before)
    assert alice.get(newest)["status"] == "queued"
    assert posts(house, "ark") == sent + 1
    line = until(lambda: [one for one in house.gateway.lines("call") if one.get("task") == newest], bool)[0]
    assert (line["operation"], line["status"]) == ("videos.create", 200)


def test_creates_at_once(house: House, alice: Caller) -> None:
    """Many creates at the same time are many videos, each with an id of its own."""
    sent = posts(house, "ark")
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(alice.create("ark"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 20
    assert posts(house, "ark") == sent + 20
