"""`arkbridge tasks`: what the gateway knows of video tasks, and a look at the upstream now."""

import dataclasses
from collections.abc import Mapping

import click

from proxy.cli.frame import done, on_store, with_json, with_store
from proxy.cli.output import moment, show_json, show_pairs, show_table
from proxy.config import Config
from proxy.errors import ArkbridgeError
from proxy.model import TaskRecord, TaskStatus
from proxy.store import Delivery, Store, TaskFilter

PATIENCE = 30.0
"""Seconds that a refresh may take."""

OUTCOMES: Mapping[str, str] = {
    "settled": "It had ended; it is settled now.",
    "adjusted": "The upstream tells other facts than were settled; the ledger has an adjustment row.",
}


class WithList(click.Group):
    """A group whose name alone means its `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before options that stand alone."""
        helps = ctx.help_option_names
        if not args or (args[0].startswith("-") and args[0] not in helps):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=WithList)
def tasks() -> None:
    """Video tasks of all callers.

    `tasks` alone is `tasks list`.
    """


@tasks.command("list")
@click.option("--caller", metavar="N", help="Only this caller's.")
@click.option("--status", type=click.Choice([status.value for status in TaskStatus]), help="Only tasks in this state.")
@click.option("--limit", type=click.IntRange(1, 10000), default=50, show_default=True, help="How many, newest first.")
@with_json
@with_store
def list_tasks(*, caller: str | None, status: str | None, limit: int, as_json: bool, config: Config) -> None:
    """List tasks, the newest first."""
    wanted = TaskFilter(caller=caller, statuses=frozenset({TaskStatus(status)}) if status else None, limit=limit)
    rows = [_facts(record) for record in on_store(config, lambda store: store.tasks(wanted))]
    if as_json:
        show_json(rows)
    else:
        show_table(rows, "There is no such task.")


@tasks.command()
@click.argument("task_id", metavar="ID")
@with_json
@with_store
def show(*, task_id: str, as_json: bool, config: Config) -> None:
    """Show all that is known of a task, by its id or by the gateway's own key for it."""

    _show(config, task_id, as_json=as_json)


@tasks.command()
@click.argument("task_id", metavar="ID")
@with_json
@with_store
def refresh(*, task_id: str, as_json: bool, config: Config) -> None:
    """Read a task at its upstream now and show it.

    Also one whose end was assumed: what the upstream tells later is settled by an adjustment row. A running gateway reads it, else this
    process.
    """
    told = done(config, "refresh", {"task": task_id}, PATIENCE)
    _show(config, str(told["key"]), as_json=as_json)
    outcome = OUTCOMES.get(str(told["outcome"]))
    if outcome:
        click.echo(outcome, err=True)


def _show(config: Config, which: str, *, as_json: bool) -> None:
    async def find(store: Store) -> tuple[TaskRecord | None, Delivery | None]:
        record = await store.task(which, None) or await store.task_by_key(which)
        return record, None if record is None else await store.delivery(record.key)

    record, delivery = on_store(config, find)
    if record is None:
        raise ArkbridgeError(f"there is no task {which[:80]!r}: `arkbridge tasks` lists those there are")
    if as_json:
        show_json(dataclasses.asdict(record) | _times(record) | {"callback": _callback(delivery)})
    else:
        callback = {f"callback_{name}": value for name, value in (_callback(delivery) or {}).items()}
        show_pairs(_facts(record) | _details(record) | callback)


def _callback(delivery: Delivery | None) -> dict[str, object] | None:
    """How far the callback to the caller has got: of which state, pending, delivered, dead …"""
    if delivery is None:
        return None
    return {
        "of": delivery.status,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "url": delivery.url,
    }


def _facts(record: TaskRecord) -> dict[str, object]:
    seen = record.snapshot
    return {
        "id": record.id,
        "caller": record.caller,
        "model": record.original_model,
        "status": seen.status.value if seen else record.state.value,
        "tokens": seen.usage.total_tokens if seen and seen.usage else None,
        "created_at": moment(record.created_at),
        "ended_at": moment(record.ended_at),
        "upstream": record.upstream,
    }


def _details(record: TaskRecord) -> dict[str, object]:
    seen = record.snapshot
    return {
        "upstream_model": record.request_model,
        "request_id": record.request_id,
        "key": record.key,
        "key_prefix": record.key_prefix,
        "state": record.state.value,
        "settled": record.settled,
        "assumed": record.assumed,
        "seen_at": moment(record.seen_at),
        "next_poll": moment(record.next_poll),
        "error": f"{seen.error.code}: {seen.error.message}" if seen and seen.error else None,
        "video_url": seen.video_url if seen else None,
        **(dict(seen.facts) if seen else {}),
        "cost": None if record.cost is None else f"{record.cost} {record.currency}",
    }


def _times(record: TaskRecord) -> dict[str, object]:
    return {name: moment(getattr(record, name)) for name in ("created_at", "ended_at", "seen_at", "next_poll")}
