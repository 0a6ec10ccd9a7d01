"""What OpenAI-like servers answer, read tolerantly: the union of the shapes of openai-wire.md §2.10 and §2.11, for every profile."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from proxy.errors import UnreadableAnswer
from proxy.model import Dialect, Snapshot, TaskError, TaskStatus, Usage
from proxy.translate.errors import redact
from proxy.translate.videos import Sighting, facts, reading, sizes, status
from proxy.translate.wire import WireResponse

_IDS = ("id", "task_id", "request_id")
# Inside a relay's `data`, `id` is its own row number (openai-wire.md §2.1), so the other name goes first.
_INNER_IDS = ("task_id", "id", "request_id")
# Paths to a link, in the order of §2.10. `unsigned_urls` needs the upstream's key, so it is no link: the content route serves it.
_LINKS: tuple[tuple[str | int, ...], ...] = (
    ("metadata", "url"),
    ("url",),
    ("video_url",),
    ("result_url",),
    ("video", "url"),
    ("videos", 0, "url"),
    ("outputs", "video_url"),
    ("output", "video_url"),
    ("content", "video_url"),
    ("results", 0),
    ("fail_reason",),
)
# The upstream's own content route: it needs the upstream's key, so it is no link to hand out (openai-wire.md §4.4, P34).
_OWN_ROUTE = re.compile(r"/videos/[^/]+/content/?$")
_CREATED = ("created_at", "created", "submit_time")
_ENDED = ("completed_at", "finished_at", "finish_time", "updated_at")


def created(response: WireResponse) -> Sighting:
    """The answer to a create; without an id it is unreadable, without a status the task is queued."""
    body = reading.answer(response.body)
    sighting = _sighting(body, TaskStatus.QUEUED.value)
    if not sighting.id:
        raise UnreadableAnswer("the upstream's answer to a create has no id")
    return sighting


def task(response: WireResponse) -> Sighting:
    """The answer to a read; an empty 202 means that it still runs (openai-wire.md §2.10)."""
    if response.status == 202 and not response.body.strip():
        facts_told = {facts.DIALECT: Dialect.OPENAI.value}
        return Sighting("", Snapshot(status=TaskStatus.RUNNING, status_word="in_progress", facts=facts_told))
    return _sighting(reading.answer(response.body), None)


def listed(response: WireResponse) -> tuple[Sighting, ...]:
    """The members of a list that name themselves and their state; others are left out."""
    data = reading.answer(response.body).get("data")
    if not isinstance(data, list):
        raise UnreadableAnswer("the upstream's list has no data")
    bodies = (reading.members(item) for item in data)
    return tuple(_sighting(body, None) for body in bodies if _id(_layers(body)) and _word(_layers(body)))


def _layers(body: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """The body, what a relay wraps in `data`, and the raw task of its own upstream in `data` again: outermost first."""
    layers = [body]
    while len(layers) < 3 and isinstance(layers[-1].get("data"), Mapping):
        layers.append(reading.members(layers[-1]["data"]))
    return tuple(layers)


def _id(layers: tuple[Mapping[str, object], ...]) -> str:
    named = [(layers[0].get(name)) for name in _IDS] + [layer.get(name) for layer in layers[1:2] for name in _INNER_IDS]
    texts = (reading.word(value) for value in named)
    numbers = (str(value) for value in map(reading.whole, named) if value is not None)
    return next((text for text in texts if text), None) or next(numbers, "")


def _word(layers: tuple[Mapping[str, object], ...]) -> str | None:
    found = (reading.word(layer.get(name)) for layer in layers for name in ("status", "task_status"))
    return next((word for word in found if word), None)


def _sighting(body: dict[str, object], default: str | None) -> Sighting:
    layers = _layers(body)
    word = _word(layers) or default
    if word is None:
        raise UnreadableAnswer("the upstream's answer has no status")
    error = _error(layers)
    state = status.refine(status.read(word), error)
    if state is TaskStatus.FAILED and error is None:
        error = TaskError(status.NO_CODE, status.NO_REASON)
    ended = state not in {TaskStatus.QUEUED, TaskStatus.RUNNING}
    snapshot = Snapshot(
        status=state,
        status_word=word,
        model=_first(layers, "model"),
        progress=_progress(layers),
        created_at=_moment(layers, _CREATED),
        updated_at=_moment(layers, _ENDED),
        video_url=_link(layers) if state is TaskStatus.SUCCEEDED else None,
        last_frame_url=_last_frame(layers),
        error=error if ended and state is not TaskStatus.SUCCEEDED else None,
        usage=_usage(layers),
        facts=_facts(layers),
        raw=body,
    )
    return Sighting(_id(layers), snapshot)


def _first(layers: tuple[Mapping[str, object], ...], name: str) -> str | None:
    return next((word for word in (reading.word(layer.get(name)) for layer in layers) if word), None)


def _moment(layers: tuple[Mapping[str, object], ...], names: tuple[str, ...]) -> int | None:
    found = (reading.moment(layer.get(name)) for layer in layers for name in names)
    return next((moment for moment in found if moment is not None), None)


def _at(value: object, path: tuple[str | int, ...]) -> object:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = reading.members(value).get(step)
    return value


def _link(layers: tuple[Mapping[str, object], ...]) -> str | None:
    """The first link that works without the upstream's key."""
    found = (reading.word(_at(layer, path)) for layer in layers for path in _LINKS)
    return next((link for link in found if link and _open(link)), None)


def _open(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.query or not _OWN_ROUTE.search(parts.path))


def _last_frame(layers: tuple[Mapping[str, object], ...]) -> str | None:
    paths = (("metadata", "last_frame_url"), ("content", "last_frame_url"), ("last_frame_url",))
    found = (reading.word(_at(layer, path)) for layer in layers for path in paths)
    return next((link for link in found if link and _open(link)), None)


def _progress(layers: tuple[Mapping[str, object], ...]) -> int | None:
    """A whole percentage from an int, a float or `45%`."""
    for layer in layers:
        value = layer.get("progress")
        if isinstance(value, str):
            value = reading.whole(value.strip().removesuffix("%"))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(max(0, min(100, value)))
    return None


def _error(layers: tuple[Mapping[str, object], ...]) -> TaskError | None:
    """An object, a text, a message alone, or `fail_reason` (openai-wire.md §2.10)."""
    for layer in layers:
        error = layer.get("error")
        said = reading.members(error)
        number = reading.whole(said.get("code"))
        code = reading.word(said.get("code")) or (None if number is None else str(number))
        message = reading.word(said.get("message")) or reading.word(error) or reading.word(layer.get("fail_reason"))
        if code or message:
            return TaskError(code or status.NO_CODE, redact(message or status.NO_REASON))
    return None


def _usage(layers: tuple[Mapping[str, object], ...]) -> Usage | None:
    """The first that tells tokens; zeros are what servers say that do not count (openai-wire.md §5.5)."""
    found = (
        facts.usage(value) for layer in layers for value in (layer.get("usage"), _at(layer, ("metadata", "usage")))
    )
    return next((usage for usage in found if usage and (usage.total_tokens or usage.output_tokens)), None)


def _facts(layers: tuple[Mapping[str, object], ...]) -> dict[str, object]:
    """Facts under Ark's names from metadata and from a raw Ark task inside; length and framing also from `seconds` and `size`."""
    told: dict[str, object] = {}
    for source in _sources(layers):
        told = facts.facts(source) | told
    if "duration" not in told and "frames" not in told:
        seconds = next((number for number in (reading.whole(layer.get("seconds")) for layer in layers) if number), None)
        told |= {} if seconds is None else {"duration": seconds}
    size = _first(layers, "size")
    pixels = sizes.parse(size or "")
    if pixels is not None:
        fit = sizes.fit(pixels)
        told = {"resolution": fit.resolution, "ratio": fit.ratio, facts.SIZE: size} | told
    return told | {facts.DIALECT: Dialect.OPENAI.value}


def _sources(layers: tuple[Mapping[str, object], ...]) -> Iterator[Mapping[str, object]]:
    for layer in layers:
        yield reading.members(layer.get("metadata"))
        yield layer
