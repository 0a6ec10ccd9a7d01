"""Items and events of the Responses API."""

from typing import Any

from proxy.simulator import replies, talk
from proxy.simulator.jobs import Json
from proxy.simulator.replies import Shown
from proxy.simulator.shelf import Object
from proxy.simulator.talk import Ask, said

HOW = Shown("9", {"annotations": []}, thoughts=True)


def _events(made: talk.Answer, final: Object) -> list[dict[str, Any]]:
    items = replies.output(made, HOW)
    found = replies.events({"id": "r", "status": "in_progress"}, final, items, made)
    assert [event.name for event in found] == [event.data["type"] for event in found if isinstance(event.data, dict)]
    return [event.data for event in found if isinstance(event.data, dict)]


def test_what_an_input_says() -> None:
    """A string is the user's; items are messages, outputs of functions, calls; others say nothing."""
    value: Json = [
        {"role": "developer", "content": "be kind"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a b"}]},
        {"type": "function_call", "arguments": '{"x": 1}', "name": "f", "call_id": "c"},
        {"type": "function_call_output", "output": "done", "call_id": "c"},
        {"type": "item_reference", "id": "msg_1"},
    ]
    heard = [(message.role, message.text) for message in replies.said_in(value)]
    assert heard == [
        ("developer", "be kind"),
        ("user", "a b"),
        ("assistant", '{"x": 1}'),
        ("tool", "done"),
        ("", ""),
    ]
    assert [(message.role, message.text) for message in replies.said_in("hi")] == [("user", "hi")]


def test_input_items_have_ids_and_parts() -> None:
    """A given id stays, a new one is made; a content is always a list."""
    items = replies.input_items(
        [{"id": "own", "role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "7"
    )
    assert items == [
        {"type": "message", "id": "own", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "message", "id": "msg_71", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
    ]
    assert replies.input_items("hi", "7")[0]["content"] == [{"type": "input_text", "text": "hi"}]
    assert replies.listed(items, "desc") == items[::-1]
    assert replies.listed(items, "asc") == items


def test_a_message_with_thoughts_is_streamed_in_its_order() -> None:
    """Thoughts and text come piece by piece between their begin and end, numbered throughout."""
    made = talk.answer(Ask([said("user", "a b")], thoughts=1))
    found = _events(made, {"id": "r", "status": "completed"})
    assert [event["type"].removeprefix("response.") for event in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in found] == list(range(16))
    assert "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta") == "a b"
    assert found[8]["item"] == {
        "type": "message",
        "role": "assistant",
        "content": [],
        "status": "in_progress",
        "id": "msg_9",
    }
    assert found[14]["item"]["content"] == [{"type": "output_text", "text": "a b", "annotations": []}]
    assert (found[14]["output_index"], found[10]["item_id"], found[10]["content_index"]) == (1, "msg_9", 0)


def test_calls_are_streamed() -> None:
    """The arguments come piece by piece; there is no message beside a call."""
    made = talk.answer(Ask([said("user", "a [[sim:tool]]")], tools=("f",)))
    found = _events(made, {"id": "r", "status": "completed"})
    assert [event["type"].removeprefix("response.") for event in found[2:-1]] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert found[5]["item"]["arguments"] == found[4]["arguments"] == '{"text":"a"}'


def test_thoughts_may_be_hidden_and_ends_differ() -> None:
    """OpenAI shows no thoughts; the last event has the name of the response's status."""
    made = talk.answer(Ask([said("user", "a b c")], thoughts=1, most=2))
    assert [item["type"] for item in replies.output(made, Shown("9", {}, thoughts=False))] == ["message"]
    assert replies.output(made, HOW)[1]["status"] == "incomplete"
    for status in ("incomplete", "failed"):
        assert _events(made, {"status": status})[-1]["type"] == f"response.{status}"
