"""Which server a dialect's name plays."""

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from proxy.simulator import background
from proxy.simulator.core import Core
from proxy.simulator.openai import routes
from proxy.simulator.settings import Settings


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        ("openai", "param"),
        ("newapi", "param"),
        ("newapi-rc30", "param"),
        ("vllm-omni", "detail"),
        ("sglang", "detail"),
    ],
)
def test_each_name_has_its_own_way_to_say_no(dialect: str, key: str) -> None:
    """An unknown path is refused in the envelope of the server that is played."""
    core = Core(Settings(dialect=dialect))
    with background(Starlette(routes=routes(core))) as origin:
        answer = httpx.get(origin + "/v1/nothing", trust_env=False)
    assert answer.status_code == 404
    assert key in (answer.json() | answer.json().get("error", {}))
