"""The gateway as a whole: whose is what, what is counted, and which words never leave it."""

import contextlib
import dataclasses
import gc
import json
import re
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.gateway.house import (
    FAMILIES,
    TASKS,
    UPSTREAM_KEY,
    UPSTREAMS,
    Caller,
    House,
    body,
    error_of,
    together,
)
from tests.support.servers import until

every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)


# -- ownership


def plain(answer: httpx.Response, task_id: str) -> tuple[int, dict[str, str], str]:
    """An answer without what differs between any two calls: the request id, and the id that was asked for."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    own = answer.headers["x-request-id"]
    return answer.status_code, headers, answer.text.replace(own, "REQUEST").replace(task_id, "TASK")


STATES = ("queued", "running", "succeeded", "failed", "deleted")


@pytest.mark.parametrize(
    ("upstream", "state"),
    [
        (name, state)
        for name in ("ark", "strict", "newapi")
        for state in STATES
        if (name, state) != ("newapi", "deleted")
    ],
)
def test_somebody_elses_task_is_an_unknown_one(
    house: House, alice: Caller, bob: Caller, upstream: str, state: str
) -> None:
    """On every route, in every state, the answer to a stranger is byte for byte that of an id that does not exist, and nothing happens."""
    task_id = alice.create(upstream)
    if state != "queued":
        house.end(upstream, task_id, "succeeded" if state == "deleted" else state)
        alice.get(task_id)
    if state == "deleted":
        assert alice.call("DELETE", f"/v1/videos/{task_id}").status_code == 200
    unknown = "u" * len(task_id)
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/v1/videos/{}", None),
        ("DELETE", "/v1/videos/{}", None),
        ("GET", "/v1/videos/{}/content", None),
        ("HEAD", "/v1/videos/{}/content", None),
        ("GET", "/v1/videos/{}/content?exp=1&sig=x", None),
        ("POST", "/v1/videos/{}/remix", {"prompt": "again"}),
        ("POST", "/v1/videos/edits", {"prompt": "again", "video": {"id": "{}"}}),
        ("POST", "/v1/videos/extensions", {"prompt": "again", "seconds": "4", "video": {"id": "{}"}}),
        ("GET", TASKS["ark"] + "/{}", None),
        ("DELETE", TASKS["ark"] + "/{}", None),
        ("GET", "/v1/videos?after={}", None),
        ("GET", TASKS["ark"] + "?filter.task_ids={}", None),
    ]
    sent = len(house.sims[upstream].requests())
    for method, path, fields in calls:
        answers = []
        for asked in (task_id, unknown):
            data = json.loads(json.dumps(fields).replace("{}", asked)) if fields else None
            answers.append(plain(bob.call(method, path.replace("{}", asked), json=data), asked))
        assert answers[0] == answers[1], (method, path)
        assert answers[0][0] in (404, 200), (method, path, answers[0])
    new = [one for one in house.sims[upstream].requests()[sent:] if one["method"] != "GET"]
    assert new == []


def test_a_draft_of_somebody_else(house: House, alice: Caller, bob: Caller) -> None:
    """An id of a task inside a body is checked like one in a path (contract.md §5, "Isolation")."""
    draft = house.finished("ark")
    posts = len(house.sims["ark"].requests("POST"))
    answers = []
    for asked in (draft, "u" * len(draft)):
        fields = {"model": "fast", "content": [{"type": "draft_task", "draft_task": {"id": asked}}]}
        for family in FAMILIES:
            answers.append(plain(bob.call("POST", TASKS[family], json=fields), asked))
    assert answers[:2] == answers[2:]
    assert [status for status, *_ in answers] == [404] * 4
    assert len(house.sims["ark"].requests("POST")) == posts


# -- settlement


def test_fifty_polls_settle_once(house: House, alice: Caller) -> None:
    """However many poll through both families at the moment of the end: one settlement, one line, one upstream read, one answer."""
    task_id = alice.create("ark")
    alice.get(task_id)
    house.end("ark", task_id)
    sim = house.sims["ark"]
    sim.control("DELETE", "requests")

    def poll(number: int) -> dict[str, Any]:
        with httpx.Client(trust_env=False, timeout=30, headers={"authorization": f"Bearer {alice.key}"}) as http:
            answer = http.get(f"{house.gateway.url}{TASKS[FAMILIES[number % 2]]}/{task_id}")
            assert answer.status_code == 200
            return dict(answer.json())

    seen = together(poll, 50)
    assert {task["status"] for task in seen} == {"completed", "succeeded"}
    assert len({json.dumps(task, sort_keys=True) for task in seen}) == 2
    reads = [one for one in sim.requests("GET", task_id) if one["path"].endswith(task_id)]
    assert len(reads) <= 2  # the follower may have been there first
    assert len(house.ledger(task_id)) == 1
    assert len([line for line in house.gateway.lines("settled") if line["task"] == task_id]) == 1


def test_deletes_and_polls_at_once(house: House, alice: Caller) -> None:
    """A task that is polled and deleted from all sides at once is settled once and gone afterwards."""
    task_id = alice.create("ark")
    house.end("ark", task_id)

    def act(number: int) -> int:
        method = "DELETE" if number % 3 == 0 else "GET"
        with httpx.Client(trust_env=False, timeout=30, headers={"authorization": f"Bearer {alice.key}"}) as http:
            return http.request(method, f"{house.gateway.url}{TASKS[FAMILIES[number % 2]]}/{task_id}").status_code

    assert set(together(act, 30)) <= {200, 404}
    assert len(house.ledger(task_id)) == 1
    assert alice.call("GET", f"/v1/videos/{task_id}").status_code == 404


@every_upstream
def test_the_row_of_a_finished_task(house: House, alice: Caller, upstream: str) -> None:
    """The facts of contract.md §9, with tokens where the upstream tells them and nothing invented where it does not."""
    answer = alice.call("POST", "/v1/videos", json=body(upstream), headers={"user-agent": "me/1"})
    task_id = answer.json()["id"]
    house.end(upstream, task_id)
    video = alice.get(task_id)
    (row,) = house.ledger(task_id)
    tokens = (video["metadata"].get("usage") or {}).get("total_tokens")
    assert (tokens is None) == (upstream not in ("ark",))  # older new-api and the others tell none
    facts = {
        "kind": "settlement",
        "request_id": answer.headers["x-request-id"],
        "caller": "alice",
        "key_prefix": alice.key[:12],
        "family": "videos",
        "operation": "videos.create",
        "dialect": "openai",
        "upstream": upstream,
        "original_model": UPSTREAMS[upstream][2],
        "request_model": UPSTREAMS[upstream][3],
        "task_id": task_id,
        "status": "succeeded",
        "error_code": None,
        "output_tokens": tokens,
        "total_tokens": tokens,
        "has_video_input": False,
        "seconds": 4.0,
        "resolution": "720p",
        "measured": "measured",
        "cost": None,
        "currency": None,
        "stream": False,
        "client": "127.0.0.1",
        "user_agent": "me/1",
    }
    assert {name: getattr(row, name) for name in facts} == facts
    assert row.total_ms is not None
    assert row.total_ms >= 20_000


@pytest.mark.parametrize(
    ("upstream", "end"), [*((name, "failed") for name in UPSTREAMS), ("ark", "expired"), ("ark", "cancelled")]
)
def test_the_row_of_a_task_without_a_result(house: House, alice: Caller, upstream: str, end: str) -> None:
    """Failed, expired and cancelled tasks cost nothing and have a row, without tokens, that says why."""
    task_id = alice.create(upstream, "ark")
    house.end(upstream, task_id, end)
    assert alice.get(task_id, "ark")["status"] == end
    (row,) = house.ledger(task_id)
    assert (row.status, row.total_tokens, row.cost, row.seconds) == (end, None, None, None)
    assert (row.error_code is not None) == (end == "failed")
    assert (row.dialect, row.operation) == ("ark", "videos.create")


def test_a_restart_changes_nothing(house: House, alice: Caller) -> None:
    """Tasks, rows and links are the same after a restart, and a task that ended meanwhile is settled once, unasked."""
    done, open_task = house.finished("ark"), alice.create("strict")
    shown, rows = alice.get(done), house.ledger()
    house.restart()
    assert alice.get(done) == shown
    assert house.ledger() == rows
    house.end("strict", open_task)
    until(lambda: len(house.ledger(open_task)), lambda count: count == 1)
    assert alice.get(open_task)["status"] == "completed"
    assert len(house.ledger(open_task)) == 1


# -- secrets

OURS = re.compile(r"proxy\.(?!simulator)")
CANARIES = (UPSTREAM_KEY, UPSTREAM_KEY[9:])
ECHO = json.dumps({"error": {"code": "Bad", "message": f"key {UPSTREAM_KEY} Bearer {UPSTREAM_KEY} is no good"}})


def everything(house: House, caller: Caller, upstream: str, family: str) -> list[httpx.Response]:
    """Every operation, good and bad, at one upstream, and every fault that a simulator knows."""
    sim, path = house.sims[upstream], TASKS[family]
    answers = [caller.call("POST", path, json=body(upstream, family))]
    task_id = answers[0].json()["id"]
    for fault, details in (
        ("answer", {"status": 401, "body": ECHO}),
        ("answer", {"status": 400, "body": ECHO}),
        ("answer-after", {"status": 500, "body": ECHO}),
        ("answer", {"status": 200, "body": ECHO}),
        ("break", {}),
        ("429", {}),
        ("500-before", {}),
    ):
        for method, where, match in (
            ("POST", path, "POST .*"),
            ("GET", f"{path}/{task_id}", f"GET .*{task_id}"),
            ("DELETE", f"{path}/{task_id}", f"GET .*{task_id}"),
        ):
            sim.fault(match, fault, **details)
            house.clock.offset += 5
            fields = body(upstream, family) if method == "POST" else None
            answers.append(caller.call(method, where, json=fields))
            sim.control("DELETE", "faults")
    house.end(upstream, task_id)
    for method, where in (
        ("GET", f"{path}/{task_id}"),
        ("GET", path),
        ("GET", f"/v1/videos/{task_id}/content"),
        ("HEAD", f"/v1/videos/{task_id}/content"),
        ("GET", "/v1/usage"),
        ("GET", "/nowhere"),
        ("PUT", path),
        ("DELETE", f"{path}/{task_id}"),
    ):
        answers.append(caller.call(method, where))
        with_redirect = {"x-arkbridge-content": "redirect", "range": "bytes=0-3"}
        answers.append(caller.call(method, where, headers=with_redirect))
    return answers


def test_canaries(house: House) -> None:
    """After every operation, fault and error: neither key is in a log line, an answer, a header, a database file or a repr."""
    caller = house.caller("canary")
    answers = [
        answer
        for upstream in UPSTREAMS
        for family in FAMILIES
        for answer in everything(house, caller, upstream, family)
    ]
    own = (caller.key, caller.key.removeprefix("sk-ab-")[12:])
    texts = {
        "log": house.gateway.log_bytes(),
        "database": b"".join(path.read_bytes() for path in house.database.parent.iterdir()),
        "answers": b"".join(answer.content + str(answer.headers).encode() for answer in answers),
        "metrics": house.gateway.runtime._metrics.render(),
        "reprs": reprs(house).encode(),
    }
    for name, text in texts.items():
        assert len(text) > 500, name
        for secret in (*CANARIES, *own):
            for form in (secret, secret.encode().hex(), json.dumps(secret)[1:-1]):
                assert form.encode() not in text, (name, secret[:12])
    assert UPSTREAM_KEY in str(house.sims["ark"].requests())  # the canary was alive
    assert caller.key not in "".join(str(sim.requests()) for sim in house.sims.values())


def reprs(house: House) -> str:
    """What every object of the gateway shows of itself, exceptions included."""
    kinds = {id(kind): str(getattr(kind, "__module__", "")) for kind in map(type, gc.get_objects())}
    ours = [thing for thing in gc.get_objects() if OURS.match(kinds.get(id(type(thing)), ""))]
    shown = [repr(thing) for thing in ours if dataclasses.is_dataclass(thing)]
    with contextlib.suppress(ValueError):
        shown.append(repr(vars(house.gateway.services.client)))
    return "\n".join([*shown, repr(house.gateway.config())])


def test_the_database_file_is_the_owners(house: House) -> None:
    """The database holds the secret that signs links: nobody else on the machine may read it."""
    for path in house.database.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_error_messages_hide_what_is_inside(house: House, alice: Caller) -> None:
    """An upstream's words about itself are cleaned: endpoint and account ids, inner addresses, nested JSON."""
    inner = json.dumps(
        {"error": {"message": 'model ep-20260101-abcde of account 2100000001 at 10.0.0.7:8080 said "no"'}}
    )
    outer = json.dumps({"error": {"code": "Oops", "message": inner}})
    for family in FAMILIES:
        house.sims["ark"].fault("POST .*", "answer", status=400, body=outer)
        error = error_of(alice.call("POST", TASKS[family], json=body("ark", family)), family)
        assert not re.search(r"ep-2026|2100000001|10\.0\.0\.7|\\|\{", error["message"])
        assert 'said "no"' in error["message"]


def test_prompts_are_kept_only_if_wanted(tmp_path: Path) -> None:
    """With `keep_prompts = false` the prompt is in no answer and in no file, though the upstream got it."""
    prompt = "a prompt that nobody shall keep"
    with House(tmp_path, ("ark", "strict")) as house:
        house.write(tail="[video]\nkeep_prompts = false\n")
        house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
        alice = house.caller()
        for upstream in ("ark", "strict"):
            task_id = alice.create(upstream, prompt=prompt)
            assert house.sims[upstream].requests("POST", prompt)
            house.end(upstream, task_id)
            video = alice.get(task_id)
            assert video["status"] == "completed"
            assert prompt not in json.dumps(video)
        files = b"".join(path.read_bytes() for path in house.database.parent.iterdir())
        assert prompt.encode() not in files
        assert prompt.encode() not in house.gateway.log_bytes()
