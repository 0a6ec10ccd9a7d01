"""The store of a configuration: its secret, and what in it forbids a start, found with and without opening it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.app import gone_upstreams, open_store, signer
from proxy.app.stores import require_upstreams
from proxy.config import SIMULATOR, Config, load
from proxy.errors import ConfigError
from proxy.model import Secret
from proxy.signing import Purpose
from tests.follower.yard import Yard, yard


@pytest.fixture
def ark(tmp_path: Path) -> Iterator[Yard]:
    """A yard with Ark in it."""
    with yard(tmp_path) as made:
        yield made


def config_of(ark: Yard, *, upstream: str = "ark") -> Config:
    """The configuration, with its upstream under this name."""
    read = load(ark.config, {"K": "k"})
    return replace(read, upstreams=(replace(read.upstreams[0], name=upstream),))


async def test_open_tasks_of_a_gone_upstream(ark: Yard) -> None:
    """The same mistakes are found in an open store and in a closed one, which is not made, migrated or changed by it."""
    gone = config_of(ark, upstream="other")
    assert gone_upstreams(gone) == []
    assert not (ark.folder / "data").exists()
    async with ark.engine() as engine:
        await ark.take(engine, ark.make())
        await require_upstreams(config_of(ark), engine.store)
        with pytest.raises(ConfigError) as wrong:
            await require_upstreams(gone, engine.store)
        assert gone_upstreams(gone) == list(wrong.value.mistakes)
    before = sorted((file.name, file.stat().st_mtime_ns) for file in (ark.folder / "data").iterdir())
    (mistake,) = gone_upstreams(gone)
    assert (mistake.file, mistake.key) == (str(ark.config), "upstream")
    assert "'ark' is gone but still has open tasks" in mistake.message
    assert gone_upstreams(config_of(ark)) == []
    assert sorted((file.name, file.stat().st_mtime_ns) for file in (ark.folder / "data").iterdir()) == before


async def test_the_secret(ark: Yard) -> None:
    """A configured secret signs; without one the store's does, the same for every process that opens it."""
    config = config_of(ark)
    async with open_store(config) as one, open_store(config) as two:
        kept = (await signer(config, one)).key(Purpose.WEBHOOK, "alice")
        assert (await signer(config, two)).key(Purpose.WEBHOOK, "alice") == kept
        server = config.server.model_copy(update={"secret": Secret("configured")})
        given = (await signer(replace(config, server=server), one)).key(Purpose.WEBHOOK, "alice")
        assert given != kept


async def test_the_simulator_may_go(ark: Yard) -> None:
    """Whoever tried the gateway on its built-in simulator can start it with a key: the simulator's open tasks forbid nothing."""
    async with ark.engine() as engine:
        record = replace(ark.record(), upstream=SIMULATOR)
        await engine.store.add_task(record)
        await require_upstreams(config_of(ark), engine.store)
