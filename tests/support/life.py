"""The parts of a gateway that follow tasks, without its web and its loops, on a clock that tests move: real SQLite, sockets and simulators.

Nothing happens by itself: a test calls `rounds`, `follower.round`, `resolver.step` or `sender.step`. Gateway and simulators have one time.
"""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson

from proxy.callbacks import Sender
from proxy.errors import Refusal
from proxy.follower import Follower
from proxy.follower.resolver import Resolver
from proxy.gateway import Answer, Call, Gateway
from proxy.gateway.services import Services
from proxy.gateway.spool import Spool
from proxy.guard import Guard, system_resolver
from proxy.guard import Resolver as Names
from proxy.metrics import Metrics
from proxy.model import (
    ACCOUNT_LIMITS,
    Caller,
    Dialect,
    Identity,
    Key,
    LedgerRow,
    Profile,
    Secret,
    TaskRecord,
    Upstream,
)
from proxy.policy import Policy
from proxy.signing import Purpose, Signer
from proxy.simulator import Settings, background, create_app
from proxy.store.sqlite import SqliteStore
from proxy.supervisor import Supervisor
from proxy.translate.registry import FAMILIES
from proxy.upstream.client import Client, Timeouts, pinned_transport, stock_transport
from proxy.upstream.quota import Quotas
from proxy.upstream.router import Router
from tests.support.raw import NOBODY

START = 1_795_500_000.0
FAST = "doubao-seedance-2-0-fast-260128"
TASKS = "/api/v3/contents/generations/tasks"
OPERATIONS = {(family.name, one.verb): one for family in FAMILIES for one in family.operations}
PATH = {Dialect.OPENAI: "/v1/videos", Dialect.ARK: TASKS}


class Clock:
    """Unix seconds that tests move; a pause moves them, too, and takes no real time but that of the requests under way."""

    def __init__(self) -> None:
        self.now = START
        self.requests = 0

    def __call__(self) -> float:
        """Now."""
        return self.now

    async def pause(self, seconds: float) -> None:
        """Let the time pass once nothing is on its way to an upstream: else requests of different seconds would meet there."""
        until = self.now + max(0.0, seconds)
        await asyncio.sleep(0)
        while self.requests:  # noqa: ASYNC110 - it is counted where nothing can wait for it
            await asyncio.sleep(0.001)
        self.now = max(self.now, until)


class Timed(httpx.AsyncBaseTransport):
    """A transport whose requests hold the clock until they are answered."""

    def __init__(self, inner: httpx.AsyncBaseTransport, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        self._clock.requests += 1
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._clock.requests -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


class Told:
    """The events that were told, as (level, message, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def event(self, level: str, message: str, **fields: object) -> None:
        """One line."""
        self.lines.append((level, message, fields))

    def of(self, part: str) -> list[dict[str, object]]:
        """The fields of the lines whose message has this part."""
        return [fields for _, message, fields in self.lines if part in message]


class Sim:
    """A simulator in a thread, with the control routes that tests use."""

    def __init__(self, origin: str, dialect: str) -> None:
        self.origin = origin
        self.dialect = dialect
        self.base_url = origin + ("/api/v3" if dialect == "ark" else "/v1")
        self._client = httpx.Client(trust_env=False, timeout=30)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The answer of a control route."""
        answer = self._client.request(method, f"{self.origin}/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def creates(self) -> int:
        """How many creates it has accepted."""
        return int(self.control("GET", "counts")["creates"])

    def limited(self) -> int:
        """How many requests it has refused for a limit."""
        return int(self.control("GET", "counts")["limited"])

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Every task by its id."""
        return {job["id"]: job for job in self.control("GET", "tasks")}

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """The recorded requests of a method on that path (or below, if it ends with a slash), oldest first."""
        return [
            one
            for one in self.control("GET", "requests")
            if method in ("", one["method"]) and (path in ("", one["path"]) or one["path"].startswith(path + "/"))
        ]

    def forget(self) -> None:
        """Forget what was recorded."""
        self._client.request("DELETE", f"{self.origin}/_sim/requests")

    def force(self, task_id: str, status: str, **changes: object) -> None:
        """Put a task into a state now, in the simulator's words."""
        self.control("POST", f"tasks/{task_id}", {"status": status, **changes})

    def fault(self, match: str, kind: str, **details: object) -> None:
        """Let the next request that matches `METHOD path` go wrong."""
        self.control("POST", "faults", {"match": match, "fault": kind, **details})

    def no_faults(self) -> None:
        """Let everything go right again."""
        self._client.request("DELETE", f"{self.origin}/_sim/faults")

    def close(self) -> None:
        """Close the control connection."""
        self._client.close()


@contextlib.contextmanager
def simulated(clock: Clock, dialect: str = "ark", **settings: Any) -> Iterator[Sim]:
    """A simulator on the test's clock that makes as many tasks at once as are asked for, unless told otherwise."""
    chosen = {"concurrency": 100_000, "queue_limit": 100_000, **settings}
    with background(create_app(Settings(dialect=dialect, now=clock, **chosen))) as origin:
        sim = Sim(origin, dialect)
        try:
            yield sim
        finally:
            sim.close()


@dataclass
class Life:
    """What was built, and short words for what tests do with it."""

    path: Path
    clock: Clock
    told: Told
    services: Services
    gateway: Gateway
    follower: Follower
    resolver: Resolver
    sender: Sender
    upstreams: tuple[str, ...]
    calls: int = 0
    names: dict[str, Sequence[str]] = field(default_factory=dict)

    def call(self, verb: str, dialect: Dialect = Dialect.OPENAI, *, caller: str = "alice", **parts: Any) -> Call:
        """A call as the web layer hands it to the gateway."""
        self.calls += 1
        key = Key(hash=bytes(32), prefix=f"sk-ab-{caller}"[:12], name=caller, caller=caller)
        headers = {"content-type": "application/json", **parts.pop("headers", {})}
        return Call(
            operation=OPERATIONS["videos", verb],
            dialect=dialect,
            identity=Identity(key, Caller(name=caller, created_at=START)),
            method="POST",
            params=parts.pop("params", {}),
            query=(),
            headers=headers,
            base="http://gateway.test",
            request_id=f"req_{self.calls}",
            started=self.clock(),
            **parts,
        )

    async def handle(self, call: Call) -> Answer:
        """The answer, written whole to a caller who is there."""
        try:
            answer = await self.gateway.handle(call)
        except Refusal:
            self._over(call)
            raise
        self._over(call)
        return answer

    def _over(self, call: Call) -> None:
        if not call.gone.is_set():
            for told in call.on_delivered:
                told()
        for told in call.on_over:
            told()

    async def create(self, *, caller: str = "alice", **fields: object) -> TaskRecord:
        """A new task of an Ark caller; of 4 s in 480p, unless told otherwise."""
        body = ark_body(**fields)
        call = self.call("create", Dialect.ARK, caller=caller, body=orjson.dumps(body))
        await self.handle(call)
        record = await self.services.store.task(call.task_id or "", caller)
        assert record is not None
        return record

    async def record(self, record: TaskRecord) -> TaskRecord:
        """The task as the store has it now."""
        found = await self.services.store.task_by_key(record.key)
        assert found is not None
        return found

    async def rounds(self, seconds: float) -> None:
        """Let the follower work for so long, at every upstream."""
        until = self.clock() + seconds
        while self.clock() < until:
            for upstream in self.upstreams:
                await self.follower.round(upstream)
            await self.clock.pause(0.5)

    async def send(self) -> None:
        """One round of callbacks, to its end."""
        await asyncio.gather(*await self.sender.step())

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement says on a connection of our own."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    async def ledger(self) -> list[LedgerRow]:
        """All rows, newest first."""
        return await self.services.store.ledger(None, None, None, 100_000)


def ark_body(**fields: object) -> dict[str, object]:
    """Ark's create of a short small video."""
    prompt = fields.pop("prompt", "a cat")
    return {
        "model": FAST,
        "content": [{"type": "text", "text": prompt}],
        "duration": 4,
        "resolution": "480p",
        **fields,
    }


def upstream_of(name: str, sim: Sim, limits: Mapping[str, float] = ACCOUNT_LIMITS) -> Upstream:
    """The upstream that a simulator is."""
    profile = Profile(sim.dialect) if sim.dialect in set(Profile) else Profile.STRICT
    dialect = Dialect.ARK if sim.dialect == "ark" else Dialect.OPENAI
    keys = (Secret("upstream-key"),)
    return Upstream(
        name=name, dialect=dialect, profile=profile, base_url=sim.base_url, api_keys=keys, limits=dict(limits)
    )


@dataclass(frozen=True)
class Given:
    """What a life is told of the world."""

    upstreams: Sequence[Upstream]
    names: Names
    policy: Policy


def _services(
    store: SqliteStore, client: Client, supervisor: Supervisor, clock: Clock, told: Told, given: Given
) -> Services:
    return Services(
        store=store,
        client=client,
        router=Router(given.upstreams, {}, given.upstreams[0].name, lambda: 0.0),
        quotas=Quotas({one.name: one.limits for one in given.upstreams}, clock, clock.pause),
        guard=Guard(given.names),
        signer=Signer(b"the secret of this test"),
        supervisor=supervisor,
        spool=Spool(told, Metrics()),
        events=told,
        now=clock,
        new_key=lambda: secrets.token_hex(16),
        pause=clock.pause,
        policy=given.policy,
    )


def _sender(services: Services, gateway: Gateway, transport: httpx.AsyncBaseTransport) -> Sender:
    return Sender(
        store=services.store,
        guard=services.guard,
        transport=transport,
        view=gateway.tasks.view,
        base=lambda: services.policy.public_url or "http://gateway.test",
        secret=lambda caller: services.signer.key(Purpose.WEBHOOK, caller),
        supervisor=services.supervisor,
        events=services.events,
        now=services.now,
        policy=services.policy,
    )


@contextlib.asynccontextmanager
async def life(
    folder: Path,
    upstreams: Sequence[Upstream],
    clock: Clock,
    *,
    policy: Policy | None = None,
    names: Names = system_resolver,
    started: float | None = None,
) -> AsyncIterator[Life]:
    """The parts on the database in `folder`; another life on the same one is the same gateway after a restart."""
    told = Told()
    given = Given(upstreams, names, policy or Policy(private_callbacks=True))
    async with AsyncExitStack() as stack:
        store = SqliteStore(folder / "arkbridge.db")
        await store.open()
        stack.push_async_callback(store.close)
        transport = pinned_transport(NOBODY)
        stack.push_async_callback(transport.aclose)
        timed = Timed(stock_transport(NOBODY), clock)
        client = Client(timed, pinned_transport(NOBODY), Timeouts(connect=5, send=5, read=5))
        stack.push_async_callback(client.close)
        supervisor = Supervisor(told, _never)
        stack.push_async_callback(supervisor.close)
        services = _services(store, client, supervisor, clock, told, given)
        gateway = Gateway(services)
        follower = Follower(services, gateway.reader, lambda: 0.5)
        gateway.reader.watcher = follower.changed
        await store.release_tasks()
        await follower.start()
        yield Life(
            path=folder / "arkbridge.db",
            clock=clock,
            told=told,
            services=services,
            gateway=gateway,
            follower=follower,
            resolver=Resolver(services, gateway.reader, clock() if started is None else started),
            sender=_sender(services, gateway, transport),
            upstreams=tuple(one.name for one in upstreams),
        )


async def _never(_seconds: float) -> None:
    """The pause of loops that run once: tests do the rounds."""
    await asyncio.Event().wait()
