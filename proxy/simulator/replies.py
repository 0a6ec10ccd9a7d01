"""The items and the events of the Responses API, which Ark and OpenAI have under the same names (openai-wire.md §3.2).

What the response object itself holds is each dialect's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.simulator import talk
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Object
from proxy.simulator.sse import Event
from proxy.simulator.talk import Answer, Said, said

MOST_ITEMS = 100
_FINAL: Final = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}


@dataclass(frozen=True)
class Shown:
    """How a dialect shows an answer: the tail of its items' ids, what a text part has beside its text, and whether the
    thoughts are shown as an item."""

    tail: str
    part: Mapping[str, Json]
    thoughts: bool


def said_in(value: Json) -> list[Said]:
    """The messages of an `input`: a string is one of the user's, the output of a function is one of a tool's."""
    if not isinstance(value, list):
        return [said("user", value)]
    return [_said_in_item(item) for item in value if isinstance(item, dict)]


def input_items(value: Json, tail: str) -> list[Object]:
    """The items of an `input` as they can be listed later: each with an id, each content as a list of parts."""
    items = value if isinstance(value, list) else [{"role": "user", "content": value}]
    return [_kept(dict(item), f"msg_{tail}{place}") for place, item in enumerate(items) if isinstance(item, dict)]


def listed(items: list[Object], order: str) -> list[Object]:
    """The items in the order of a list: the last one first, unless `asc` is asked for."""
    return items if order == "asc" else items[::-1]


def output(made: Answer, how: Shown) -> list[Object]:
    """The items of the answer: the thoughts where they are shown, then the calls or the message."""
    items: list[Object] = []
    if made.thoughts and how.thoughts:
        summary: list[Json] = [{"type": "summary_text", "text": made.thoughts}]
        items.append({"id": f"rs_{how.tail}", "type": "reasoning", "summary": summary, "status": "completed"})
    for place, call in enumerate(made.calls):
        items.append(
            {
                "arguments": call.arguments,
                "call_id": f"call_{how.tail}{place}",
                "name": call.name,
                "type": "function_call",
                "id": f"fc_{how.tail}{place}",
                "status": "completed",
            }
        )
    if not made.calls:
        part: Object = {"type": "output_text", "text": made.text, **how.part}
        status = "incomplete" if made.finish == "length" else "completed"
        items.append(
            {"type": "message", "role": "assistant", "content": [part], "status": status, "id": f"msg_{how.tail}"}
        )
    return items


def events(running: Object, final: Object, items: list[Object], made: Answer) -> list[Event]:
    """The stream: the response as it begins, every item step by step, and the response as it ends (with its usage)."""
    steps: list[Object] = [
        {"type": "response.created", "response": running},
        {"type": "response.in_progress", "response": running},
    ]
    for place, item in enumerate(items):
        steps += _of_item(item, place, made)
    steps.append({"type": _FINAL[str(final["status"])], "response": final})
    return [Event(step | {"sequence_number": number}, str(step["type"])) for number, step in enumerate(steps)]


def _of_item(item: Object, place: int, made: Answer) -> Iterator[Object]:
    at: Object = {"output_index": place}
    inner: Object = at | {"item_id": item["id"]}
    empty: Mapping[str, Object] = {
        "message": {"content": []},
        "reasoning": {"summary": []},
        "function_call": {"arguments": ""},
    }
    opened = item | empty[str(item["type"])] | {"status": "in_progress"}
    yield {"type": "response.output_item.added", "item": opened, **at}
    if item["type"] == "message":
        yield from _of_message(item, inner, made)
    elif item["type"] == "reasoning":
        yield from _of_thoughts(inner | {"summary_index": 0}, made)
    else:
        arguments = str(item["arguments"])
        for piece in talk.pieces(arguments, made.words.get("chunks")):
            yield {"type": "response.function_call_arguments.delta", "delta": piece, **inner}
        yield {"type": "response.function_call_arguments.done", "arguments": arguments, **inner}
    yield {"type": "response.output_item.done", "item": item, **at}


def _of_message(item: Object, inner: Object, made: Answer) -> Iterator[Object]:
    inner = inner | {"content_index": 0}
    content = item["content"]
    part = content[0] if isinstance(content, list) else None
    opened = {**part, "text": ""} if isinstance(part, dict) else None
    yield {"type": "response.content_part.added", "part": opened, **inner}
    for piece in talk.pieces(made.text, made.words.get("chunks")):
        yield {"type": "response.output_text.delta", "delta": piece, **inner}
    yield {"type": "response.output_text.done", "text": made.text, **inner}
    yield {"type": "response.content_part.done", "part": part, **inner}


def _of_thoughts(inner: Object, made: Answer) -> Iterator[Object]:
    def part(text: str) -> Json:
        return {"type": "summary_text", "text": text}

    yield {"type": "response.reasoning_summary_part.added", "part": part(""), **inner}
    for piece in talk.pieces(made.thoughts, None):
        yield {"type": "response.reasoning_summary_text.delta", "delta": piece, **inner}
    yield {"type": "response.reasoning_summary_text.done", "text": made.thoughts, **inner}
    yield {"type": "response.reasoning_summary_part.done", "part": part(made.thoughts), **inner}


def _said_in_item(item: Mapping[str, Json]) -> Said:
    kind = item.get("type", "message")
    if kind == "function_call_output":
        return said("tool", item.get("output"))
    if kind == "function_call":
        return said("assistant", item.get("arguments"))
    return said(str(item.get("role", "")), item.get("content")) if kind == "message" else Said("", "")


def _kept(item: Object, new_id: str) -> Object:
    content = item.get("content")
    if isinstance(content, str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        item["content"] = [{"type": kind, "text": content}]
    return {"type": "message", "id": new_id} | item
