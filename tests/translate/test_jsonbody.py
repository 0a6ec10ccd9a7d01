"""Strict reading of JSON bodies, and values replaced where they stand."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.jsonbody import (
    BOM,
    MAX_CONTAINERS,
    MAX_DEPTH,
    read_document,
    read_json,
    replace_model,
    splice,
    top_level,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
SPACE = st.sampled_from(["", "", " ", "\n", "\t", "\r\n  "])
KEYS = st.sampled_from(["éé:", "model", "content", "a", "", "é", 'q"\\', "x" * 40]) | st.text(max_size=5)


def deep(levels: int) -> str:
    """A list of lists, so many levels deep."""
    return "[" * levels + '"]"' + "]" * levels


HARD = st.sampled_from(
    [
        deep(12),
        deep(40),
        '"' + "A" * 70_000 + '"',
        '["' + "A" * 70_000 + '\\"]", {"b":[]}]',
        '"' + "\\\\\\/" * 5_000 + '"',
    ]
)


@st.composite
def spelled(draw: st.DrawFn, value: object) -> str:
    """A JSON text of a value: its characters escaped or not, white space between its tokens."""
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return draw(SPACE) + text + draw(SPACE)


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str]]]:
    """An object as bytes, and its members as (key, the value's text with the white space around it)."""
    members: list[tuple[str, str]] = []
    pieces: list[str] = []
    for key in draw(st.lists(KEYS, max_size=6, unique=True)):
        value = draw(st.one_of(VALUES.flatmap(spelled), HARD))
        members.append((key, value))
        name = json.dumps(key, ensure_ascii=draw(st.booleans()))
        if key == "model" and draw(st.booleans()):
            name = '"mo\\u0064el"'
        pieces.append(f"{draw(SPACE)}{name}{draw(SPACE)}:{value}")
    text = f"{draw(SPACE)}{{{','.join(pieces)}{draw(SPACE)}}}{draw(SPACE)}"
    return text.encode(), members


CHANGES = st.dictionaries(KEYS, st.none() | VALUES.map(orjson.dumps), max_size=4)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(action: Callable[[], object]) -> Refusal:
    """The refusal that an action ends in."""
    with pytest.raises(Refusal) as caught:
        action()
    assert caught.value.problem is Problem.INVALID_VALUE
    return caught.value


@quick
@given(documents(), CHANGES, st.booleans())
def test_splice_changes_what_it_is_asked_to(
    document: tuple[bytes, list[tuple[str, str]]], changes: Mapping[str, bytes | None], drop: bool
) -> None:
    """Splicing and parsing gives what parsing and changing gives, in the same order."""
    raw, _ = document
    expected = {
        key: value for key, value in read_json(raw).items() if not (drop and value is None and key not in changes)
    }
    for key, change in changes.items():
        if change is None:
            expected.pop(key, None)
        else:
            expected[key] = orjson.loads(change)
    spliced = read_json(splice(raw, changes, drop_nulls=drop))
    assert spliced == expected
    assert list(spliced) == list(expected)


@quick
@given(documents(), CHANGES)
def test_splice_touches_no_other_byte(
    document: tuple[bytes, list[tuple[str, str]]], changes: Mapping[str, bytes | None]
) -> None:
    """Members that stay keep every byte of theirs, and a change of values alone keeps every byte between them."""
    raw, members = document
    spliced = splice(raw, changes)
    position = 0
    for key, text in members:
        if key not in changes:
            position = spliced.index(b":" + text.encode().rstrip(b" \t\r\n"), position)
    in_place = {key: new for key, new in changes.items() if new is not None and key in dict(members)}
    expected, end = b"", 0
    for member in top_level(raw):
        if member.key in in_place:
            expected, end = expected + raw[end : member.start] + in_place[member.key], member.end
    assert splice(raw, in_place) == expected + raw[end:]


@quick
@given(documents())
def test_top_level_names_every_member(document: tuple[bytes, list[tuple[str, str]]]) -> None:
    """Every member is found once, with the exact bytes of its key and value, whatever its depth, size and spelling."""
    raw, members = document
    found = top_level(raw)
    assert [member.key for member in found] == [key for key, _ in members]
    for member, (key, text) in zip(found, members, strict=True):
        name = raw[member.key_start : member.key_end]
        assert name.startswith(b'"')
        assert name.endswith(b'"')
        assert orjson.loads(name) == key
        assert raw[member.start : member.end].decode() == text.strip(" \t\r\n")


@settings(max_examples=400, deadline=None)
@given(st.binary() | st.text().map(str.encode) | documents().map(lambda pair: pair[0][: len(pair[0]) // 2]))
def test_reading_only_refuses(raw: bytes) -> None:
    """Whatever the bytes, reading gives an object or a refusal, and the same object that a lenient parser gives."""
    try:
        value = read_json(raw)
    except Refusal:
        return
    assert value == orjson.loads(raw.removeprefix(BOM))


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet='{}[]":,\\u0a1 null', max_size=60).map(str.encode))
def test_scanning_what_is_no_json_ends(raw: bytes) -> None:
    """Bytes that nobody has read do no harm: scanning ends in an answer or a refusal."""
    replace_model(raw, "m")
    with suppress(Refusal):
        splice(raw, {"a": b"1", "b": None}, drop_nulls=True)


BAD: Mapping[str, tuple[bytes, str]] = {
    "a trailing comma": (b'{"model":"m",}', "column 13"),
    "no end": (b'{"model":"m"', "not valid JSON"),
    "something behind": (b'{"model":"m"} x', "column 15"),
    "the second line": (b'{"model":"m",\n "seed": tru}', "line 2"),
    "single quotes": (b"{'model':'m'}", "column 2"),
    "NaN": (b'{"seed":NaN}', "column 9"),
    "Infinity": (b'{"seed":Infinity}', "column 9"),
    "minus Infinity": (b'{"seed":-Infinity}', "not valid JSON"),
    "a number beyond doubles": (b'{"seed":1e999}', "infinity"),
    "bytes that are no UTF-8": (b'{"model":"\xff"}', "not valid UTF-8 (byte 10)"),
    "half a surrogate pair": (b'{"model":"\\ud800"}', "not valid JSON"),
    "a control character": (b'{"model":"\x01"}', "control character"),
    "UTF-16": ('{"model":"m"}'.encode("utf-16"), "not valid UTF-8"),
    "a list": (b"[1]", "a JSON array"),
    "a text": (b'"m"', "a JSON string"),
    "a number": (b"4", "a JSON number"),
    "a boolean": (b"true", "a JSON boolean"),
    "null": (b"null", "a JSON null"),
    "nothing": (b"", "is empty"),
    "blanks": (b" \n", "is empty"),
    "a mark and nothing": (BOM, "is empty"),
    "10,000 brackets": (b"[" * 10_000, "depth"),
    "10,000 levels": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "depth"),
    "1,000 levels": (b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}", f"deeper than {MAX_DEPTH} levels"),
    "too many lists": (b'{"a":[' + b"[]," * MAX_CONTAINERS + b"1]}", f"more than {MAX_CONTAINERS}"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bodies(name: str) -> None:
    """What is no JSON object is refused with the reason and the place."""
    raw, reason = BAD[name]
    assert reason in refused(lambda: read_json(raw)).message


REPEATED = {
    "plain": b'{"model":"a","x":1,"model":"b"}',
    "escaped": b'{"model":"a","mo\\u0064el":"b"}',
    "equal values": b'{"model":"a","model":"a"}',
    "behind something deep": b'{"model":"a","x":' + deep(20).encode() + b',"model":"b"}',
    "behind something long": b'{"model":"a","x":"' + b"A" * 70_000 + b'","model":"b"}',
}


@pytest.mark.parametrize("name", REPEATED)
def test_repeated_keys(name: str) -> None:
    """A top-level key that occurs twice is refused by name, because parsers disagree on which one counts."""
    assert refused(lambda: read_json(REPEATED[name])).param == "model"


def test_repeated_keys_further_in_pass() -> None:
    """Only the outermost object decides anything here, so the rest is the upstream's to judge."""
    assert read_json(b'{"a":{"b":1,"b":2}}') == {"a": {"b": 2}}


def test_mark_is_skipped() -> None:
    """A byte order mark, which some editors put in front, is no reason to refuse."""
    raw = BOM + b' {"model":"m"}'
    assert read_json(raw) == {"model": "m"}
    assert splice(raw, {"model": b'"n"'}) == BOM + b' {"model":"n"}'


@pytest.mark.parametrize("kind", ["[]", "{}"])
def test_depth_limit_is_exact(kind: str) -> None:
    """As deep as the limit is read and can be encoded again, one deeper is refused, whatever else is in there."""
    opening, closing = ("[", "]") if kind == "[]" else ('{"a":', "}")
    for levels, fits in ((MAX_DEPTH - 1, True), (MAX_DEPTH, False)):
        text = f'{{"pad":[{"[]," * 200}1],"deep":{opening * levels}{"1"}{closing * levels}}}'.encode()
        if fits:
            assert orjson.loads(orjson.dumps(read_json(text))) == read_json(text)
        else:
            refused(partial(read_json, text))


def test_documents_in_fields_are_named() -> None:
    """A document that is not the body is named in the message and as param."""
    refusal = refused(lambda: read_document(b"[1,]", "the text of content", "content"))
    assert refusal.param == "content"
    assert refusal.message.startswith("the text of content is not valid JSON")


SPLICES: tuple[tuple[bytes, dict[str, bytes | None], bytes], ...] = (
    (b'{ "model" : "a" , "seed": 1.50 }', {"model": b'"b"'}, b'{ "model" : "b" , "seed": 1.50 }'),
    (b'{"a":1, "b":2, "c":3}', {"a": None}, b'{"b":2, "c":3}'),
    (b'{"a":1, "b":2, "c":3}', {"b": None}, b'{"a":1, "c":3}'),
    (b'{"a":1, "b":2, "c":3 }', {"c": None}, b'{"a":1, "b":2 }'),
    (b'{"a":1, "b":2, "c":3 }', {"b": None, "c": None}, b'{"a":1 }'),
    (b'{ "a":1 }', {"a": None}, b"{  }"),
    (b"{}", {"a": b"1", "b": b"2"}, b'{"a":1,"b":2}'),
    (b"{ }\n", {"a": b"1"}, b'{"a":1 }\n'),
    (b'{"a":1 }', {"b": b"2"}, b'{"a":1,"b":2 }'),
    (b'{"a":1, "b":2 }', {"b": None, "c": b"3"}, b'{"a":1,"c":3 }'),
    (b'{ "a":1 }', {"a": None, "c": b"3"}, b'{ "c":3 }'),
    (b'{"a":1}', {"x": None}, b'{"a":1}'),
    (b'{"a":"{\\"model\\":1}","model":2}', {"model": b"3"}, b'{"a":"{\\"model\\":1}","model":3}'),
)


@pytest.mark.parametrize(("raw", "changes", "expected"), SPLICES)
def test_splice_to_the_byte(raw: bytes, changes: dict[str, bytes | None], expected: bytes) -> None:
    """A member goes with its comma, a new one comes behind the last."""
    assert splice(raw, changes) == expected


def test_nulls_are_dropped() -> None:
    """Ark's SDK writes a null for every unset field; the text "null", and nulls further in, are no nulls."""
    raw = b'{"model":"m","a":null,"b":"null","c":[null],"d": null ,"e":null}'
    assert splice(raw, {"e": b"1"}, drop_nulls=True) == b'{"model":"m","b":"null","c":[null],"e":1}'
    assert splice(raw, {"model": b'"n"'}, drop_nulls=True) == b'{"model":"n","b":"null","c":[null]}'


def test_splice_needs_an_object() -> None:
    """What does not begin an object cannot be spliced, and says so."""
    refused(lambda: splice(b"[1]", {"model": b"1"}))


MODELS = (
    (
        b'{"id":"x", "model" : "up", "usage":{"model":"inner"}}',
        b'{"id":"x", "model" : "ours", "usage":{"model":"inner"}}',
    ),
    (b'{"choices":[{"model":"inner"}],"model":null}', b'{"choices":[{"model":"inner"}],"model":"ours"}'),
    (b'{"mo\\u0064el":"up"}', b'{"mo\\u0064el":"ours"}'),
    (b'{"id":"x"}', b'{"id":"x"}'),
    (b"[DONE]", b"[DONE]"),
    (b"", b""),
    (b"<html>", b"<html>"),
    (b'{"model":"up","cut', b'{"model":"ours","cut'),
)


@pytest.mark.parametrize(("raw", "expected"), MODELS)
def test_replace_model(raw: bytes, expected: bytes) -> None:
    """Only the top-level model of an answer changes; an answer without one, or that is none, stays as it is."""
    assert replace_model(raw, "ours") == expected


HOSTILE = {
    "a long text": b'{"a":"' + b"A" * 8_000_000 + b'","model":"m"}',
    "a long text further in": b'{"a":[{"b":{"c":"' + b"A" * 8_000_000 + b'"}}],"model":"m"}',
    "escaped quotes": b'{"a":"' + b'\\"' * 2_000_000 + b'","model":"m"}',
    "escaped quotes further in": b'{"a":["' + b'\\"' * 2_000_000 + b'"],"model":"m"}',
    "backslashes": b'{"a":"' + b"\\\\" * 2_000_000 + b'","model":"m"}',
    "many lists": b'{"a":[' + b"[]," * 100_000 + b'1],"model":"m"}',
    "many deep lists": b'{"a":[' + (deep(11).encode() + b",") * 5_000 + b'1],"model":"m"}',
    "deep and fat": b'{"a":' + (b"[" + b'"aaaaaaa",' * 500) * 100 + b"1" + b"]" * 100 + b',"model":"m"}',
    "many keys": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(50_000)) + b',"model":"m"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_cost_grows_with_size_only(name: str) -> None:
    """Bodies made to be slow are read and spliced in time that grows with their size: squared, these would take minutes."""
    raw = HOSTILE[name]
    assert read_json(raw)["model"] == "m"
    assert splice(raw, {"model": b'"other"'}) == raw[: -len(b'"m"}')] + b'"other"}'
