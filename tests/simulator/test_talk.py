"""The rules by which the simulated models speak and count."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator import talk
from proxy.simulator.faults import FaultError
from proxy.simulator.jobs import Json
from proxy.simulator.talk import Ask, Said, said


def _answer(text: str, **wanted: object) -> talk.Answer:
    return talk.answer(Ask([said("user", text)], **wanted))  # type: ignore[arg-type]  # the fields of a test's table


@pytest.mark.parametrize(
    ("content", "shown", "tokens"),
    [
        ("  two  words ", "  two  words ", 2),
        ("one [[sim:crlf]]", "one", 1),
        (None, "", 0),
        ([{"type": "text", "text": "a b"}, {"type": "input_text", "text": "c"}], "a b\nc", 3),
        ([{"type": "image_url", "image_url": {"url": "https://a/i.png"}}], "<image_url https://a/i.png>", 64),
        ([{"type": "input_image", "image_url": "https://a/i.png"}], "<input_image https://a/i.png>", 64),
        ([{"type": "video_url", "video_url": {"file_id": "file-1"}}], "<video_url file-1>", 64),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            "<image_url data:image/png;base64,sha256:63c1dd951ffe>",
            64,
        ),
        (
            [{"type": "input_audio", "input_audio": {"data": "A" * 200, "format": "wav"}}],
            "<input_audio sha256:70d3bf8b0b9d>",
            64,
        ),
    ],
)
def test_a_message_is_rendered_and_counted(content: Json, shown: str, tokens: int) -> None:
    """Texts stay as they are but for directives, other parts show their type and address, bulky data its digest."""
    message = said("user", content)
    assert (message.text, message.tokens) == (shown, tokens)


def test_the_last_message_of_user_or_tool_is_answered() -> None:
    """What the assistant or the system said last is no question."""
    heard = [said("user", "first"), said("tool", "second"), said("assistant", "third"), said("system", "fourth")]
    assert talk.answer(Ask(heard)).text == "second"
    assert talk.answer(Ask([said("system", "alone")])).text == "alone"
    assert talk.answer(Ask([])).text == ""


def test_counts_are_words() -> None:
    """The prompt is all that was said and what was said before; the completion is the answer and its thoughts."""
    made = talk.answer(Ask([said("system", "be kind"), said("user", "a b c")], thoughts=4, before=10, cached=7))
    assert (made.text, made.thoughts) == ("a b c", "thought-1 thought-2 thought-3 thought-4")
    assert made.count == talk.Count(prompt=15, completion=7, reasoning=4, cached=7)
    assert made.count.total == 22


@pytest.mark.parametrize(
    ("most", "thoughts", "text", "finish"),
    [(3, 0, "a b c", "stop"), (2, 0, "a b", "length"), (3, 2, "a", "length"), (1, 2, "", "length")],
)
def test_the_answer_is_bounded(most: int, thoughts: int, text: str, finish: str) -> None:
    """Thoughts come first and count; what is left out makes the finish `length`."""
    made = _answer("a b c", most=most, thoughts=thoughts)
    assert (made.text, made.finish) == (text, finish)
    assert made.count.completion <= most


@pytest.mark.parametrize(
    ("prompt", "wanted", "names"),
    [
        ("go [[sim:tool]]", {"tools": ("f", "g")}, ["f"]),
        ("go [[sim:tool=g,f]]", {"tools": ("f", "g")}, ["g", "f"]),
        ("go [[sim:tool=other]]", {"tools": ("f", "g")}, []),
        ("go", {"tools": ("f", "g"), "must_call": "g"}, ["g"]),
        ("go", {"tools": ("f", "g"), "must_call": ""}, ["f"]),
        ("go [[sim:tool]]", {}, []),
        ("go", {"tools": ("f",)}, []),
    ],
)
def test_tools_are_called_when_the_prompt_or_the_request_says_so(
    prompt: str, wanted: dict[str, object], names: list[str]
) -> None:
    """Only tools of the request are called, with the rendered message as their argument, and nothing else is said."""
    made = _answer(prompt, **wanted)
    assert [call.name for call in made.calls] == names
    assert all(orjson.loads(call.arguments) == {"text": "go"} for call in made.calls)
    assert (made.text, made.finish) == (("", "tool_calls") if names else ("go", "stop"))


def test_a_tools_output_is_answered_in_words() -> None:
    """Otherwise a conversation with tools would never end."""
    made = talk.answer(Ask([said("user", "[[sim:tool]]"), said("tool", "done [[sim:tool]]")], tools=("f",)))
    assert (made.text, made.calls) == ("done", ())


def test_directives_choose_words_counts_and_finish() -> None:
    """A test can have any length, any usage and any finish; planned words win over the prompt's."""
    made = _answer("a b [[sim:words=5]] [[sim:prompt-tokens=70]] [[sim:completion-tokens=8]] [[sim:cached-tokens=6]]")
    assert made.text == "a b a b a"
    assert made.count == talk.Count(prompt=70, completion=8, cached=6)
    assert _answer("a [[sim:finish=content_filter]]", planned={"words": "2"}).finish == "content_filter"
    assert _answer("a [[sim:words=9]]", planned={"words": "2"}).text == "a a"


def test_an_answer_in_json() -> None:
    """Where a JSON format is asked for, the text is inside an object."""
    assert orjson.loads(_answer('say "x"', as_json=True).text) == {"text": 'say "x"'}


def test_a_directive_without_its_number_is_told() -> None:
    """A test that mistypes a directive must not pass without it."""
    with pytest.raises(FaultError, match="words"):
        _answer("a [[sim:words=many]]")


@given(st.text(), st.one_of(st.none(), st.integers(1, 50)))
def test_pieces_are_the_text(text: str, wanted: int | None) -> None:
    """However many pieces are asked for, together they are the text, and there are as many as asked for."""
    made = talk.pieces(text, None if wanted is None else str(wanted))
    assert "".join(made) == text
    assert wanted is None or len(made) == wanted


def test_the_steps_of_a_stream() -> None:
    """Thoughts, then text, then the finish; the tokens so far grow to the count."""
    steps = list(talk.deltas(_answer("a b", thoughts=1)))
    assert [(step.kind, step.text, step.so_far) for step in steps] == [
        ("thought", "thought-1", 1),
        ("text", "a ", 2),
        ("text", "b", 3),
        ("finish", "", 3),
    ]


def test_the_steps_of_calls() -> None:
    """Each call opens, brings its arguments in pieces, and is counted when it is whole."""
    steps = list(talk.deltas(_answer("a b [[sim:tool=f,g]] [[sim:chunks=2]]", tools=("f", "g"))))
    assert [(step.kind, step.opens, step.call) for step in steps] == [
        ("call", True, 0),
        ("call", False, 0),
        ("call", False, 0),
        ("call", True, 1),
        ("call", False, 1),
        ("call", False, 1),
        ("finish", False, -1),
    ]
    assert "".join(step.text for step in steps if step.call == 1) == '{"text":"a b"}'


def test_directives_stand_beside_the_message() -> None:
    """They are read from every text part of it."""
    message = said("user", [{"type": "text", "text": "[[sim:crlf]] a"}, {"type": "text", "text": "[[sim:chunks=2]]"}])
    assert message == Said("user", "a", 1, 0, {"crlf": "", "chunks": "2"})
