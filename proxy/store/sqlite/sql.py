"""Small pieces that statements are made of: column lists, placeholders and conditions; values always travel apart from the text."""

from collections.abc import Collection, Sequence

from proxy.store.rows import Value


def columns(names: Sequence[str]) -> str:
    """`a, b, c`."""
    return ", ".join(names)


def insert(table: str, names: Sequence[str], tail: str = "") -> str:
    """An INSERT with one placeholder a column; `tail` may say what to do about a conflict."""
    marks = columns("?" * len(names))
    return " ".join(("INSERT INTO", table, "(", columns(names), ") VALUES (", marks, ")", tail)).rstrip()


def update(table: str, changes: Sequence[str], *rest: str) -> str:
    """An UPDATE of these columns; a change that has its value beside it (`state = 'x'`) is taken as it stands."""
    assignments = columns([change if "=" in change else f"{change} = ?" for change in changes])
    return " ".join(("UPDATE", table, "SET", assignments, *rest))


def select(names: Sequence[str], table: str, *rest: str) -> str:
    """A SELECT of these columns; `rest` is what follows the table."""
    return " ".join(("SELECT", columns(names), "FROM", table, *rest))


class Where:
    """Conditions joined by AND, with their values in the same order."""

    def __init__(self, *always: str) -> None:
        self._clauses = list(always)
        self.values: list[Value] = []

    def add(self, clause: str, *values: Value) -> None:
        """One more condition."""
        self._clauses.append(clause)
        self.values.extend(values)

    def equal(self, column: str, value: Value) -> None:
        """The column has this value; None asks for nothing."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def within(self, since: float | None, until: float | None) -> None:
        """`since` ≤ time < `until`; None leaves that side open."""
        if since is not None:
            self.add("time >= ?", since)
        if until is not None:
            self.add("time < ?", until)

    def one_of(self, column: str, values: Collection[str] | None) -> None:
        """The column has one of these values; None asks for nothing, an empty collection matches nothing."""
        if values is not None:
            self.add(f"{column} IN ({columns('?' * len(values))})" if values else "1 = 0", *values)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._clauses)}" if self._clauses else ""
