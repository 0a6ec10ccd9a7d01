"""The command line on a real database: words in, exit code and texts out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from click.testing import CliRunner, Result

from proxy.app import open_store
from proxy.cli import tool
from proxy.config import Config, load
from proxy.store import Store

Answer = TypeVar("Answer")


class Cli(Protocol):
    """Runs one command with the test's configuration."""

    def __call__(self, *words: str, env: Mapping[str, str | None] | None = None) -> Result:
        """The outcome of `arkbridge WORDS --config F`."""


class OnStore(Protocol):
    """Works on the test's database beside the command line."""

    def __call__(self, work: Callable[[Store], Awaitable[Answer]]) -> Answer:
        """What `work` gives."""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A configuration whose data is in the test's folder and whose upstream key is nowhere."""
    path = tmp_path / "config.toml"
    path.write_text(
        f"""
        [store]
        url = "sqlite:///{tmp_path}/data/arkbridge.db"
        [accounting]
        timezone = "Asia/Shanghai"
        [[upstream]]
        name = "ark"
        dialect = "ark"
        base_url = "http://127.0.0.1:9/api/v3"
        api_key = {{ env = "KEY_OF_THE_TEST" }}
        """,
        encoding="utf-8",
    )
    return path


@pytest.fixture
def config(config_file: Path) -> Config:
    """The same, loaded."""
    return load(config_file, {"KEY_OF_THE_TEST": "canary-upstream-key"})


@pytest.fixture
def cli(config_file: Path) -> Cli:
    """The command line on that configuration."""

    def run(*words: str, env: Mapping[str, str | None] | None = None) -> Result:
        return CliRunner().invoke(
            tool, [*words, "--config", str(config_file)], prog_name="arkbridge", env=env, catch_exceptions=False
        )

    return run


@pytest.fixture
def on_store(config: Config) -> OnStore:
    """The test's database."""

    def run(work: Callable[[Store], Awaitable[Answer]]) -> Answer:
        async def opened() -> Answer:
            async with open_store(config) as store:
                return await work(store)

        return asyncio.run(opened())

    return run
