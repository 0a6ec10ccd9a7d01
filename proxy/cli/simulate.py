"""`arkbridge simulate`: the simulator alone."""

from pathlib import Path

import click

from proxy.simulator import DIALECTS, Settings
from proxy.simulator import serve as serve_simulator

HOST = "127.0.0.1"


@click.command()
@click.option(
    "--dialect", type=click.Choice(list(DIALECTS)), default="ark", show_default=True, help="The API it speaks."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8687, show_default=True, metavar="P", help="0 takes any free one."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How many times faster than the real thing.",
)
@click.option(
    "--state", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Keep the tasks in this file."
)
@click.option("--key", metavar="K", help="The only key that is good.  [default: any]")
def simulate(*, dialect: str, port: int, speed: float, state: Path | None, key: str | None) -> None:
    """Start a simulated upstream.

    A stand-in for Ark, or for an OpenAI-like server, on this machine: nothing is real, nothing costs.
    """
    path = "/api/v3" if dialect == "ark" else "/v1"
    click.echo(
        f"A simulated upstream; its base URL is the address below with {path}; {'one key is' if key else 'any key is'} good.",
        err=True,
    )
    serve_simulator(Settings(dialect=dialect, speed=speed, state=state, key=key), HOST, port)
