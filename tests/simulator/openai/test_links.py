"""Signed result links."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from proxy.simulator import background
from proxy.simulator.core import Core
from proxy.simulator.openai import links, work
from proxy.simulator.settings import Settings

NOW = 1_764_000_000.0


def _core(state: Path | None = None, base_url: str = "") -> Core:
    core = Core(Settings(dialect="sglang", now=lambda: NOW, state=state, base_url=base_url))
    if core.life.get("a") is None:
        work.start(core, work.Order("a", "a cat", 4, {"code": "x", "message": "y"}))
        core.advance(600)
    return core


def _served(core: Core) -> Starlette:
    async def link(request: Request) -> Response:
        job = core.life.get("a")
        assert job is not None
        return PlainTextResponse(links.url(core, request, job))

    return Starlette(routes=[Route("/link", link), *links.routes(core)])


@pytest.fixture
def served() -> Iterator[tuple[Core, httpx.Client]]:
    """A finished job's simulator and a client without a key."""
    core = _core()
    with background(_served(core)) as origin, httpx.Client(base_url=origin, trust_env=False) as client:
        yield core, client


def test_a_link_is_its_own_proof(served: tuple[Core, httpx.Client]) -> None:
    """Good without a key, refused with one, with another method, with another signature, and after a day."""
    core, client = served
    url = client.get("/link").text
    assert url.startswith(str(client.base_url).rstrip("/"))
    assert client.get(url).content[4:8] == b"ftyp"
    assert client.get(url, headers={"authorization": "Bearer x"}).status_code == 400
    assert client.head(url).status_code == 403
    assert client.get(url + "0").status_code == 403
    assert client.get(url.replace("/a.mp4", "/b.mp4")).status_code == 403
    core.advance(links.VALID_SECONDS)
    assert client.get("/link").text == url
    assert client.get(url).status_code == 403


def test_a_link_outlives_the_process(tmp_path: Path) -> None:
    """The secret is kept with the jobs; the origin is the configured one."""
    found = []
    for _ in range(2):
        core = _core(tmp_path / "state.jsonl", "https://store.example/")
        with background(_served(core)) as origin:
            found.append(httpx.get(origin + "/link", trust_env=False).text)
    assert found[0] == found[1]
    assert found[0].startswith("https://store.example/results/a.mp4?")
