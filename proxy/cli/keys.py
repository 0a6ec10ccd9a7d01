"""`arkbridge keys`: make, list, change and end keys. The key itself goes to stdout once and nowhere else."""

import time

import click

from proxy.app import signer
from proxy.callbacks.event import shown_secret
from proxy.cli.frame import complete, on_accounts, on_store, with_json, with_store
from proxy.cli.moments import point, span
from proxy.cli.output import moment, show_json, show_pairs, show_table
from proxy.config import Config
from proxy.model import Key
from proxy.signing import Purpose
from proxy.store import Store


@click.group()
def keys() -> None:
    """Make, list, change and end keys.

    NAME is a key's name, CALLER/NAME where two callers use the same name, or the first characters of the key (sk-ab-…).
    """


@keys.command()
@click.argument("name")
@click.option("--caller", metavar="C", help="Whose key it is; made if new.  [default: NAME]")
@click.option("--admin", is_flag=True, help="An admin key: it administers and cannot call models.")
@click.option("--expires", metavar="DATE", help="When it ends: 2026-12-31, or 90d from now.  [default: never]")
@with_json
@with_store
def create(*, name: str, caller: str | None, admin: bool, expires: str | None, as_json: bool, config: Config) -> None:
    """Make a key and print it, this once."""
    end = point(expires, "--expires", config, ahead=True)
    key, text = on_accounts(config, lambda accounts: accounts.create_key(name, caller, admin=admin, expires_at=end))
    _show_new(key, text, as_json=as_json)


@keys.command("list")
@click.option("--caller", metavar="C", help="Only this caller's keys.")
@with_json
@with_store
def list_keys(*, caller: str | None, as_json: bool, config: Config) -> None:
    """List all keys, revoked ones included."""
    found = on_accounts(config, lambda accounts: accounts.list_keys(caller))
    rows = [facts(key, time.time()) for key in found]
    if as_json:
        show_json(rows)
    else:
        show_table(rows, "There is no key yet: make one with `arkbridge keys create NAME`.")


@keys.command()
@click.argument("name")
@click.option("--webhook-secret", is_flag=True, help="Print what the callbacks to the key's caller are signed with.")
@with_json
@with_store
def show(*, name: str, webhook_secret: bool, as_json: bool, config: Config) -> None:
    """Show what is known of a key; the key itself is not kept."""
    key = on_accounts(config, lambda accounts: accounts.find_key(name))
    row = facts(key, time.time()) | {"limits": dict(key.limits)}
    if webhook_secret:
        row |= {"webhook_secret": _webhook_secret(config, key.caller)}
    if as_json:
        show_json(row)
    elif webhook_secret:
        click.echo(row["webhook_secret"])
    else:
        show_pairs(row)


def _webhook_secret(config: Config, caller: str) -> str:
    """`whsec_…`, as OpenAI's SDKs take it; it is derived from the server's secret, which must be readable here if it is configured."""
    whole = config if config.server.secret is None else complete(config)

    async def derive(store: Store) -> str:
        return shown_secret((await signer(whole, store)).key(Purpose.WEBHOOK, caller))

    return on_store(config, derive)


@keys.command()
@click.argument("name")
@with_json
@with_store
def revoke(*, name: str, as_json: bool, config: Config) -> None:
    """End a key at once and for good."""
    ended = on_accounts(config, lambda accounts: accounts.revoke(name))
    if as_json:
        show_json([facts(key, time.time()) for key in ended])
        return
    for key in ended:
        click.echo(f"{key.caller}/{key.name} ({key.prefix}…) is revoked; a running gateway refuses it within a second.")


@keys.command()
@click.argument("name")
@click.option(
    "--grace", metavar="T", default="24h", show_default=True, help="How long the old key still works: 90s, 24h, 7d."
)
@with_json
@with_store
def rotate(*, name: str, grace: str, as_json: bool, config: Config) -> None:
    """Make a new key in the place of one and print it, this once."""
    seconds = span(grace, "--grace")
    key, text = on_accounts(config, lambda accounts: accounts.rotate(name, seconds))
    _show_new(key, text, as_json=as_json)
    click.echo(f"The old key works for another {grace}.", err=True)


@keys.command("set")
@click.argument("name")
@click.option("--expires", metavar="DATE", required=True, help="When it ends: 2026-12-31, 90d from now, or never.")
@with_json
@with_store
def set_key(*, name: str, expires: str, as_json: bool, config: Config) -> None:
    """Change a key."""
    end = None if expires == "never" else point(expires, "--expires", config, ahead=True)
    key = on_accounts(config, lambda accounts: accounts.set_key(name, expires_at=end))
    row = facts(key, time.time())
    if as_json:
        show_json(row)
    else:
        show_pairs(row)


def facts(key: Key, now: float) -> dict[str, object]:
    """What may be shown of a key."""
    return {
        "name": key.name,
        "caller": key.caller,
        "prefix": key.prefix,
        "admin": key.admin,
        "state": _state(key, now),
        "created_at": moment(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }


def _state(key: Key, now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "live"


def _show_new(key: Key, text: str, *, as_json: bool) -> None:
    if as_json:
        row = facts(key, time.time())
        show_json({"name": row.pop("name"), "caller": row.pop("caller"), "key": text, **row})
        return
    click.echo(text)
    kind = "admin key" if key.admin else "key"
    until = f", until {moment(key.expires_at)}" if key.expires_at else ""
    click.echo(
        f"This is the {kind} {key.name!r} of the caller {key.caller!r}{until}. It is shown this once: keep it now.",
        err=True,
    )
