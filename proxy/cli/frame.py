"""What all commands share: how the configuration and the store are reached, and how a failure becomes one sentence and an exit code."""

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from proxy.accounts import Accounts
from proxy.app import ask, open_store
from proxy.config import Config, find, load
from proxy.errors import ArkbridgeError, ConfigError
from proxy.store import Store

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., object])


class Tool(click.Group):
    """The top of the command line: what the program raises on purpose is told in its own words, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; exit 1 with a sentence where it fails."""
        try:
            return super().invoke(ctx)
        except ExceptionGroup as several:
            raise _told(_first(several)) from several
        except (ArkbridgeError, OSError) as failed:
            raise _told(failed) from failed


def _told(failed: Exception) -> Exception:
    """The failure as click shows it; a closed pipe and our own bugs stay what they are."""
    if isinstance(failed, ConfigError):
        return click.ClickException(mistakes_text(failed))
    if isinstance(failed, OSError) and failed.errno != errno.EPIPE:
        return click.ClickException(_system_text(failed))
    return click.ClickException(str(failed)) if isinstance(failed, ArkbridgeError) else failed


def _first(group: ExceptionGroup[Exception]) -> Exception:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


def mistakes_text(wrong: ConfigError) -> str:
    """All mistakes of a configuration, one per line."""
    count = len(wrong.mistakes)
    lines = [f"the configuration has {count} mistake{'s' * (count > 1)}:"]
    return "\n".join([*lines, *(f"  {mistake}" for mistake in wrong.mistakes), "config.example.toml shows every key."])


def _system_text(failed: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "another program listens there: end it, or choose another --port",
        errno.EACCES: "this user may not do that: check the permissions, or choose a port from 1024 on",
        errno.EADDRNOTAVAIL: "this machine does not have that address: choose another --host",
    }.get(failed.errno or 0, "check the path and the permissions")
    where = f"{failed.filename}: " if failed.filename else ""
    return f"{where}{failed.strerror or failed}; {advice}"


def read_config(path: Path | None, *, secrets: bool = True) -> Config:
    """The configuration as `serve` would read it here; without `secrets` for what only needs the store."""
    return load(find(path, os.environ, Path.cwd()), os.environ, secrets=secrets)


def config_option(*, secrets: bool) -> Callable[[Command], Command]:
    """The option --config, which gives its command a `config: Config`."""

    def read(ctx: click.Context, _: click.Parameter, value: Path | None) -> Config | None:
        return None if ctx.resilient_parsing else read_config(value, secrets=secrets)

    return click.option("--config", "config", type=FILE, metavar="F", callback=read, help=CONFIG_HELP)


FILE = click.Path(path_type=Path, dir_okay=False)
CONFIG_HELP = "The configuration file; else $ARKBRIDGE_CONFIG, else ./config.toml, else none."

with_config = config_option(secrets=True)
with_store = config_option(secrets=False)

with_json: Callable[[Command], Command] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of a table."
)


def on_store(config: Config, work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Open the store, do the work, close it."""

    async def opened() -> Result:
        async with open_store(config) as store:
            return await work(store)

    return asyncio.run(opened())


def on_accounts(config: Config, work: Callable[[Accounts], Awaitable[Result]]) -> Result:
    """The same with the accounts on that store."""
    return on_store(config, lambda store: work(Accounts(store, time.time)))


def complete(config: Config) -> Config:
    """The same configuration with its secrets, for the few commands that need them; `ConfigError` where this shell has them not."""
    return read_config(config.path)


def done(config: Config, kind: str, arguments: Mapping[str, object], patience: float) -> Mapping[str, object]:
    """What a command gave that touches upstreams: the running gateway does it, else this process; fails with the sentence it failed with."""
    result = asyncio.run(ask(config, lambda: complete(config), kind, arguments, patience))
    if "error" in result:
        raise ArkbridgeError(str(result["error"]))
    return result
