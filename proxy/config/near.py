"""Names the known word that is nearest to an unknown one, for messages about typing errors."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, capitals aside, or None if none is like it."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean "port"?`, or nothing."""
    found = nearest(word, known)
    return f'; did you mean "{found}"?' if found else ""
