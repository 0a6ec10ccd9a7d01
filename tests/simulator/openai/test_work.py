"""Jobs, pages and routes that the dialects share."""

from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from proxy.simulator import background
from proxy.simulator.core import Core
from proxy.simulator.jobs import EXPIRED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job
from proxy.simulator.openai import work
from proxy.simulator.settings import Settings

NOW = 1_764_000_000.0
ERROR = {"code": "usual", "message": "it failed"}


def _core(speed: float = 1.0) -> Core:
    return Core(Settings(dialect="openai", now=lambda: NOW, speed=speed))


def _start(core: Core, prompt: str = "a cat", seconds: int = 4, job_id: str = "a") -> Job:
    return work.start(core, work.Order(job_id, prompt, seconds, ERROR))


def _job(core: Core) -> Job:
    job = core.life.get("a")
    assert job is not None
    return job


@pytest.mark.parametrize(
    ("seconds", "speed", "lasts"), [(4, 1.0, 55.0), (8, 1.0, 105.0), (4, 10.0, 5.5), (0, 1.0, 17.5)]
)
def test_a_job_takes_its_time(seconds: int, speed: float, lasts: float) -> None:
    """About a minute for four seconds, in proportion to the length, divided by the speed."""
    core = _core(speed)
    _start(core, seconds=seconds)
    core.advance(lasts - 0.01)
    assert _job(core).status == RUNNING
    core.advance(0.02)
    assert _job(core).status == SUCCEEDED
    assert core.recorder.counts["creates"] == 1


@pytest.mark.parametrize(
    ("prompt", "status", "error"),
    [
        ("[[sim:fail]]", FAILED, ERROR),
        ("[[sim:fail=other]]", FAILED, {"code": "other", "message": "it failed"}),
        ("[[sim:expire]]", EXPIRED, None),
        ("plain", SUCCEEDED, None),
    ],
)
def test_a_prompt_decides_how_it_ends(prompt: str, status: str, error: dict[str, str] | None) -> None:
    """A failure may name its code."""
    core = _core()
    _start(core, prompt)
    core.advance(600)
    assert (_job(core).status, _job(core).error) == (status, error)


def test_progress_grows_and_stays_where_a_failure_left_it() -> None:
    """0 queued, 1 to 99 running, 100 only at a good end."""
    core = _core()
    job = _start(core)
    seen = [work.progress(core, job)]
    for _ in range(5):
        core.advance(10)
        seen.append(work.progress(core, job))
    assert seen == sorted(set(seen))
    core.life.force(job, FAILED)
    core.advance(100)
    assert work.progress(core, job) == seen[-1]
    core.life.force(job, SUCCEEDED)
    assert work.progress(core, job) == 100


def test_an_odd_word_shows_in_the_first_half() -> None:
    """Neither before the start, nor in the second half, nor after the end."""
    core = _core()
    job = _start(core, "[[sim:status=paused]]")
    core.advance(6)
    assert (job.status, work.odd_word(job, NOW + 4)) == (RUNNING, None)
    assert [work.odd_word(job, NOW + after) for after in (6, 29, 31)] == ["paused", "paused", None]
    core.advance(600)
    assert work.odd_word(job, NOW + 6) is None


def test_what_an_earlier_run_left_can_be_dropped(tmp_path: Path) -> None:
    """For servers that keep nothing."""
    settings = Settings(dialect="sglang", now=lambda: NOW, state=tmp_path / "state.jsonl")
    _start(Core(settings))
    again = Core(settings)
    assert len(again.life.all()) == 1
    work.forget_all(again)
    assert Core(settings).life.all() == []


@pytest.mark.parametrize(
    ("after", "limit", "ascending", "ids", "more"),
    [
        (None, None, False, "dcba", False),
        (None, 2, False, "dc", True),
        ("c", 2, False, "ba", False),
        ("a", 2, False, "", False),
        (None, 0, False, "", True),
        ("b", 1, True, "c", True),
    ],
)
def test_pages(after: str | None, limit: int | None, ascending: bool, ids: str, more: bool) -> None:
    """A page begins behind its cursor and knows whether it is the last."""
    core = _core()
    jobs = [_start(core, job_id=name) for name in "abcd"]
    page = work.page(jobs, after, limit, ascending=ascending)
    assert page is not None
    assert ("".join(job.id for job in page.jobs), page.more) == (ids, more)


def test_an_unknown_cursor_has_no_page() -> None:
    """The dialects answer that each in its way."""
    assert work.page([], "x", None, ascending=False) is None


def test_routing_tells_a_wrong_path_from_a_wrong_method() -> None:
    """The handler for unknown requests sees which it is; a refusal becomes its answer."""

    async def good(_request: Request) -> Response:
        raise work.Refusal(PlainTextResponse("refused", 418))

    async def unknown(request: Request) -> Response:
        return PlainTextResponse("path" if "path" in request.path_params else "method", 404)

    app = Starlette(routes=work.routing({"/v1/a": {"GET": work.guarded(good)}}, unknown))
    with background(app) as origin, httpx.Client(base_url=origin, trust_env=False) as client:
        assert (client.get("/v1/a").status_code, client.get("/v1/a").text) == (418, "refused")
        assert client.post("/v1/a").text == "method"
        assert client.head("/v1/a").status_code == 404
        assert client.get("/v1/b/c").text == "path"


@pytest.mark.parametrize(
    ("header", "key"), [("Bearer sk-1", "sk-1"), ("bearer  sk-1 ", "sk-1"), ("Basic x", ""), ("Bearer", ""), ("", "")]
)
def test_the_bearer_key(header: str, key: str) -> None:
    """Only a bearer's key counts."""
    scope = {"type": "http", "headers": [(b"authorization", header.encode())]}
    assert work.bearer(Request(scope)) == key


def test_a_waiting_job_has_made_no_progress() -> None:
    """A job behind another one stays queued at 0 percent."""
    core = Core(Settings(dialect="openai", now=lambda: NOW, concurrency=1))
    _start(core)
    waiting = _start(core, job_id="b")
    core.advance(30)
    assert (waiting.status, work.progress(core, waiting)) == (QUEUED, 0)
