"""A gateway that is killed (SIGKILL) at the worst moments: no second create, no lost task, one settlement each."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.servers import Gateway, Simulator, until, upstream

TOKENS = 40594  # 4 s in 480p, 16:9 (ark-wire.md §7.1)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """An Ark whose tasks take a second or two."""
    with Simulator("ark", tmp_path / "ark", 40.0) as running:
        yield running


def body(prompt: str) -> dict[str, object]:
    """A create of the quick start's size."""
    return {"model": "seedance-2.0-fast", "prompt": prompt, "resolution": "480p", "ratio": "16:9", "duration": 4}


def creates(simulator: Simulator) -> int:
    """How many creates the upstream has accepted."""
    return int(simulator.control("GET", "counts")["creates"])


def settled(gateway: Gateway, key: str) -> tuple[int, int]:
    """Calls and tokens of the caller's part of the ledger."""
    answer = httpx.get(f"{gateway.url}/v1/usage", headers={"authorization": f"Bearer {key}"}, trust_env=False)
    rows = answer.json()["totals"]
    return sum(row["calls"] for row in rows), sum(row["total_tokens"] for row in rows)


def post(gateway: Gateway, key: str, prompt: str) -> httpx.Response:
    """One create."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/videos", json=body(prompt), headers=headers, timeout=60, trust_env=False)


def test_killed_while_the_upstream_answers(tmp_path: Path, simulator: Simulator) -> None:
    """Sent and unanswered: after the restart the task is found at the upstream, belongs to its caller and is settled once."""
    gateway = Gateway(tmp_path / "gateway", upstream(simulator, "ark"))
    with gateway:
        key = gateway.create_keys("alice")["alice"]
        simulator.control("POST", "faults", {"match": "POST .*tasks", "times": 1, "fault": "slow", "seconds": 60})
        failed: list[str] = []

        def create() -> None:
            try:
                post(gateway, key, "killed between send and answer")
            except httpx.TransportError as broken:
                failed.append(type(broken).__name__)

        caller = threading.Thread(target=create)
        caller.start()
        until(lambda: creates(simulator), lambda count: count == 1)
        gateway.kill()
        caller.join()
        assert failed
        gateway.start()
        until(lambda: settled(gateway, key), lambda seen: seen == (1, TOKENS), 60)
        listed = httpx.get(
            f"{gateway.url}/v1/videos", headers={"authorization": f"Bearer {key}"}, trust_env=False
        ).json()
        assert [video["status"] for video in listed["data"]] == ["completed"]
        assert creates(simulator) == 1


@pytest.mark.long
def test_killed_again_and_again(tmp_path: Path, simulator: Simulator) -> None:
    """Accepted tasks that nobody polls are settled exactly once each, however often the gateway dies meanwhile."""
    gateway = Gateway(tmp_path / "gateway", upstream(simulator, "ark"))
    with gateway:
        key = gateway.create_keys("alice")["alice"]
        made = {post(gateway, key, f"video {number}").json()["id"] for number in range(12)}
        assert len(made) == 12
        for least in (1, 5, 9):
            until(lambda: settled(gateway, key)[0] >= least, bool, 90)  # noqa: B023 - called at once, in this round only
            gateway.kill()
            gateway.start()
        until(lambda: settled(gateway, key), lambda seen: seen == (12, 12 * TOKENS), 90)
        assert creates(simulator) == 12
        assert settled(gateway, key) == (12, 12 * TOKENS)
