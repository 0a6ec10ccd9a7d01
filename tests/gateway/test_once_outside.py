"""Never buys twice, as callers see it: a hundred requests with one key, clients that hang up and repeat, four identical prompts at once."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from proxy.gateway.once import KEPT
from tests.gateway.house import TASKS as ROUTES
from tests.gateway.house import Caller, House, body, error_of, together
from tests.support.life import TASKS
from tests.support.servers import until

RETRY = "x-stainless-retry-count"
POST = "POST " + TASKS


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with one Ark upstream."""
    with House(tmp_path_factory.mktemp("house"), ["ark"]) as running:
        yield running


@pytest.fixture
def alice(house: House) -> Caller:
    """A caller."""
    return house.caller("alice")


def post(caller: Caller, key: str | None, family: str = "openai", **fields: Any) -> httpx.Response:
    """A create with this Idempotency-Key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.call("POST", ROUTES[family], json=body("ark", family, **fields), headers=headers)


@pytest.mark.parametrize("family", ["openai", "ark"])
def test_a_hundred_at_once_with_one_key_are_one_video(house: House, alice: Caller, family: str) -> None:
    """The upstream gets one create, and all hundred get the same answer, byte for byte."""
    before = house.sims["ark"].creates()
    key = f"hundred-{family}"
    answers = together(lambda _: post(alice, key, family), 100)
    assert Counter((one.status_code, one.content) for one in answers).most_common() == [
        ((200, answers[0].content), 100)
    ]
    assert house.sims["ark"].creates() == before + 1


def test_a_key_is_replayed_after_a_restart_and_for_a_day(house: House, alice: Caller) -> None:
    """The first answer comes again, also from another process and after the video has ended, until the key is a day old."""
    first = post(alice, "restart")
    house.restart()
    assert post(alice, "restart").content == first.content
    house.end("ark", first.json()["id"])
    assert alice.get(first.json()["id"])["status"] == "completed"
    house.advance(KEPT - 30)
    assert post(alice, "restart").content == first.content
    house.advance(20)
    assert post(alice, "restart").json()["id"] != first.json()["id"]


def test_a_key_is_replayed_after_the_video_was_deleted(house: House, alice: Caller) -> None:
    """Deleting a video does not make its key buy another one."""
    first = post(alice, "deleted")
    house.end("ark", first.json()["id"])
    assert alice.call("DELETE", f"{ROUTES['openai']}/{first.json()['id']}").status_code == 200
    before = house.sims["ark"].creates()
    assert post(alice, "deleted").content == first.content
    assert house.sims["ark"].creates() == before


@pytest.mark.parametrize("family", ["openai", "ark"])
def test_a_key_with_another_body_is_a_conflict(house: House, alice: Caller, family: str) -> None:
    """409, not to be repeated, and nothing is bought; the same fields in another order and form are the same body."""
    first = post(alice, f"other-{family}", family)
    before = house.sims["ark"].creates()
    answer = post(alice, f"other-{family}", family, prompt="a dog")
    assert answer.status_code == 409
    error = error_of(answer, family)
    assert error["code"] == ("idempotency_key_reused" if family == "openai" else "IdempotencyKeyReused")
    assert error["param"] == "Idempotency-Key"
    assert answer.headers["x-should-retry"] == "false"
    turned = dict(reversed(body("ark", family).items()))
    again = alice.call(
        "POST",
        ROUTES[family],
        content=json.dumps(turned, indent=3),
        headers={"Idempotency-Key": f"other-{family}", "content-type": "application/json"},
    )
    assert again.content == first.content
    assert house.sims["ark"].creates() == before


def test_a_key_with_another_body_is_a_conflict_while_the_first_is_in_flight(house: House, alice: Caller) -> None:
    """The same 409 before the first create is answered."""
    house.sims["ark"].fault(POST, "slow", seconds=0.5)
    bodies = ["a slow cat", "a dog"]
    answers = together(lambda number: post(alice, "in-flight", prompt=bodies[number]), 2)
    assert sorted(one.status_code for one in answers) == [200, 409]
    house.sims["ark"].control("DELETE", "faults")


def test_a_key_belongs_to_its_caller(house: House, alice: Caller) -> None:
    """Two callers may use the same key."""
    first, second = post(alice, "shared"), post(house.caller("bob"), "shared")
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_empty_or_too_long_is_refused(house: House, alice: Caller, key: str) -> None:
    """400 that names the header, and nothing is sent; 255 characters are good."""
    before = house.sims["ark"].creates()
    answer = post(alice, key)
    assert answer.status_code == 400
    assert error_of(answer, "openai")["param"] == "Idempotency-Key"
    assert house.sims["ark"].creates() == before
    assert post(alice, "y" * 255).status_code == 200


def test_what_was_never_bought_leaves_no_trace_of_its_key(house: House, alice: Caller) -> None:
    """After a wrong field, an unknown model and an upstream's refusal the same key buys with any body."""
    headers = {"Idempotency-Key": "clean"}
    wrong = alice.call("POST", ROUTES["openai"], json=body("ark", seconds="soon"), headers=headers)
    unknown = alice.call("POST", ROUTES["openai"], json=body("ark") | {"model": "no-such"}, headers=headers)
    house.sims["ark"].fault(POST, "429")
    refused = post(alice, "clean", prompt="refused")
    assert [one.status_code for one in (wrong, unknown, refused)] == [400, 404, 429]
    before = house.sims["ark"].creates()
    assert post(alice, "clean").status_code == 200
    assert house.sims["ark"].creates() == before + 1


# -- repeats without a key


def hang_up(house: House, caller: Caller, prompt: str, headers: dict[str, str]) -> None:
    """Send a create and close the connection once the upstream has it."""
    sent = json.dumps(body("ark", prompt=prompt)).encode()
    further = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host, port = house.gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /v1/videos HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {caller.key}\r\n{further}"
            f"content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n".encode()
            + sent
        )
        until(lambda: house.sims["ark"].requests("POST", prompt), bool)


@pytest.mark.parametrize("counted", [True, False], ids=["with a count", "without"])
@pytest.mark.parametrize("lost", [1, 2])
def test_who_hangs_up_and_repeats_gets_the_first_video(house: House, alice: Caller, counted: bool, lost: int) -> None:
    """A client that gave up while the upstream took its time, once or twice: its repeat gets the task of the first, bought once."""
    prompt = f"an impatient cat {counted} {lost}"
    house.sims["ark"].fault(POST, "slow", seconds=1.0)
    for attempt in range(lost):
        hang_up(house, alice, prompt, {RETRY: str(attempt)} if counted else {})
    headers = {RETRY: str(lost)} if counted else {}
    answer = alice.call("POST", ROUTES["openai"], json=body("ark", prompt=prompt), headers=headers)
    assert answer.status_code == 200, answer.text
    sent = house.sims["ark"].requests("POST", prompt)
    assert len(sent) == 1
    assert [job["id"] for job in house.sims["ark"].control("GET", "tasks") if job["id"] == answer.json()["id"]]


def test_the_same_request_again_and_again_is_as_many_videos(house: House, alice: Caller) -> None:
    """A client without a count that posts the same twenty times, each as soon as the one before is answered, gets twenty videos."""
    made = {post(alice, None, prompt="again and again").json()["id"] for _ in range(20)}
    assert len(made) == 20


@pytest.mark.parametrize("count", [None, "0"])
def test_four_identical_prompts_at_once_are_four_videos(house: House, alice: Caller, count: str | None) -> None:
    """Also when one of them is answered 429 and repeated by its SDK while others are still in flight."""
    prompt = f"four cats {count}"
    house.sims["ark"].fault(POST, "slow", seconds=0.3, times=3)
    house.sims["ark"].fault(POST, "429")

    def one(_: int) -> str:
        for attempt in range(3):
            headers = {} if count is None else {RETRY: str(attempt)}
            answer = alice.call("POST", ROUTES["openai"], json=body("ark", prompt=prompt), headers=headers)
            if answer.status_code == 200:
                return str(answer.json()["id"])
            assert answer.status_code == 429
        raise AssertionError("refused three times")

    assert len(set(together(one, 4))) == 4
    assert len(house.sims["ark"].requests("POST", prompt)) == 5
    house.sims["ark"].control("DELETE", "faults")
