"""Where the chunks of a streamed chat carry their usage, the usual place and the odd ones that servers were seen to use.

The directive `usage` takes the place of what the request asked for: `empty` (a last chunk without choices), `none`,
`each` (so far, on every chunk), `last` (on the last chunk with content), `finish` (on the one with the finish reason),
`early` (a chunk without choices before that one).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.simulator.faults import FaultError
from proxy.simulator.jobs import Json

PLACES = frozenset({"empty", "none", "each", "each+empty", "last", "finish", "early"})

Body = dict[str, Json]


@dataclass
class Chunk:
    """One chunk: its body, and the completion tokens up to it. The finish is a chunk like the others, the last one."""

    body: Body
    so_far: int


def place_of(words: Mapping[str, str], *, asked: bool, each: bool = False) -> str:
    """The place that a directive wants, else the one that the request's stream options mean."""
    usual = "each" if each else "empty" if asked else "none"
    place = words.get("usage", "each+empty" if each and asked else usual)
    if place not in PLACES:
        raise FaultError(f"[[sim:usage=…]] knows {', '.join(sorted(PLACES))}, not {place!r}")
    return place


def spread(chunks: list[Chunk], place: str, usage: Callable[[int], Json], blank: Body) -> list[Body]:
    """The bodies with the usage in its place; `usage` makes one from completion tokens, `blank` is a body without choices."""
    total: Body = blank | {"usage": usage(chunks[-1].so_far)}
    if place.startswith("each"):
        for chunk in chunks:
            chunk.body["usage"] = usage(chunk.so_far)
    elif place in {"last", "finish"}:
        chosen = chunks[-1] if place == "finish" else chunks[max(0, len(chunks) - 2)]
        chosen.body["usage"] = usage(chunks[-1].so_far)
    bodies = [chunk.body for chunk in chunks]
    if place == "early":
        bodies.insert(len(bodies) - 1, total)
    elif place.endswith("empty"):
        bodies.append(total)
    return bodies
