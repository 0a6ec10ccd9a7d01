"""The Ark account behind new-api."""

import re

import pytest

from proxy.simulator.ark.errors import ArkError
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai import newapi_ark
from proxy.simulator.settings import Settings

NOW = 1_764_000_000.0


def _payload(**fields: Json) -> dict[str, Json]:
    return {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": "a cat"}], **fields}


def _core() -> Core:
    return Core(Settings(dialect="newapi", now=lambda: NOW, seed=1))


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("doubao-seedance-2-5-260628", "doubao-seedance-2-5-260628"),
        ("ep-20260101000000-abcde", "ep-20260101000000-abcde"),
        ("seedance-2.0-fast", "doubao-seedance-2-0-fast-260128"),
        ("anything", "doubao-seedance-2-0-260128"),
    ],
)
def test_models_are_mapped(asked: str, sent: str) -> None:
    """Ark's own names pass, the known short ones are mapped, the rest goes to 2.0."""
    assert newapi_ark.upstream_model(asked) == sent


def test_ark_judges_the_payload() -> None:
    """What Ark refuses is refused here, by Ark's own rules."""
    assert newapi_ark.judge(_payload(duration=4)).seconds == 4
    with pytest.raises(ArkError):
        newapi_ark.judge(_payload(resolution="999p"))


def test_the_state_at_an_earlier_time_is_known() -> None:
    """Queued, running and the end, each as it was then."""
    core = _core()
    job = newapi_ark.job_of(core, newapi_ark.judge(_payload(resolution="480p", duration=4, ratio="16:9")), "cgt-1", {})
    core.life.add(job)
    core.advance(600)
    assert [newapi_ark.status_at(job, NOW + after) for after in (0, 4, 6, 30, 61)] == [
        "queued",
        "queued",
        "running",
        "running",
        "succeeded",
    ]
    assert newapi_ark.token_count(job) == 40_594


def test_ids_and_errors_look_like_arks() -> None:
    """The id carries the time in Shanghai, an error is one JSON text with a request id."""
    core = _core()
    assert re.fullmatch(r"cgt-20251125000000-[a-z0-9]{5}", newapi_ark.new_id(core))
    assert '"code":"InternalServiceError"' in newapi_ark.error_body(core, newapi_ark.broken())
