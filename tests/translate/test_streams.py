"""What translators of streams share: reading events, changing them in place, and errors inside a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.translate.jsonbody import replace_model
from proxy.translate.streams import EventStream, UnreadStream, failure, read_event, within
from tests.support.calling import ARK, OPENAI, bodies, cut, event, fed


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
def test_unread_stream(data: bytes, places: list[int]) -> None:
    """Bytes that nobody reads pass as they are, however they are cut."""
    assert fed(UnreadStream(), cut(data, places)) == data


def test_stream_without_a_family() -> None:
    """What to do with an event is each family's to say."""
    with pytest.raises(NotImplementedError):
        EventStream().feed(b"data: 1\n\n")


@pytest.mark.parametrize("data", [b"", b"[DONE]", b"[1]", b'"x"', b'{"a":', b"null", b'{"a":"\xff"}'])
def test_event_that_is_no_object(data: bytes) -> None:
    """Whatever is no JSON object passes unread."""
    assert read_event(data) is None


def test_within() -> None:
    """A nested value is changed where it stands, and nothing where there is none."""
    raw = b'{"model":"a", "response" : { "id":1, "model" : "b" } }'
    changed = within(raw, ("response",), lambda inner: replace_model(inner, "c"))
    assert changed == raw.replace(b'"b"', b'"c"')
    assert within(raw, ("response", "id", "x"), lambda _: b"!") == raw
    assert within(raw, ("none",), lambda _: b"!") == raw


@pytest.mark.parametrize("caller", [ARK, OPENAI])
def test_error_passes(caller: object) -> None:
    """An error object has the same members in both families, so its event keeps every byte."""
    raw = event({"error": {"code": "Busy", "message": "later", "param": "", "type": "x"}})
    assert failure(raw, raw[6:-2], bodies(raw)[0], OPENAI if caller is OPENAI else ARK) == ("Busy", raw)


def test_error_is_cleaned() -> None:
    """A message with a key in it loses the key, and the event keeps its other bytes."""
    raw = event({"error": {"code": "Busy", "message": "key sk-abcdefghijkl is bad", "type": "x"}}, "error")
    code, clean = failure(raw, raw[19:-2], bodies(raw)[0], ARK)
    assert code == "Busy"
    assert clean == raw.replace(b"sk-abcdefghijkl", b"***")
    flat = event({"type": "error", "code": "x", "message": "key sk-abcdefghijkl"})
    assert failure(flat, flat[6:-2], bodies(flat)[0], ARK) == ("x", flat.replace(b"sk-abcdefghijkl", b"***"))


@pytest.mark.parametrize("error", ["out of luck", 7, {"reason": "x"}, [1]])
def test_error_of_another_shape(error: object) -> None:
    """An error that is no error object is said in the caller's envelope."""
    raw = event({"error": error})
    code, said = failure(raw, raw[6:-2], bodies(raw)[0], OPENAI)
    assert code
    shown = bodies(said)[0]["error"]
    assert isinstance(shown, dict)
    assert {"message", "type", "param", "code"} == shown.keys()
