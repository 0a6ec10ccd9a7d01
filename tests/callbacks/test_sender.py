"""Callbacks are sent until they are confirmed: in order, signed, with growing pauses, to allowed addresses only, for a day."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from proxy.callbacks.sender import LIFETIME, PAUSES
from proxy.errors import Refusal
from proxy.model import TaskRecord
from proxy.policy import Policy
from tests.support.life import Clock, Life, Sim, life, simulated, upstream_of


class Receiver:
    """A receiver that answers with the statuses it was given, then 200; a 302 leads to `elsewhere`."""

    def __init__(self, elsewhere: str = "") -> None:
        self.statuses: list[int] = []
        self.bodies: list[dict[str, object]] = []
        self.ids: list[str] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.bodies.append(orjson.loads(self.rfile.read(int(self.headers["content-length"]))))
                told.ids.append(self.headers["webhook-id"])
                self.send_response(told.statuses.pop(0) if told.statuses else 200)
                self.send_header("location", elsewhere)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Nothing is said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/told"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def clock() -> Clock:
    """The time of gateway and simulator."""
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> Iterator[Sim]:
    """An Ark account."""
    with simulated(clock, speed=10.0) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The caller's own server."""
    made = Receiver()
    yield made
    made.close()


async def ended(alive: Life, receiver: Receiver) -> TaskRecord:
    """A task that asked for callbacks and has ended, its callback still unsent."""
    record = await alive.create(callback_url=receiver.url)
    await alive.rounds(120)
    record = await alive.record(record)
    assert record.settled
    return record


async def test_a_newer_state_takes_the_place_of_an_older_one(
    tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver
) -> None:
    """States that nobody was told of yet are not told any more: only the end is, once, and then no more."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await ended(alive, receiver)
        await alive.send()
        await alive.send()
        assert [body["status"] for body in receiver.bodies] == ["succeeded"]
        delivery = await alive.services.store.delivery(record.key)
        assert delivery is not None
        assert delivery.state == "delivered"


async def test_states_arrive_in_order(tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver) -> None:
    """An Ark caller is told of queued first, then of what comes."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        await alive.create(callback_url=receiver.url)
        await alive.send()
        await alive.rounds(120)
        await alive.send()
        states = [str(body["status"]) for body in receiver.bodies]
        assert (states[0], states[-1]) == ("queued", "succeeded")


async def test_failures_are_tried_again_with_growing_pauses(
    tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver
) -> None:
    """Each failure is followed by a longer pause, the event id stays the same, and a restart in between loses nothing."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        await ended(alive, receiver)
        receiver.statuses = [500, 404, 302]
        for pause in PAUSES[:2]:
            await alive.send()
            before = len(receiver.bodies)
            clock.now += pause - 1
            await alive.send()
            assert len(receiver.bodies) == before
            clock.now += 2
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        await alive.send()
        clock.now += PAUSES[2] + 1
        await alive.send()
        assert len(receiver.bodies) == 4
        assert len(set(receiver.ids)) == 1


async def test_a_redirect_is_a_failure(tmp_path: Path, clock: Clock, sim: Sim) -> None:
    """Nobody is led anywhere: the second listener stays untouched."""
    second = Receiver()
    first = Receiver(elsewhere=second.url)
    try:
        async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
            record = await ended(alive, first)
            first.statuses = [302]
            await alive.send()
            delivery = await alive.services.store.delivery(record.key)
            assert delivery is not None
            assert (delivery.state, delivery.reason) == ("pending", "it answered 302")
            assert second.bodies == []
    finally:
        first.close()
        second.close()


async def test_after_a_day_it_is_a_dead_letter(tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver) -> None:
    """A callback that nobody confirms within 24 hours is given up visibly."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock) as alive:
        record = await ended(alive, receiver)
        receiver.statuses = [500] * 100
        await alive.send()
        clock.now += LIFETIME + 1
        await alive.send()
        delivery = await alive.services.store.delivery(record.key)
        assert delivery is not None
        assert (delivery.state, delivery.reason) == ("dead", "it answered 500")
        sent = len(receiver.bodies)
        clock.now += LIFETIME
        await alive.send()
        assert len(receiver.bodies) == sent


async def test_a_name_that_turns_private_is_not_called(
    tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver
) -> None:
    """The address is judged again at each sending: a name that was public at the create and leads to us now gets nothing."""
    answers = ["93.184.216.34"]

    async def names(host: str, port: int) -> list[str]:
        return [answers[-1]]

    async with life(tmp_path, [upstream_of("ark", sim)], clock, policy=Policy(), names=names) as alive:
        url = receiver.url.replace("127.0.0.1", "callbacks.example")
        record = await alive.create(callback_url=url)
        answers.append("127.0.0.1")
        await alive.send()
        delivery = await alive.services.store.delivery(record.key)
        assert delivery is not None
        assert "private" in (delivery.reason or "")
        assert receiver.bodies == []


async def test_a_forbidden_address_is_refused_at_the_create(
    tmp_path: Path, clock: Clock, sim: Sim, receiver: Receiver
) -> None:
    """The refusal names `callback_url` and the key that would allow it; nothing is bought."""
    async with life(tmp_path, [upstream_of("ark", sim)], clock, policy=Policy()) as alive:
        with pytest.raises(Refusal, match=r"callbacks\.allow_private") as refused:
            await alive.create(callback_url=receiver.url)
        assert refused.value.param == "callback_url"
        assert sim.creates() == 0
