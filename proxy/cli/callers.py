"""`arkbridge callers`: who may call."""

import click

from proxy.cli.frame import on_accounts, with_json, with_store
from proxy.cli.output import moment, show_json, show_pairs, show_table
from proxy.config import Config
from proxy.model import Caller


@click.group()
def callers() -> None:
    """Callers, who hold keys.

    A caller is a person, a team or a program; it owns its tasks and its usage.
    """


@callers.command("list")
@with_json
@with_store
def list_callers(*, as_json: bool, config: Config) -> None:
    """List all callers."""
    rows = [_facts(caller) for caller in on_accounts(config, lambda accounts: accounts.list_callers())]
    if as_json:
        show_json(rows)
    else:
        show_table(rows, "There is no caller yet: `arkbridge keys create NAME` makes one with its key.")


@callers.command()
@click.argument("name")
@click.option("--lift", is_flag=True, help="Admit the caller again.")
@with_json
@with_store
def suspend(*, name: str, lift: bool, as_json: bool, config: Config) -> None:
    """Refuse all keys of a caller, until --lift. Its tasks go on and stay accounted."""
    caller = on_accounts(config, lambda accounts: accounts.suspend(name, suspended=not lift))
    if as_json:
        show_json(_facts(caller))
    else:
        show_pairs(_facts(caller))


def _facts(caller: Caller) -> dict[str, object]:
    return {"name": caller.name, "suspended": caller.suspended, "created_at": moment(caller.created_at)}
