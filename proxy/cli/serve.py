"""`arkbridge serve`: the gateway."""

import dataclasses
import os
import sys
import time
from pathlib import Path

import click

from proxy.app import Runtime, run
from proxy.cli.banner import FirstKey, banner
from proxy.cli.frame import with_config
from proxy.config import Config, load
from proxy.logs import Logs

FIRST_KEY = "first-key"


@click.command()
@click.option("--host", metavar="H", help="Where to listen, instead of server.host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="P", help="Instead of server.port; 0 takes any free one."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="Processes that serve."
)
@with_config
def serve(*, host: str | None, port: int | None, workers: int, config: Config) -> None:
    """Start the gateway.

    It prints one line `ready http://H:P` when it accepts. SIGTERM ends it when the calls in flight are done; SIGHUP reads the
    configuration again.
    """
    if workers > 1:
        raise click.UsageError(
            "More than one worker needs PostgreSQL and Redis, which this version does not serve yet; leave out --workers."
        )

    def placed(read: Config) -> Config:
        wanted = {"host": host or read.server.host, "port": read.server.port if port is None else port}
        return dataclasses.replace(read, server=read.server.model_copy(update=wanted))

    async def announce(url: str, runtime: Runtime) -> None:
        first = first_key(
            await runtime.accounts.first_caller_key(), config.data_dir / FIRST_KEY, terminal=sys.stdout.isatty()
        )
        click.echo(banner(config, url, first))
        click.echo(f"ready {url}")

    logs = Logs(sys.stderr.buffer, config.log.format, time.time)
    logs.attach("uvicorn.error")
    try:
        run(placed(config), logs, lambda: placed(load(config.path, os.environ)), announce)
    finally:
        logs.close()


def first_key(text: str | None, file: Path, *, terminal: bool) -> FirstKey | None:
    """How the key of the first start is handed over: shown on a terminal, else in a file that only its owner can read."""
    if text is None:
        return FirstKey(file=file) if file.exists() else None
    if terminal:
        return FirstKey(text=text)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(text + "\n", encoding="ascii")
    draft.replace(file)
    return FirstKey(file=file)
