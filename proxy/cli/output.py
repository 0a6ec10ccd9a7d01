"""How results are printed: tables for people, JSON for programs. Whatever a caller or an upstream wrote cannot steer the terminal."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click
import orjson
from tabulate import tabulate

Row = Mapping[str, object]


def show_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2))


def show_table(rows: Sequence[Row], none: str) -> None:
    """Print rows of the same keys as a table, or the sentence `none` if there are none."""
    if not rows:
        click.echo(none)
        return
    cells = [[cell(value) for value in row.values()] for row in rows]
    click.echo(tabulate(cells, headers=list(rows[0]), tablefmt="simple", disable_numparse=True))


def show_pairs(row: Row) -> None:
    """Print one thing, a line for each of its facts that there is."""
    cells = [[name, cell(value)] for name, value in row.items() if value is not None and value != {}]
    click.echo(tabulate(cells, tablefmt="plain", disable_numparse=True))


def csv_text(rows: Sequence[Row]) -> str:
    """Rows of the same keys as CSV with a heading."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue() if rows else ""


def cell(value: object) -> str:
    """A value as one line of printable characters."""
    text = {None: "-", True: "yes", False: "no"}.get(value) if value is None or isinstance(value, bool) else None
    if text is None:
        text = orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) else str(value)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def moment(seconds: float | None) -> str | None:
    """Unix seconds as `2026-11-24T02:40:00Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
