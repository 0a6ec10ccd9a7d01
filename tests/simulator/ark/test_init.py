"""The Ark dialect put together."""

from proxy.simulator import ark
from proxy.simulator.core import Core
from proxy.simulator.settings import Settings


def test_the_dialect_sets_slots_and_faults() -> None:
    """4k has one slot, everything else the settings' concurrency; faults are rendered in Ark's shape."""
    core = Core(Settings(concurrency=3))
    ark.routes(core)
    assert [core.slots(pool) for pool in ("m", "m 4k", "m flex")] == [3, 1, 3]
    assert b"InternalServiceError" in bytes(core.render_fault("500-before").body)
    assert core.render_fault("empty-404").body == b""
