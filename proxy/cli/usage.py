"""`arkbridge usage`: calls, tokens and amounts from the ledger."""

import click

from proxy.accounts import USAGE_GROUPS
from proxy.cli.frame import on_accounts, with_store
from proxy.cli.moments import point
from proxy.cli.output import csv_text, show_json, show_table
from proxy.config import Config
from proxy.store import UsageFilter, UsageSum


@click.command()
@click.option(
    "--by",
    metavar="G,…",
    default="caller",
    show_default=True,
    help=f'Group by any of {", ".join(USAGE_GROUPS)}; "" for one total.',
)
@click.option("--since", metavar="D", help="From this date, time or duration ago: 2026-11-01, 7d.")
@click.option("--until", metavar="D", help="Up to, and without, this date, time or duration ago.")
@click.option("--caller", metavar="C", help="Only this caller.")
@click.option("--json", "form", flag_value="json", help="Print JSON instead of a table.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV instead of a table.")
@with_store
def usage(
    *, by: str, since: str | None, until: str | None, caller: str | None, form: str | None, config: Config
) -> None:
    """Calls, tokens and cost per group.

    Amounts of different currencies are never added.
    """
    wanted = UsageFilter(
        by=tuple(part.strip() for part in by.split(",") if part.strip()),
        caller=caller,
        since=point(since, "--since", config),
        until=point(until, "--until", config),
        timezone=config.accounting.timezone,
    )
    rows = [_facts(total) for total in on_accounts(config, lambda accounts: accounts.usage(wanted))]
    if form == "json":
        show_json(rows)
    elif form == "csv":
        click.echo(csv_text(rows), nl=False)
    else:
        show_table(rows, "Nothing was used in this time.")


def _facts(total: UsageSum) -> dict[str, object]:
    return {
        **total.group,
        "calls": total.calls,
        "errors": total.errors,
        "input_tokens": total.input_tokens,
        "output_tokens": total.output_tokens,
        "total_tokens": total.total_tokens,
        "images": total.images,
        "cost": None if total.cost is None else float(total.cost),
        "currency": total.currency,
    }
