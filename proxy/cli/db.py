"""`arkbridge db`: the database itself."""

import click

from proxy.cli.frame import on_accounts, with_json, with_store
from proxy.cli.moments import point
from proxy.cli.output import show_json, show_pairs
from proxy.config import Config


@click.group()
def db() -> None:
    """The database."""


@db.command()
@click.option("--before", metavar="D", required=True, help="Up to this date, time or duration ago: 2026-11-01, 90d.")
@click.option("--ledger", is_flag=True, help="Rows of the ledger go too, whole days of them.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@with_json
@with_store
def prune(*, before: str, ledger: bool, dry_run: bool, as_json: bool, config: Config) -> None:
    """Forget prompts and raw bodies of old tasks, and what else is over.

    Tasks and their rows in the ledger stay. Prints how many of each there were.
    """
    until = point(before, "--before", config)
    counts = on_accounts(config, lambda accounts: accounts.prune(until or 0.0, ledger=ledger, dry_run=dry_run))
    if as_json:
        show_json({"dry_run": dry_run, **counts})
        return
    show_pairs(counts)
    click.echo("Nothing was changed: this was a dry run." if dry_run else "They are forgotten.", err=True)
