"""Our tasks against the upstreams' own lists: what was missed is settled, what is certain attributed, the rest reported, nothing guessed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.app.engine import Engine
from proxy.follower.reconcile import Reconciler, _is_before
from proxy.follower.resolver import Resolver
from proxy.gateway.rows import settlement
from proxy.model import LedgerRow, Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import Sighting
from tests.follower.yard import Yard, yard

DAY = 86400.0


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


async def told(engine: Engine, **arguments: object) -> Any:
    """The whole answer."""
    answer = await engine.commands.run("reconcile", arguments)
    assert "error" not in answer, answer
    return answer


async def found(engine: Engine, **arguments: object) -> list[tuple[str, str, bool]]:
    """Kind, task, and whether a person must look, of every finding."""
    return [(one["kind"], one["task"], one["person"]) for one in (await told(engine, **arguments))["findings"]]


async def ledger(engine: Engine) -> list[LedgerRow]:
    """The ledger, oldest row first."""
    return (await engine.store.ledger(None, None, None, 100))[::-1]


async def settled(ark: Yard, engine: Engine, **changes: object) -> TaskRecord:
    """A task that ended and was seen to."""
    task_id = ark.make()
    record = await ark.take(engine, task_id)
    ark.force("ark", task_id, "succeeded", **changes)
    return await engine.gateway.reader.look(record)


async def test_nothing_differs(ark: Yard) -> None:
    """Where both sides agree there is nothing to tell: open tasks, ended ones, and none at all."""
    async with ark.engine() as engine:
        assert await told(engine) == {
            "upstreams": [{"upstream": "ark", "list": "whole", "listed": 0}],
            "findings": [],
        }
        await ark.take(engine, ark.make())
        await settled(ark, engine)
        assert await found(engine) == []
        assert len(await ledger(engine)) == 1


async def test_what_is_unknown_here(ark: Yard) -> None:
    """A task that no row of ours has is somebody else's, or its answer was lost: a person must look; of both service tiers."""
    async with ark.engine() as engine:
        first = ark.make()
        old = {"model": "doubao-seedance-1-0-pro-250528", "resolution": "480p"}
        second = ark.make(service_tier="flex", **old)
        ark.force("ark", first, "succeeded", tokens=4321)
        answer = await told(engine)
        assert {one["task"] for one in answer["findings"]} == {first, second}
        assert {(one["kind"], one["person"]) for one in answer["findings"]} == {("unknown", True)}
        (one,) = [one for one in answer["findings"] if one["task"] == first]
        assert one["found"] == "unknown here: doubao-seedance-2-0-fast-260128, succeeded, 4321 tokens"
        assert answer["upstreams"][0]["listed"] == 2


async def test_what_ended_unseen_is_settled(ark: Yard) -> None:
    """An open task that the upstream lists as over is settled now, once."""
    async with ark.engine() as engine:
        task_id = ark.make()
        await ark.take(engine, task_id)
        ark.force("ark", task_id, "succeeded", tokens=777)
        assert await found(engine) == [("settled", task_id, False)]
        (row,) = await ledger(engine)
        assert (row.kind, row.total_tokens, row.status) == ("settlement", 777, "succeeded")
        assert await found(engine) == []


async def test_other_tokens_are_corrected_once(ark: Yard) -> None:
    """What the upstream counts otherwise than was settled is an adjustment row with the difference, also a negative one, once."""
    async with ark.engine() as engine:
        record = await settled(ark, engine, tokens=1000)
        for tokens, change in ((1500, 500), (900, -600)):
            ark.force("ark", record.id or "", "succeeded", tokens=tokens)
            answer = await told(engine)
            (one,) = answer["findings"]
            assert (one["kind"], one["person"]) == ("corrected", False)
            assert f"the upstream says succeeded, {tokens} tokens" in one["found"]
            last = (await ledger(engine))[-1]
            assert (last.kind, last.total_tokens, last.output_tokens) == ("adjustment", change, change)
            assert await found(engine) == []
        stands = await engine.store.task_by_key(record.key)
        assert stands is not None
        assert stands.snapshot is not None
        assert stands.snapshot.usage is not None
        assert (stands.snapshot.usage.total_tokens, len(await ledger(engine))) == (900, 3)


async def test_an_assumed_end_is_adjusted(ark: Yard) -> None:
    """A task that was given up and has ended after all gets its adjustment row."""
    async with ark.engine() as engine:
        task_id = ark.make()
        record = await engine.gateway.reader.assume_over(await ark.take(engine, task_id))
        assert record.assumed
        assert await found(engine) == [("unsettled", task_id, False)]
        ark.force("ark", task_id, "succeeded", tokens=50)
        assert await found(engine) == [("adjusted", task_id, False)]
        assert [(row.kind, row.measured, row.total_tokens) for row in await ledger(engine)] == [
            ("settlement", "assumed", None),
            ("adjustment", "measured", 50),
        ]
        assert await found(engine) == []


async def test_what_is_over_here_only(ark: Yard) -> None:
    """A task that was seen to its end here and is not over there is for a person."""
    async with ark.engine() as engine:
        task_id = ark.make()
        record = await ark.take(engine, task_id)
        failed = Snapshot(status=TaskStatus.FAILED, status_word="failed")
        assert await engine.store.settle(record.key, failed, ark.now(), settlement(record, failed, ark.now()))
        assert await found(engine) == [("unsettled", task_id, True)]


async def test_a_task_beyond_its_time(ark: Yard) -> None:
    """Read once more; not over even then, it is assumed to have failed, and a person is told."""
    async with ark.engine() as engine:
        task_id = ark.make()
        await ark.take(engine, task_id, age=3 * DAY)
        assert await found(engine, since=ark.now() - DAY) == []
        assert await found(engine) == [("assumed", task_id, True)]
        (row,) = await ledger(engine)
        assert (row.error_code, row.measured) == ("timeout", "assumed")


async def test_a_task_that_the_upstream_has_lost(ark: Yard) -> None:
    """Unknown there and open here: told while its time lasts, assumed to have failed afterwards."""
    async with ark.engine() as engine:
        await ark.take(engine, "cgt-lost-1")
        await ark.take(engine, "cgt-lost-2", age=3 * DAY)
        assert await found(engine) == [("assumed", "cgt-lost-2", True), ("lost", "cgt-lost-1", False)]


async def test_a_certain_create_is_attributed(ark: Yard) -> None:
    """One unanswered create and one unknown task that agree belong together; it is then settled like any other."""
    async with ark.engine() as engine:
        task_id = ark.make()
        record = await ark.ask(engine)
        ark.force("ark", task_id, "succeeded", tokens=5)
        assert await found(engine) == [("attributed", task_id, False)]
        stands = await engine.store.task(task_id, "alice")
        assert stands is not None
        assert (stands.key, stands.settled) == (record.key, True)
        assert await found(engine) == []


async def test_what_is_not_certain_is_reported(ark: Yard) -> None:
    """Two tasks that may be the create's, or two creates that may be the task's, are never guessed at."""
    async with ark.engine() as engine:
        ids = {ark.make(), ark.make()}
        record = await ark.ask(engine)
        (one,) = (await told(engine))["findings"]
        assert (one["kind"], one["task"], one["person"]) == ("ambiguous", record.key, True)
        assert all(task_id in one["found"] for task_id in ids)
        other = await ark.ask(engine)
        assert sorted(await found(engine)) == sorted(("ambiguous", key, True) for key in (record.key, other.key))
        assert await engine.store.known_ids("ark", list(ids)) == set()


async def test_a_create_that_is_under_way_is_a_rival(ark: Yard) -> None:
    """A task that may be that of a create whose answer is still awaited is neither attributed nor called unknown."""
    async with ark.engine() as engine:
        task_id = ark.make()
        left = await ark.ask(engine)
        await engine.store.add_task(ark.record())
        assert await found(engine) == [("ambiguous", left.key, True)]
        await engine.store.drop_task(left.key)
        assert await found(engine) == []
        assert await engine.store.known_ids("ark", [task_id]) == set()


async def test_a_create_that_left_nothing(ark: Yard) -> None:
    """Without a trace it is looked for again, and forgotten after the last look."""
    async with ark.engine() as engine:
        new, old = await ark.ask(engine), await ark.ask(engine, age=1000.0)
        assert await found(engine) == [("gone", old.key, False), ("unanswered", new.key, False)]
        assert await engine.store.task_by_key(old.key) is None
        assert await engine.store.task_by_key(new.key) is not None


async def test_upstreams_without_a_list(tmp_path: Path) -> None:
    """new-api is named as not reconcilable; its unanswered creates are for a person, and closed when their time is over."""
    with yard(tmp_path, ("newapi",)) as new:
        async with new.engine() as engine:
            assert (await told(engine))["upstreams"] == [{"upstream": "newapi", "list": "none", "listed": 0}]
            first, second = await new.ask(engine, "newapi"), await new.ask(engine, "newapi", age=3 * DAY)
            assert sorted(await found(engine)) == [("ambiguous", first.key, True), ("closed", second.key, False)]
            (row,) = await ledger(engine)
            assert (row.error_code, row.cost, row.measured) == ("upstream_ambiguous", None, "assumed")


async def test_prompts_are_not_kept_by_the_way(tmp_path: Path) -> None:
    """What an upstream repeats of a prompt is not kept where prompts are not, also of a task that was found by its list."""
    with yard(tmp_path, ("strict",)) as strict:
        strict.config.write_text(strict.config.read_text() + "[video]\nkeep_prompts = false\n")
        async with strict.engine() as engine:
            await strict.ask(engine, "strict", request={})
            task_id = strict.make("strict", prompt="nobody shall keep this")
            assert await found(engine) == [("attributed", task_id, False)]
            files = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
            assert task_id.encode() in files
            assert b"nobody shall keep this" not in files


async def test_upstreams_that_list_their_newest(tmp_path: Path) -> None:
    """OpenAI's own shape lists the newest tasks only, which are compared; others are read singly."""
    with yard(tmp_path, ("strict",)) as strict:
        async with strict.engine() as engine:
            ours, theirs = strict.make("strict"), strict.make("strict")
            await strict.take(engine, ours, "strict")
            strict.force("strict", ours, "succeeded")
            answer = await told(engine)
            assert answer["upstreams"] == [{"upstream": "strict", "list": "newest", "listed": 2}]
            assert sorted((one["kind"], one["task"]) for one in answer["findings"]) == [
                ("settled", ours),
                ("unknown", theirs),
            ]


async def test_one_upstream_in_trouble_hides_no_other(tmp_path: Path) -> None:
    """What cannot be asked is named for a person; the others are reconciled, and only one if only one is wanted."""
    with yard(tmp_path, ("ark", "strict")) as both:
        async with both.engine() as engine:
            both.fault("ark", "GET .*tasks", "500-before", times=3)
            unknown = both.make("strict")
            assert await found(engine) == [("unreachable", "", True), ("unknown", unknown, True)]
            assert await found(engine, upstream="strict") == [("unknown", unknown, True)]
            answer = await engine.commands.run("reconcile", {"upstream": "arc"})
            assert answer == {"error": "there is no upstream 'arc'; those there are: ark, strict"}


async def test_a_busy_account_is_waited_for(ark: Yard) -> None:
    """Limits that somebody else has used up (429) are waited for; they hide nothing and are no trouble."""
    async with ark.engine() as engine:
        unknown = ark.make()
        ark.fault("ark", "GET .*tasks", "429", times=2)
        assert await found(engine) == [("unknown", unknown, True)]


async def test_since(ark: Yard) -> None:
    """Only what was made since then is compared."""
    async with ark.engine() as engine:
        ark.make()
        ark.control("ark", "POST", "clock", {"advance": 7200})
        ark.offset = 7200
        second = ark.make()
        assert await found(engine, since=ark.now() - 3600) == [("unknown", second, True)]
        assert len(await found(engine)) == 2


async def test_a_long_list_is_walked_to_its_end(ark: Yard) -> None:
    """Every page is read, with a breath in between for the follower's own lists."""
    async with ark.engine() as engine:
        for _ in range(501):
            ark.make()
        breaths: list[float] = []

        async def breathe(seconds: float) -> None:
            breaths.append(seconds)

        services = type(engine.services)(
            **{name: getattr(engine.services, name) for name in engine.services.__slots__} | {"pause": breathe}
        )
        reader = engine.gateway.reader
        reconciler = Reconciler(services, reader, Resolver(services, reader, ark.now()))
        answer: Any = await reconciler.reconcile({})
        assert answer["upstreams"][0]["listed"] == len(answer["findings"]) == 501
        assert breaths == [1.5]


@pytest.mark.parametrize(
    ("made", "since", "before"),
    [
        ((30, 20), 25, True),
        ((30, 20), 20, False),
        ((10, 20), 25, False),
        ((30, None), 25, False),
        ((None, 20), 25, True),
    ],
)
def test_when_a_walk_may_end(made: tuple[int | None, int | None], since: float, before: bool) -> None:
    """Only a page that runs backwards in time says that all that follow are older."""
    page = [Sighting(str(at), Snapshot(status=TaskStatus.QUEUED, status_word="queued", created_at=at)) for at in made]
    assert _is_before(page, since) is before
