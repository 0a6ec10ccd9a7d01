"""`arkbridge check`: configuration and database as `serve` would read them, all mistakes at once, nothing started, made or changed."""

from pathlib import Path

import click

from proxy.app import gone_upstreams
from proxy.cli.frame import CONFIG_HELP, FILE, mistakes_text, read_config, with_json
from proxy.cli.output import show_json
from proxy.config import Config
from proxy.errors import ConfigError, Mistake, StoreError


@click.command()
@with_json
@click.option(
    "--config",
    "path",
    type=FILE,
    metavar="F",
    help=CONFIG_HELP,
)
@click.pass_context
def check(ctx: click.Context, *, as_json: bool, path: Path | None) -> None:
    """Tell all mistakes of the configuration.

    Nothing is started; exit 0 and one line that begins with `ok` where there is none.
    """
    try:
        config = startable(path)
    except ConfigError as wrong:
        if not as_json:
            raise click.ClickException(mistakes_text(wrong)) from wrong
        fields = ("file", "line", "key", "message")
        show_json({"ok": False, "mistakes": [{name: getattr(one, name) for name in fields} for one in wrong.mistakes]})
        ctx.exit(1)
    if as_json:
        show_json({"ok": True, "config": str(config.path) if config.path else None, **_facts(config)})
    else:
        click.echo(summary(config))


def startable(path: Path | None) -> Config:
    """The configuration, if a gateway would start with it; `ConfigError` tells why not, also what the database says against it."""
    config = read_config(path)
    try:
        gone = gone_upstreams(config)
    except StoreError as broken:
        gone = [Mistake(str(config.path or "configuration"), 0, "store.url", str(broken))]
    if gone:
        raise ConfigError(gone)
    return config


def _facts(config: Config) -> dict[str, object]:
    return {
        "upstreams": [one.name for one in config.upstreams],
        "models": sorted(config.models),
        "passthrough": config.passthrough,
        "simulate": config.simulate,
    }


def summary(config: Config) -> str:
    """One line of what a right configuration says."""
    names = ", ".join(one.name + " (retired)" * one.retired for one in config.upstreams)
    count = len(config.upstreams)
    other = f"others go to {config.passthrough}" if config.passthrough else "no others"
    return (
        f"ok: {config.path or 'no configuration file, defaults'}: {count} upstream{'s' * (count != 1)} ({names}), "
        f"{len(config.models)} named models, {other}"
    )
