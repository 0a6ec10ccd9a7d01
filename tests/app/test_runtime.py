"""What a running gateway takes from a new configuration, what it keeps, and how it ends."""

import threading
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from proxy.app.server import _reload
from proxy.config import Config
from proxy.errors import ConfigError
from tests.gateway.house import FAMILIES, TASKS, Caller, House, body, error_of, hang_up
from tests.support.servers import until


def reload(house: House) -> None:
    """Take the file as it is."""
    house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))


def test_an_upstream_with_open_tasks_must_stay(tmp_path: Path) -> None:
    """Taking it away is refused by name; retired, it gets no new work and its tasks are followed to their end."""
    with House(tmp_path, ("ark", "strict")) as house:
        alice = house.caller()
        task_id = alice.create("ark")
        house.write(names=["strict"])
        with pytest.raises(ConfigError, match=r"'ark' is gone but still has open tasks.*retired"):
            reload(house)
        assert alice.create("ark")
        house.write(upstream="retired = true")
        reload(house)
        answer = alice.call("POST", "/v1/videos", json=body("ark"))
        assert (answer.status_code, error_of(answer, "openai")["code"]) == (404, "model_not_found")
        house.end("ark", task_id)
        assert alice.get(task_id)["status"] == "completed"
        assert alice.call("GET", f"/v1/videos/{task_id}/content").status_code == 200
        assert alice.call("DELETE", f"/v1/videos/{task_id}").status_code == 200


def test_an_upstream_that_is_gone(tmp_path: Path) -> None:
    """Its settled tasks can still be read and listed; what needs the upstream is refused plainly, in both families."""
    with House(tmp_path, ("ark", "strict", "newapi")) as house:
        alice = house.caller()
        linked, keyed = house.finished("ark"), house.finished("strict")
        house.write(names=["newapi"])
        reload(house)
        for task_id in (linked, keyed):
            for family in FAMILIES:
                task = alice.call("GET", f"{TASKS[family]}/{task_id}")
                assert task.json()["status"] in ("completed", "succeeded")
                gone = alice.call("DELETE", f"{TASKS[family]}/{task_id}")
                code = error_of(gone, family)["code"]
                assert (gone.status_code, code) == (400, {"openai": "unsupported_operation"}.get(family, code))
            answer = alice.call("GET", f"/v1/videos/{task_id}/content")
            assert (answer.status_code, error_of(answer, "openai")["code"]) == (410, "video_expired")
            remixed = alice.call("POST", f"/v1/videos/{task_id}/remix", json={"prompt": "again"})
            assert (remixed.status_code, error_of(remixed, "openai")["code"]) == (400, "unsupported_operation")
        assert len(alice.call("GET", "/v1/videos").json()["data"]) == 2
        assert house.gateway.lines("internal error") == []


def test_a_reload_while_the_store_is_in_trouble(house: House, alice: Caller) -> None:
    """A reload that cannot be checked keeps the old configuration and the gateway."""
    runtime = house.gateway.runtime
    house.rows("ALTER TABLE tasks RENAME TO hidden")
    try:
        house.gateway.do(_reload(runtime, runtime._logs, house.gateway.config))
    finally:
        house.rows("ALTER TABLE hidden RENAME TO tasks")
    until(lambda: house.gateway.lines("the new configuration is not used; the old one stays"), bool)
    assert alice.create("ark")


def test_a_reload_that_cannot_read_its_file(house: House, alice: Caller) -> None:
    """What the operating system refuses is told and changes nothing."""

    def reread() -> Config:
        raise PermissionError(13, "Permission denied", "config.toml")

    runtime = house.gateway.runtime
    house.gateway.do(_reload(runtime, runtime._logs, reread))
    until(house.gateway.log_bytes, lambda text: b"Permission denied" in text)
    assert alice.create("ark")


def test_what_needs_a_restart_is_said(house: House) -> None:
    """A changed port or secret takes no effect, and the log says which keys those are."""
    text = house.file.read_text()
    house.file.write_text(text.replace("port = 0", 'port = 1\ntrusted_proxies = ["10.0.0.0/8"]'))
    try:
        reload(house)
    finally:
        house.file.write_text(text)
        reload(house)
    line = until(lambda: house.gateway.lines("these keys need a restart to take effect"), bool)[0]
    assert line["keys"] == ["server.port", "server.trusted_proxies"]


def test_calls_under_way_keep_their_configuration(house: House, alice: Caller) -> None:
    """A create that was sent before a reload ends as it began."""
    house.sims["ark"].fault("POST .*", "slow", seconds=0.5)
    answers: list[httpx.Response] = []
    sent = len(house.sims["ark"].requests("POST"))
    thread = threading.Thread(target=lambda: answers.append(alice.call("POST", "/v1/videos", json=body("ark"))))
    thread.start()
    until(lambda: len(house.sims["ark"].requests("POST")), lambda count: count > sent)
    house.write("max_body = 1024")
    reload(house)
    thread.join()
    house.write()
    reload(house)
    assert answers[0].status_code == 200
    assert alice.get(answers[0].json()["id"])["status"]


def test_a_create_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """When the gateway ends and an upstream does not answer, the outcome is written down as unknown, and the process goes."""
    with House(tmp_path, ("ark",)) as house:
        alice = house.caller()
        house.sims["ark"].fault("POST .*", "hang")
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(alice.call("POST", "/v1/videos", json=body("ark"))))
        thread.start()
        until(lambda: len(house.sims["ark"].requests("POST")), lambda count: count == 1)
        house.gateway.server.config.timeout_graceful_shutdown = 1
        house.gateway.runtime._engine.linger = 0.2
        begun = time.monotonic()
        house.gateway.stop()
        assert time.monotonic() - begun < 6
        thread.join()
        assert (answers[0].status_code, error_of(answers[0], "openai")["code"]) == (502, "upstream_ambiguous")
        assert answers[0].headers["x-should-retry"] == "false"
        assert house.rows("SELECT state, error_code FROM tasks") == [("ambiguous", "upstream_ambiguous")]


def test_a_caller_who_left_is_waited_for(tmp_path: Path) -> None:
    """A create whose caller has hung up is let finish when the gateway ends, so that its task is known after the restart."""
    with House(tmp_path, ("ark",)) as house:
        alice = house.caller()
        house.sims["ark"].fault("POST .*", "slow", seconds=1.0)
        hang_up(alice, house.gateway.url, lambda: house.sims["ark"].requests("POST"))
        house.restart()
        assert len(alice.call("GET", "/v1/videos").json()["data"]) == 1
