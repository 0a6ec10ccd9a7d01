"""`arkbridge reconcile`: the tasks kept here against the upstreams' own lists."""

from collections.abc import Mapping, Sequence

import click

from proxy.cli.frame import done, with_json, with_store
from proxy.cli.moments import point
from proxy.cli.output import show_json, show_table
from proxy.config import Config

PATIENCE = 900.0
"""Seconds; a list a second is what an upstream allows, and a long list has many pages."""

LISTS: Mapping[str, str] = {
    "none": "cannot be reconciled: this upstream has no list of tasks",
    "newest": "its newest tasks, {} of them; this upstream tells no more",
    "whole": "all its tasks, {} of them",
}


@click.command()
@click.option("--upstream", metavar="N", help="Only this upstream.")
@click.option("--since", metavar="D", help="Only tasks made since this date, time or duration ago: 2026-11-01, 7d.")
@with_json
@with_store
def reconcile(*, upstream: str | None, since: str | None, as_json: bool, config: Config) -> None:
    """Hold the tasks kept here against the upstreams' own lists.

    Settles what had ended unseen, corrects what was settled otherwise, and finds the tasks of creates that were never answered; exit 1
    if something is left that a person must look at. A running gateway does it, else this process.
    """
    wanted = {"upstream": upstream, "since": point(since, "--since", config)}
    told = done(config, "reconcile", wanted, PATIENCE)
    findings = rows(told.get("findings"))
    if as_json:
        show_json(told)
    else:
        for one in rows(told.get("upstreams")):
            click.echo(f"{one['upstream']}: {LISTS[str(one['list'])].format(one['listed'])}")
        click.echo()
        show_table([_line(one) for one in findings], "Nothing differs.")
    if any(one["person"] for one in findings):
        raise click.exceptions.Exit(1)


def rows(value: object) -> Sequence[Mapping[str, object]]:
    """A list of objects of an answer."""
    return value if isinstance(value, list) else []


def _line(finding: Mapping[str, object]) -> dict[str, object]:
    return {
        "kind": finding["kind"],
        "upstream": finding["upstream"],
        "task": finding["task"],
        "found": finding["found"],
        "look": "LOOK" if finding["person"] else "",
    }
