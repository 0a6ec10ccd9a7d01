"""Clients of every kind ask for the same video at once, hang up, are refused, and repeat; processes die. Nobody ever pays twice.

What holds in every order of events: no more is bought than clients asked for, and two clients that were answered have two videos.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.once import Once, fingerprint
from proxy.model import Dialect, Snapshot, TaskRecord, TaskStatus, Upstream
from proxy.translate.wire import Body
from tests.support.life import Clock, Life, life

NOWHERE = Upstream(name="ark", dialect=Dialect.ARK, base_url="http://127.0.0.1:9/api/v3")
SAME = fingerprint(Body(fields={"prompt": "a cat"}, raw=b""))
OUTCOMES = ("accepted", "accepted", "refused", "unknown")


@dataclass(eq=False)
class Client:
    """Somebody who wants one video and repeats until there is an answer, as SDKs do: counting or not."""

    counts: bool
    attempts: int = 0
    call: Call | None = None
    answer: str | None = None

    @property
    def waits(self) -> bool:
        """Whether a request of it is under way and it is still there."""
        return self.call is not None and not self.call.gone.is_set()

    @property
    def may_ask(self) -> bool:
        """Whether it will ask, for the first time or again."""
        return self.answer is None and not self.waits


@dataclass(frozen=True, eq=False)
class Request:
    """A request under way, whether its client is still there or not."""

    client: Client
    call: Call
    task: asyncio.Task[TaskRecord]


@dataclass(eq=False)
class Purchase:
    """A create on its way to the upstream."""

    record: TaskRecord
    outcome: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Shop:
    """One gateway process after the other on one database; what is bought is counted here."""

    def __init__(self, alive: Life) -> None:
        self.alive = alive
        self.store = alive.services.store
        self.once = Once(alive.services)
        self.requests: list[Request] = []
        self.pending: list[Purchase] = []
        self.bought = 0
        self.sold = 0

    async def ask(self, client: Client) -> None:
        """The client's next attempt."""
        headers = {"x-stainless-retry-count": str(client.attempts)} if client.counts else {}
        call = client.call = self.alive.call("create", headers=headers)
        client.attempts += 1
        record = TaskRecord(
            key=self.alive.services.new_key(),
            caller="alice",
            key_prefix="sk-ab-alice",
            upstream="ark",
            dialect=Dialect.OPENAI,
            operation="videos.create",
            original_model="m",
            request_model="m",
            request_id=call.request_id,
            created_at=self.alive.clock(),
            fingerprint=SAME,
        )
        task = asyncio.ensure_future(self.once.buy(call, record, lambda: self.purchase(record)))
        self.requests.append(Request(client, call, task))

    async def purchase(self, record: TaskRecord) -> TaskRecord:
        """What the gateway does when it buys: a durable row, one request, its outcome."""
        await self.store.add_task(record)
        sent = Purchase(record)
        self.pending.append(sent)
        outcome = await sent.outcome
        if outcome == "refused":
            await self.store.drop_task(record.key)
            raise Refusal(Problem.RATE_LIMIT, "too many")
        self.bought += 1
        if outcome == "unknown":
            await self.store.mark_ambiguous(record.key, "upstream_ambiguous")
            raise Refusal(Problem.UPSTREAM_AMBIGUOUS, "nobody knows")
        self.sold += 1
        task_id = f"cgt-{self.sold}"
        assert await self.store.accept_task(
            record.key, task_id, Snapshot(status=TaskStatus.QUEUED, status_word="queued"), None
        )
        accepted = await self.store.task_by_key(record.key)
        assert accepted is not None
        return accepted

    def answer(self) -> None:
        """Whoever has an answer and is there takes it; a refusal that may be repeated is none."""
        for request in [one for one in self.requests if one.task.done()]:
            self.requests.remove(request)
            broken = request.task.exception()
            assert broken is None or isinstance(broken, Refusal)
            if not request.call.gone.is_set():
                for told in request.call.on_delivered:
                    told()
                request.client.call = None
                if broken is None:
                    request.client.answer = request.task.result().id
                elif broken.problem is Problem.UPSTREAM_AMBIGUOUS:
                    request.client.answer = "unknown"
            for told in request.call.on_over:
                told()

    async def settle(self) -> None:
        """Let everything happen that can, until nothing has changed for a while; each round waits for the writes of the one before."""
        quiet = 0
        before: object = None
        while quiet < 4:
            await self.store.healthy()
            for _ in range(20):
                await asyncio.sleep(0)
            self.answer()
            now = (len(self.requests), len(self.pending), len(asyncio.all_tasks()))
            quiet = quiet + 1 if now == before else 0
            before = now

    async def die(self) -> None:
        """The process ends at once: whatever was on its way to the upstream may have been bought. Another one starts."""
        self.bought += len(self.pending)
        for request in self.requests:
            request.task.cancel()
            request.client.call = None if request.client.call is request.call else request.client.call
        if self.requests:
            await asyncio.wait([request.task for request in self.requests])
        for sent in self.pending:
            sent.outcome.cancel()
        self.requests, self.pending = [], []
        await self.settle()
        self.once = Once(self.alive.services)
        await self.store.release_tasks()


class Repeats(RuleBasedStateMachine):
    """The rules are what may happen; the end lets everybody finish."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clients: list[Client] = []
        self.shop = self.runner.run(self._open())

    async def _open(self) -> Shop:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        return Shop(await self.stack.enter_async_context(life(folder, [NOWHERE], Clock())))

    def _settle(self) -> None:
        self.runner.run(self.shop.settle())

    @rule(counts=st.booleans())
    def somebody_asks(self, counts: bool) -> None:
        """A new request."""
        self.clients.append(Client(counts))
        self.runner.run(self.shop.ask(self.clients[-1]))
        self._settle()

    @precondition(lambda self: any(client.attempts and client.may_ask for client in self.clients))
    @rule(data=st.data())
    def somebody_repeats(self, data: st.DataObject) -> None:
        """After a refusal, or because no answer came."""
        waiting = [client for client in self.clients if client.attempts and client.may_ask]
        client = data.draw(st.sampled_from(waiting))
        self.runner.run(self.shop.ask(client))
        self._settle()

    @precondition(lambda self: any(client.waits for client in self.clients))
    @rule(data=st.data())
    def somebody_hangs_up(self, data: st.DataObject) -> None:
        """Its request goes on without it."""
        client = data.draw(st.sampled_from([one for one in self.clients if one.waits]))
        assert client.call is not None
        client.call.gone.set()
        self._settle()

    @precondition(lambda self: self.shop.pending)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def the_upstream_answers(self, data: st.DataObject, outcome: str) -> None:
        """One of the creates has an outcome."""
        sent = data.draw(st.sampled_from(self.shop.pending))
        self.shop.pending.remove(sent)
        sent.outcome.set_result(outcome)
        self._settle()

    @rule()
    def the_process_dies(self) -> None:
        """SIGKILL, and a new start."""
        self.runner.run(self.shop.die())

    @invariant()
    def nobody_pays_twice(self) -> None:
        """No more is bought, or on its way, than was asked for; and nobody shares a video."""
        assert self.shop.bought + len(self.shop.pending) <= len(self.clients)
        videos = [client.answer for client in self.clients if client.answer not in (None, "unknown")]
        assert len(videos) == len(set(videos))

    def teardown(self) -> None:
        """Everybody stays until there is an answer."""
        try:
            for _ in range(200):
                while self.shop.pending:
                    self.shop.pending.pop().outcome.set_result("accepted")
                self._settle()
                asks = [client for client in self.clients if client.may_ask]
                if not asks and not self.shop.requests:
                    break
                for client in asks:
                    self.runner.run(self.shop.ask(client))
                self._settle()
            assert all(client.answer for client in self.clients)
            self.nobody_pays_twice()
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()


TestRepeats = Repeats.TestCase
TestRepeats.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
