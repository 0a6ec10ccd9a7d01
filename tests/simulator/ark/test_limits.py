"""The account's limits."""

import pytest

from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.limits import Limits
from proxy.simulator.core import Core
from proxy.simulator.jobs import Job
from proxy.simulator.settings import Settings


def _core(queue_limit: int = 120) -> Core:
    return Core(Settings(now=lambda: 1000.0, queue_limit=queue_limit))


@pytest.mark.parametrize(("name", "allowed"), [("get", 20), ("list_", 1), ("delete", 20)])
def test_queries_a_second(name: str, allowed: int) -> None:
    """GET and DELETE 20, LIST 1 a second; the next second is free again, without waiting for it."""
    core = _core()
    query = getattr(Limits(core), name)
    for _ in range(allowed):
        query()
    with pytest.raises(ArkError) as caught:
        query()
    assert (caught.value.status, caught.value.code) == (429, "AccountRateLimitExceeded")
    core.advance(1)
    query()
    assert core.recorder.counts["limited"] == 1


@pytest.mark.parametrize(("has_4k", "allowed"), [(False, 600), (True, 15)])
def test_creates_a_minute(has_4k: bool, allowed: int) -> None:
    """Each pool has its own rate; 4k a small one."""
    core = _core()
    limits = Limits(core)
    for _ in range(allowed):
        limits.create("pool", has_4k=has_4k)
    with pytest.raises(ArkError) as caught:
        limits.create("pool", has_4k=has_4k)
    assert caught.value.code == "ModelAccountRpmRateLimitExceeded"
    limits.create("other", has_4k=has_4k)


def test_the_queue_has_an_end() -> None:
    """Above the queue's limit a create is refused with QuotaExceeded, until the queue is shorter."""
    core = _core(queue_limit=2)
    limits = Limits(core)
    for name in "ab":
        limits.create("pool", has_4k=False)
        core.life.add(Job(name, "pool", 1000.0, 1005.0, 10.0, 9999.0))
    with pytest.raises(ArkError) as caught:
        limits.create("pool", has_4k=False)
    assert (caught.value.status, caught.value.code) == (429, "QuotaExceeded")
    core.advance(6)
    limits.create("pool", has_4k=False)


def test_limits_can_be_switched_off() -> None:
    """Without enforcement nothing is refused or counted."""
    core = Core(Settings(now=lambda: 1000.0, enforce_limits=False))
    limits = Limits(core)
    for _ in range(50):
        limits.list_()
    assert core.recorder.counts["limited"] == 0
