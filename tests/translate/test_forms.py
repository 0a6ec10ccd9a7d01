"""Nested values out of form fields, against both SDKs' ways of writing them (openai-wire.md App. A, App. B)."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.forms import MAX_BRACKETS, MAX_FIELDS, Pair, nest
from proxy.translate.wire import Upload

EMPTY = Upload(b"", "upload", "application/octet-stream")
FILE = Upload(b"\x89PNG", "a.png", "image/png")


def as_text(value: object) -> str | Upload:
    """A scalar as both SDKs write it."""
    if isinstance(value, Upload):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def flattened(value: object, name: str = "") -> Iterator[Pair]:
    """Every scalar with its bracketed name, in the order in which it stands in the value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from flattened(inner, f"{name}[]")
    elif value is not None:
        yield name, as_text(value)


def python_pairs(value: object) -> list[Pair]:
    """openai-python: a dict of lists by name, so that equal names stand together where the first of them stood."""
    grouped: dict[str, list[str | Upload]] = {}
    for name, text in flattened(value):
        grouped.setdefault(name, []).append(text)
    return [(name, text) for name, texts in grouped.items() for text in texts]


def node_pairs(value: object) -> list[Pair]:
    """openai-node: element by element, scalars of the body before its objects and lists."""
    if not isinstance(value, dict):
        return []
    nested = {name: inner for name, inner in value.items() if isinstance(inner, dict | list)}
    return list(flattened({name: inner for name, inner in value.items() if name not in nested} | nested))


Encoder = Callable[[object], list[Pair]]
ENCODERS: tuple[Encoder, ...] = (python_pairs, node_pairs)

# The body of App. A, and the two orders in which it was recorded.
BODY: dict[str, object] = {
    "prompt": "p",
    "model": "m",
    "content": [
        {"type": "text", "text": "hi"},
        {"type": "image_url", "image_url": {"url": "https://a/1.png"}, "role": "first_frame"},
        {"type": "image_url", "image_url": {"url": "https://a/2.png"}, "role": "last_frame"},
    ],
    "resolution": "480p",
    "duration": 4,
    "watermark": False,
    "generate_audio": True,
    "seed": -1,
    "tools": [{"type": "web_search"}],
    "metadata": {"a": 1},
    "ratio": None,
}
PYTHON_NAMES = [
    "prompt",
    "model",
    "content[][type]",
    "content[][type]",
    "content[][type]",
    "content[][text]",
    "content[][image_url][url]",
    "content[][image_url][url]",
    "content[][role]",
    "content[][role]",
    "resolution",
    "duration",
    "watermark",
    "generate_audio",
    "seed",
    "tools[][type]",
    "metadata[a]",
]
NODE_NAMES = [
    "prompt",
    "model",
    "resolution",
    "duration",
    "watermark",
    "generate_audio",
    "seed",
    "metadata[a]",
    "tools[][type]",
    "content[][type]",
    "content[][text]",
    "content[][type]",
    "content[][image_url][url]",
    "content[][role]",
    "content[][type]",
    "content[][image_url][url]",
    "content[][role]",
]


def test_encoders_write_what_was_recorded() -> None:
    """The encoders of these tests write the fields in the order that was captured from the SDKs."""
    assert [name for name, _ in python_pairs(BODY)] == PYTHON_NAMES
    reordered = {**BODY, "content": BODY["content"]}
    reordered["tools"], reordered["content"] = reordered.pop("tools"), reordered.pop("content")
    assert sorted(name for name, _ in node_pairs(BODY)) == sorted(NODE_NAMES)
    assert [name for name, _ in node_pairs(reordered) if name.startswith("content")] == NODE_NAMES[9:]


@pytest.mark.parametrize("encode", ENCODERS)
def test_recorded_body(encode: Encoder) -> None:
    """The body of App. A comes out whole, its scalars as texts."""
    assert nest(encode(BODY)) == {
        "prompt": "p",
        "model": "m",
        "content": BODY["content"],
        "resolution": "480p",
        "duration": "4",
        "watermark": "false",
        "generate_audio": "true",
        "seed": "-1",
        "tools": [{"type": "web_search"}],
        "metadata": {"a": "1"},
    }


PAYLOADS = {"text": str, "image_url": dict, "video_url": dict, "audio_url": dict}
ORDERS = {
    "first": (("type", "payload", "role"), ("type", "role", "payload")),
    "last": (("payload", "role", "type"), ("role", "payload", "type")),
    "middle": (("payload", "type", "role"), ("role", "type", "payload")),
}
EVERY_ORDER = tuple(order for orders in ORDERS.values() for order in orders)


@st.composite
def items(draw: st.DrawFn, orders: Sequence[tuple[str, ...]], roles: st.SearchStrategy[bool]) -> dict[str, object]:
    """One content item with its keys in one of the orders."""
    kind = draw(st.sampled_from(sorted(PAYLOADS)))
    value = draw(st.sampled_from(["a", "b", "https://c/d.png?e=f&g"]))
    members: dict[str, object] = {"type": kind, "payload": value if kind == "text" else {"url": value}}
    if kind != "text" and draw(roles):
        members["role"] = draw(st.sampled_from(["first_frame", "last_frame"]))
    order = draw(st.sampled_from(orders))
    return {kind if name == "payload" else name: members[name] for name in order if name in members}


def contents(orders: Sequence[tuple[str, ...]], roles: st.SearchStrategy[bool]) -> st.SearchStrategy[dict[str, object]]:
    """A body with 1 to 6 content items."""
    return st.lists(items(orders, roles), min_size=1, max_size=6).map(lambda content: {"content": content})


ALL, NONE, SOME = st.just(True), st.just(False), st.booleans()  # noqa: FBT003  # what is drawn, not a switch
thorough = settings(max_examples=200, deadline=None)


@pytest.mark.parametrize("encode", ENCODERS)
@thorough
@given(body=st.one_of([contents([order], roles) for order in EVERY_ORDER for roles in (ALL, NONE)]))
def test_roles_on_all_or_none_are_exact(encode: Encoder, body: dict[str, object]) -> None:
    """With roles on every media item or on none, and keys in one order, every array comes out as it went in."""
    assert nest(encode(body)) == body


@thorough
@given(st.one_of([contents([order], SOME) for order in ORDERS["first"]]))
def test_node_with_type_first_is_exact(body: dict[str, object]) -> None:
    """openai-node's arrays with the type first come out as they went in, wherever roles are missing."""
    assert nest(node_pairs(body)) == body


@pytest.mark.parametrize("encode", ENCODERS)
@settings(max_examples=600, deadline=None)
@given(body=contents(EVERY_ORDER, SOME))
def test_everything_else_is_exact_or_refused(encode: Encoder, body: dict[str, object]) -> None:
    """No order of keys and no missing role is guessed at: a wrong reading would have to be the very same bytes."""
    wire = encode(body)
    try:
        read = nest(wire)
    except Refusal as refusal:
        assert refusal.param == "content"  # noqa: PT017  # a refusal is one of the two good ends
    else:
        assert read == body or encode(read) == wire


SCALARS = st.text(max_size=3) | st.just(FILE)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, min_size=1, max_size=3)
        | st.lists(SCALARS, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@thorough
@given(st.dictionaries(st.text("xyz", min_size=1), TREES, max_size=4))
def test_objects_and_lists_of_scalars_are_exact(body: dict[str, object]) -> None:
    """Objects in objects, and lists of scalars in them, come out as they went in."""
    for encode in ENCODERS:
        try:
            assert nest(encode(body)) == body
        except Refusal as refusal:
            assert "brackets" in refusal.message  # noqa: PT017  # too deep is the one reason to refuse these


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.text("ab[]0type", max_size=14), SCALARS), max_size=8))
def test_any_names_are_read_or_refused(pairs: list[Pair]) -> None:
    """Whatever the names, the answer is an object or a refusal."""
    try:
        read = nest(pairs)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017  # a refusal is one of the two good ends
    else:
        assert set(read) == {name.partition("[")[0] for name, _ in pairs}


READ: dict[str, tuple[list[Pair], dict[str, object]]] = {
    "a list": ([("images[]", "a"), ("images[]", "b")], {"images": ["a", "b"]}),
    "a list of one": ([("images[]", "a")], {"images": ["a"]}),
    "files of one name": ([("image", FILE), ("image", FILE)], {"image": [FILE, FILE]}),
    "files in a list": ([("image[]", FILE), ("image[]", FILE)], {"image": [FILE, FILE]}),
    "indices": (
        [("a[1][type]", "y"), ("a[0][type]", "x"), ("a[0][n]", "1")],
        {"a": [{"type": "x", "n": "1"}, {"type": "y"}]},
    ),
    "indices of scalars": ([("a[0]", "x"), ("a[1]", "y")], {"a": ["x", "y"]}),
    "numbers as names": ([("metadata[0]", "x")], {"metadata": {"0": "x"}}),
    "large numbers are names": ([("a[20260101]", "x")], {"a": {"20260101": "x"}}),
    "objects without a type": ([("f[][url]", "a"), ("f[][url]", "b")], {"f": [{"url": "a"}, {"url": "b"}]}),
    "pairs without a type": (
        [("f[][url]", "a"), ("f[][url]", "b"), ("f[][at]", "1"), ("f[][at]", "2")],
        {"f": [{"url": "a", "at": "1"}, {"url": "b", "at": "2"}]},
    ),
    "one object with a list": ([("t[][type]", "x"), ("t[][names][]", "a")], {"t": [{"type": "x", "names": ["a"]}]}),
    "a draft": (
        [("content[][type]", "draft_task"), ("content[][draft_task][id]", "cgt-1")],
        {"content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}]},
    ),
    "a list inside an object": (
        [("metadata[content][][type]", "text"), ("metadata[content][][text]", "a")],
        {"metadata": {"content": [{"type": "text", "text": "a"}]}},
    ),
    "a key of every element": (
        [
            ("c[][type]", "text"),
            ("c[][type]", "text"),
            ("c[][text]", "a"),
            ("c[][text]", "b"),
            ("c[][n]", "1"),
            ("c[][n]", "2"),
        ],
        {"c": [{"type": "text", "text": "a", "n": "1"}, {"type": "text", "text": "b", "n": "2"}]},
    ),
    "an unknown type, element by element": (
        [("c[][type]", "text"), ("c[][text]", "a"), ("c[][type]", "file"), ("c[][file][id]", "f")],
        {"c": [{"type": "text", "text": "a"}, {"type": "file", "file": {"id": "f"}}]},
    ),
    "an empty file beside an id": ([("video[id]", "cgt-1"), ("video", EMPTY)], {"video": {"id": "cgt-1"}}),
    "an empty file beside a link": (
        [("input_reference", EMPTY), ("input_reference", "https://a/b.png")],
        {"input_reference": "https://a/b.png"},
    ),
    "an empty file alone": ([("video", EMPTY)], {"video": EMPTY}),
    "an empty file beside a file": ([("image", EMPTY), ("image", FILE)], {"image": [EMPTY, FILE]}),
    "JSON in fields": (
        [
            ("content", ' [{"type":"text","text":"a"}]'),
            ("metadata", '{"a":1}'),
            ("tools", "[]"),
            ("extra_params", '{"b":true}'),
        ],
        {"content": [{"type": "text", "text": "a"}], "metadata": {"a": 1}, "tools": [], "extra_params": {"b": True}},
    ),
    "JSON in references": (
        [("image_reference", '{"image_url":"https://a"}'), ("input_reference", "https://b")],
        {"image_reference": {"image_url": "https://a"}, "input_reference": "https://b"},
    ),
    "JSON in a list": ([("content[]", '{"type":"text"}')], {"content": [{"type": "text"}]}),
    "JSON elsewhere is text": ([("prompt", '{"a":1}'), ("seconds", "4")], {"prompt": '{"a":1}', "seconds": "4"}),
    "text in JSON fields": ([("metadata", "plain"), ("content", "")], {"metadata": "plain", "content": ""}),
    "extra_body": ([("seed", "1"), ("extra_body", '{"seed":2,"ratio":"1:1"}')], {"seed": "1", "ratio": "1:1"}),
    "extra_body in brackets": ([("extra_body[seed]", "2"), ("model", "m")], {"seed": "2", "model": "m"}),
    "no extra_body": ([("extra_body", ""), ("model", "m")], {"model": "m"}),
    "nothing": ([], {}),
}


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    """Every way of writing values that says what is meant is read."""
    pairs, expected = READ[name]
    assert nest(pairs) == expected


TYPES: list[Pair] = [("content[][type]", "image_url"), ("content[][type]", "image_url")]
TWO_IMAGES: list[Pair] = [
    *TYPES,
    ("content[][image_url][url]", "https://a"),
    ("content[][image_url][url]", "https://b"),
]

UNCLEAR: dict[str, tuple[list[Pair], str]] = {
    "one role for two images": ([*TWO_IMAGES, ("content[][role]", "first_frame")], "[role]"),
    "one link for two images": (TWO_IMAGES[:3], "[image_url][url]"),
    "a text in an image": ([*TWO_IMAGES, ("content[][text]", "a")], "[text]"),
    "no types, unequal counts": ([("content[][a]", "1"), ("content[][a]", "2"), ("content[][b]", "3")], "[b]"),
    "two values in one object": ([("content[][type]", "x"), ("content[][a]", "1"), ("content[][a]", "2")], "[a]"),
    "lists in several objects": ([*TWO_IMAGES, ("content[][tags][]", "1"), ("content[][tags][]", "2")], "[tags][]"),
    "lists in lists": ([("content[][]", "1"), ("content[][]", "2")], "a value"),
    "scalars and objects": ([("content[]", "1"), ("content[][a]", "2")], "a value"),
    "a role before an image that may end the one before": (
        [
            ("content[][image_url][url]", "https://a"),
            ("content[][type]", "image_url"),
            ("content[][role]", "first_frame"),
            ("content[][image_url][url]", "https://b"),
            ("content[][type]", "image_url"),
        ],
        "[role]",
    ),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_unclear_lists_are_refused(name: str) -> None:
    """What the wire does not say is a 400 that names the list, the key and the way out for either SDK (rule 6)."""
    pairs, what = UNCLEAR[name]
    with pytest.raises(Refusal) as caught:
        nest(pairs)
    assert caught.value.param == "content"
    assert caught.value.message == (
        f"content: the form encoding does not say which element {what} belongs to; send the request as application/json "
        "(openai-python: extra_headers={'Content-Type': 'application/json'}; openai-node: client.post('/videos', {body}))"
    )


WRONG: dict[str, tuple[list[Pair], Problem, str | None]] = {
    "a text twice": ([("model", "a"), ("model", "a")], Problem.INVALID_VALUE, "model"),
    "a text and a file": ([("image", "a"), ("image", FILE)], Problem.INVALID_VALUE, "image"),
    "a value and an object": ([("video", "a"), ("video[id]", "b")], Problem.CONFLICTING_PARAMETERS, "video"),
    "a file and an object": ([("video", FILE), ("video[id]", "b")], Problem.CONFLICTING_PARAMETERS, "video"),
    "a list and an object": ([("a[]", "1"), ("a[b]", "2")], Problem.CONFLICTING_PARAMETERS, "a"),
    "an object in an object": ([("a[b]", "1"), ("a[b][c]", "2")], Problem.CONFLICTING_PARAMETERS, "a[b]"),
    "a gap": ([("a[0]", "1"), ("a[2]", "2")], Problem.INVALID_VALUE, "a"),
    "an open bracket": ([("a[b", "1")], Problem.INVALID_VALUE, "a[b"),
    "a stray bracket": ([("a]b", "1")], Problem.INVALID_VALUE, "a]b"),
    "text behind a bracket": ([("a[b]c", "1")], Problem.INVALID_VALUE, "a[b]c"),
    "no name": ([("[a]", "1")], Problem.INVALID_VALUE, "[a]"),
    "too deep": ([("a" + "[b]" * (MAX_BRACKETS + 1), "1")], Problem.INVALID_VALUE, "a"),
    "too many": ([(f"a{n}", "1") for n in range(MAX_FIELDS + 1)], Problem.INVALID_VALUE, None),
    "broken JSON": ([("metadata", '{"a":')], Problem.INVALID_VALUE, "metadata"),
    "broken JSON list": ([("content", "[1,]")], Problem.INVALID_VALUE, "content"),
    "a key twice in JSON": ([("extra_body", '{"model":"a","model":"b"}')], Problem.INVALID_VALUE, "extra_body"),
    "deep JSON": ([("tools", "[" * 200 + "]" * 200)], Problem.INVALID_VALUE, "tools"),
    "extra_body is a list": ([("extra_body", "[]")], Problem.INVALID_VALUE, "extra_body"),
    "extra_body is a text": ([("extra_body", "a")], Problem.INVALID_VALUE, "extra_body"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_forms_are_refused(name: str) -> None:
    """Contradictions and limits are a 400 that names the field as the caller wrote it."""
    pairs, problem, param = WRONG[name]
    with pytest.raises(Refusal) as caught:
        nest(pairs)
    assert (caught.value.problem, caught.value.param) == (problem, param)
    assert caught.value.status == 400
