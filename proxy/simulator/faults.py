"""Failures on demand: what can go wrong with one request, asked for in a prompt or by a control route.

A prompt carries directives such as `[[sim:fail=OutputVideoSensitiveContentDetected]]` or `[[sim:500-after]]`.
Those that concern the request itself are acted on by `front`, for every dialect alike; those that concern the
life of the job (`fail`, `expire`, `status`, `hang-poll`, `size`, `tokens`) are the dialect's to read from `directives`.
Those of an answer made at once (its words: `talk`; its stream: `sse`; a refusal: `refuse=403:Code`) are read from `asked`,
which adds what the control route planned by a `words` fault, so that a request without a prompt can be given them too.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

import orjson
from starlette.responses import Response
from starlette.types import Scope

DIRECTIVE = re.compile(r"\[\[sim:([a-z0-9-]+)(?:=([^\]]*))?\]\]")

# What happens instead of the request's work …
BEFORE = frozenset({"429", "500-before", "break-before", "empty-404", "answer", "hang"})
# … and what happens to the answer after the work was done.
AFTER = frozenset({"500-after", "break", "break-mid", "no-id", "answer-after"})
KINDS = BEFORE | AFTER | {"slow", "words"}
# Where `front` leaves the words of a `words` fault for the routes behind it.
WORDS = "simulator.words"
# The words a prompt may use for its own request: the others need the details that only the control route takes.
_IN_PROMPT = frozenset({"429", "500-before", "500-after", "break", "break-before", "no-id", "empty-404", "slow"})


@dataclass(frozen=True)
class Fault:
    """One thing to go wrong: `seconds` for `slow`; `status`, `headers` and `body` for `answer` and `answer-after`;
    `words` for `words`: directives, as if the request's prompt had them."""

    kind: str
    seconds: float = 0.0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


class FaultError(ValueError):
    """A fault was described in a way that cannot be carried out; the message says which part."""


@dataclass
class _Planned:
    match: re.Pattern[str]
    times: int
    fault: Fault


class FaultPlan:
    """The faults that the control route asked for, each for the next `times` requests that match."""

    def __init__(self) -> None:
        self._planned: deque[_Planned] = deque()

    def add(self, description: Mapping[str, object]) -> None:
        """Plan a fault from `{"match": "POST /api/v3/.*", "times": 1, "fault": "500-after", …}`.

        `match` is a regular expression over `METHOD path`, matched in full. Raises FaultError for what it cannot read.
        """
        times, match = description.get("times", 1), description.get("match", ".*")
        if not isinstance(times, int) or not isinstance(match, str):
            raise FaultError("`times` must be an integer and `match` a regular expression over `METHOD path`")
        try:
            pattern = re.compile(match)
        except re.error as error:
            raise FaultError(f"`match` is no regular expression: {error}") from error
        self._planned.append(_Planned(pattern, times, _read(description)))

    def clear(self) -> None:
        """Forget every planned fault."""
        self._planned.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault planned for this request, used up by one; None mostly."""
        for planned in self._planned:
            if planned.match.fullmatch(f"{method} {path}"):
                planned.times -= 1
                if planned.times <= 0:
                    self._planned.remove(planned)
                return planned.fault
        return None


def directives(text: str) -> dict[str, str]:
    """The `[[sim:word=value]]` directives of a prompt; a word without a value has an empty one."""
    return {word: value or "" for word, value in DIRECTIVE.findall(text)}


def asked(scope: Scope, text: str) -> dict[str, str]:
    """The directives of a text and those that were planned for this request; the planned ones win."""
    planned: Mapping[str, str] = scope.get(WORDS, {})
    return directives(text) | dict(planned)


def in_body(body: bytes, content_type: str) -> list[Fault]:
    """The faults that a request's own body asks for, whatever its encoding (JSON, multipart or a form)."""
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    if not is_form and b"[[sim:" not in body:
        return []
    text = body.decode("utf-8", errors="replace")
    if is_form:
        text = unquote_plus(text)
    return [
        Fault(word, seconds=_seconds(value) if word == "slow" else 0.0)
        for word, value in directives(text).items()
        if word in _IN_PROMPT
    ]


def without_id(response_body: bytes) -> bytes:
    """An answer's JSON object without its ids, as an upstream that lost them would send it."""
    value = orjson.loads(response_body)
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key not in {"id", "task_id"}}
    return orjson.dumps(value)


def answer(fault: Fault) -> Response:
    """The answer that an `answer` or `answer-after` fault spells out."""
    return Response(fault.body, fault.status, dict(fault.headers))


def _read(description: Mapping[str, object]) -> Fault:
    kind, seconds = description.get("fault"), description.get("seconds", 0.0)
    status, headers, body = (
        description.get("status", 500),
        description.get("headers", {}),
        description.get("body", ""),
    )
    if kind == "hang-poll":
        kind = "hang"
    if not isinstance(kind, str) or kind not in KINDS:
        raise FaultError(f"`fault` must be one of {', '.join(sorted(KINDS))}")
    if not isinstance(seconds, int | float) or not isinstance(status, int):
        raise FaultError("`seconds` must be a number and `status` an integer")
    if not isinstance(headers, dict) or not isinstance(body, str):
        raise FaultError("`headers` must be an object of strings and `body` a string")
    return Fault(kind, float(seconds), status, _strings(headers), body, _words(kind, description))


def _words(kind: str, description: Mapping[str, object]) -> dict[str, str]:
    words = description.get("words", {})
    if not isinstance(words, dict) or (kind == "words" and not words):
        raise FaultError('`words` must be an object of directives, such as {"crlf": "", "chunks": "3"}')
    return _strings(words)


def _strings(values: Mapping[str, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
