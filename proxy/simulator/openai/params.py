"""Checking the top level of a JSON body against a table of its parameters: names, types, nulls, ranges.

A table has the kind of each parameter, with a `?` where null is allowed (as the SDK's types have it). Only a strict
server refuses names that are not in the table, and nulls without a `?`; the others take a null for an absent field.
"""

from collections.abc import Mapping

from starlette.requests import Request

from proxy.simulator.jobs import Json
from proxy.simulator.openai.body import UnreadableError, media_type, read_json
from proxy.simulator.openai.strict_params import described
from proxy.simulator.openai.ways import Ways
from proxy.simulator.shelf import Object

Table = Mapping[str, str]

_KINDS: Mapping[str, tuple[type, ...]] = {
    "a string": (str,),
    "an integer": (int,),
    "a decimal": (int, float),
    "a boolean": (bool,),
    "an array": (list,),
    "an object": (dict,),
    "one of a string and an array": (str, list),
    "one of a string and an object": (str, dict),
}


def table(**rows: str) -> Table:
    """A table from rows `kind="names …"`; the kinds are `string`, `integer`, `decimal`, `boolean`, `array`, `object`,
    `texts` (a string or an array) and `choice` (a string or an object); a name may end with `?`."""
    words = {"texts": "one of a string and an array", "choice": "one of a string and an object"}
    made = {}
    for kind, names in rows.items():
        article = "an" if kind[0] in "aio" else "a"
        for name in names.split():
            made[name.removesuffix("?")] = words.get(kind, f"{article} {kind}") + "?" * name.endswith("?")
    return made


async def read(request: Request, known: Table, ways: Ways) -> Object:
    """The parameters of a JSON body, without its nulls; refuses with the server's own envelope."""
    kind = media_type(request)
    if ways.strict and kind != "application/json":
        raise ways.refused(
            f"Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests."
        )
    try:
        body = await read_json(request)
    except UnreadableError as problem:
        raise ways.refused(f"We could not parse the JSON body of your request. ({problem})") from problem
    for name, value in body.items():
        _check(name, value, known.get(name), ways)
    return {name: value for name, value in body.items() if value is not None}


def one_of(body: Object, name: str, allowed: tuple[str, ...], ways: Ways) -> str | None:
    """One of the words, or None if absent."""
    value = body.get(name)
    if value is not None and value not in allowed:
        listed = ", ".join(f"'{word}'" for word in allowed)
        raise ways.refused(f"Invalid value: '{value}'. Supported values are: {listed}.", name, "invalid_value")
    return value if isinstance(value, str) else None


def within(body: Object, name: str, low: float, high: float, ways: Ways) -> float | None:
    """A number within [low, high], or None if absent."""
    value = body.get(name)
    if not isinstance(value, int | float):
        return None
    if not low <= value <= high:
        raise ways.refused(
            f"Invalid '{name}': expected a value from {low:g} to {high:g}, but got {value} instead.", name
        )
    return value


def whole(body: Object, name: str, low: int, high: int, ways: Ways) -> int | None:
    """An integer within [low, high], or None if absent."""
    value = within(body, name, low, high, ways)
    return None if value is None else int(value)


def _check(name: str, value: Json, kind: str | None, ways: Ways) -> None:
    if kind is None:
        if ways.strict:
            raise ways.refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        return
    plain = kind.removesuffix("?")
    if value is None and (kind != plain or not ways.strict):
        return
    allowed = _KINDS[plain]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        text = f"Invalid type for '{name}': expected {plain}, but got {described(value)} instead."
        raise ways.refused(text, name, "invalid_type")
