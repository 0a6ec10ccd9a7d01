"""Request bodies in every encoding, with true and lying labels."""

from collections.abc import Mapping

import httpx2 as httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import Refusal
from proxy.translate.forms import MAX_FIELDS
from proxy.translate.multipart import read_body
from proxy.translate.wire import Upload

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=XX"


def part(headers: str, data: str | bytes = "") -> bytes:
    """One part of a multipart body whose boundary is XX."""
    return f"--XX\r\n{headers}\r\n\r\n".encode() + (data.encode() if isinstance(data, str) else data) + b"\r\n"


def named(name: str, data: str | bytes = "", more: str = "") -> bytes:
    """A part with a name."""
    return part(f'Content-Disposition: form-data; name="{name}"{more}', data)


def multipart(*parts: bytes) -> bytes:
    """A whole multipart body."""
    return b"".join(parts) + b"--XX--\r\n"


MODEL = named("model", "m")

TRUE: Mapping[str, tuple[str, bytes, Mapping[str, object]]] = {
    "JSON": (JSON, b'{"model":"m","seed":1}', {"model": "m", "seed": 1}),
    "JSON with a character set": (f"{JSON}; charset=UTF-8", b'{"model":"m"}', {"model": "m"}),
    "JSON with a mark": (JSON, b'\xef\xbb\xbf{"model":"m"}', {"model": "m"}),
    "ASCII in whatever set": (f"{JSON}; charset=gb18030", b'{"model":"m"}', {"model": "m"}),
    "multipart": (
        PARTS,
        multipart(MODEL, named("content[][type]", "text")),
        {"model": "m", "content": [{"type": "text"}]},
    ),
    "a quoted boundary": ('Multipart/Form-Data; boundary="XX"', multipart(MODEL), {"model": "m"}),
    "an empty multipart": (PARTS, b"--XX--\r\n", {}),
    "an epilogue": (PARTS, multipart(MODEL) + b"the end", {"model": "m"}),
    "urlencoded": (
        FORM,
        b"model=m&content%5B%5D%5Btype%5D=text&prompt=a+b%26c&",
        {"model": "m", "content": [{"type": "text"}], "prompt": "a b&c"},
    ),
    "urlencoded text beyond ASCII": (FORM, "prompt=猫&x=%E7%8C%AB&y=".encode(), {"prompt": "猫", "x": "猫", "y": ""}),
    "urlencoded, first field with dashes": (FORM, b"--a=1", {"--a": "1"}),
    "nothing": (JSON, b"", {}),
    "nothing at all": ("", b"", {}),
    "an empty form": (PARTS, b"", {}),
    "blanks": (JSON, b" \r\n", {}),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_labels(name: str) -> None:
    """Every encoding is read into the same kind of mapping; a form says that it was one."""
    content_type, raw, expected = TRUE[name]
    body = read_body(content_type, raw)
    assert body.fields == expected
    assert body.raw == raw.removeprefix(b"\xef\xbb\xbf")
    assert body.form == bool(raw and JSON not in content_type)


LYING: Mapping[str, tuple[str, bytes, bool]] = {
    "multipart as JSON, which openai-node sends": (JSON, multipart(MODEL), True),
    "multipart as nothing": ("", multipart(MODEL), True),
    "multipart as urlencoded": (FORM, multipart(MODEL), True),
    "multipart without a boundary": ("multipart/form-data", multipart(MODEL), True),
    "multipart with another boundary": ("multipart/form-data; boundary=YY", multipart(MODEL), True),
    "multipart behind an empty line": (JSON, b"\r\n" + multipart(MODEL), True),
    "JSON as text": ("text/plain;charset=UTF-8", b'{"model":"m"}', False),
    "JSON as nothing": ("", b'{"model":"m"}', False),
    "JSON as urlencoded, which curl -d sends": (FORM, b'\n {"model":"m"}', False),
    "JSON as multipart": (PARTS, b'{"model":"m"}', False),
    "JSON as bytes": ("application/octet-stream", b'{"model":"m"}', False),
    "JSON as something else": ("image/png", b'{"model":"m"}', False),
    "JSON as garbage": (';;="', b'{"model":"m"}', False),
    "JSON of another kind": ("application/vnd.api+json", b'{"model":"m"}', False),
}


@pytest.mark.parametrize("name", LYING)
def test_lying_labels(name: str) -> None:
    """What the bytes are counts, not what the label says."""
    content_type, raw, form = LYING[name]
    body = read_body(content_type, raw)
    assert (body.fields, body.form) == ({"model": "m"}, form)


BAD: Mapping[str, tuple[str, bytes, str]] = {
    "malformed JSON": (JSON, b'{"model":', "not valid JSON"),
    "a JSON list": (JSON, b"[]", "JSON array"),
    "a key twice": (JSON, b'{"model":"a","model":"b"}', "more than once"),
    "NaN": (JSON, b'{"seed":NaN}', "column 9"),
    "bytes that are no UTF-8": (JSON, b'{"a":"\xff"}', "UTF-8"),
    "10,000 brackets": (JSON, b"[" * 10_000, "depth"),
    "text that is no JSON": ("text/plain", b"model=m", "not valid JSON"),
    "another character set": (f"{JSON}; charset=gbk", '{"a":"猫"}'.encode("gbk"), "'gbk'"),
    "another character set in a form": (f"{FORM}; charset=gbk", "a=猫".encode("gbk"), "'gbk'"),
    "a type that is no body": ("image/png", b"\x89PNG", "'image/png'"),
    "multipart that is none": (PARTS, b"model=m", "does not begin with a boundary"),
    "multipart without an end": (PARTS, MODEL, "ends before its closing boundary"),
    "multipart cut in a header": (PARTS, MODEL[:20], "ends before its closing boundary"),
    "multipart cut in its boundary": (PARTS, b"--", "does not begin with a boundary"),
    "multipart with bare line feeds": (PARTS, multipart(MODEL).replace(b"\r\n", b"\n"), "cannot be read"),
    "multipart with a long boundary": ("", b"--" + b"X" * 300, "does not begin with a boundary"),
    "a part without a name": (PARTS, multipart(part("Content-Disposition: form-data", "m")), "no name"),
    "a part with an empty name": (PARTS, multipart(named("", "m")), "no name"),
    "a part without headers": (PARTS, b"--XX\r\n\r\nm\r\n--XX--\r\n", "no name"),
    "a name that is no UTF-8": (
        PARTS,
        multipart(part('Content-Disposition: form-data; name="').replace(b"\r\n\r\n", b'\xff"\r\n\r\n')),
        "name of a part",
    ),
    "a text that is no UTF-8": (PARTS, multipart(named("prompt", b"\xff")), "text of prompt"),
    "a text in another character set": (
        PARTS,
        multipart(named("prompt", b"\xc3\xa8", "\r\nContent-Type: text/plain; charset=gbk")),
        "'gbk'",
    ),
    "an encoded part": (
        PARTS,
        multipart(named("image", "QQ==", '; filename="a"\r\nContent-Transfer-Encoding: base64')),
        "'base64'",
    ),
    "too many parts": (PARTS, multipart(*[named(f"a{n}") for n in range(MAX_FIELDS + 1)]), f"more than {MAX_FIELDS}"),
    "too long a header": (PARTS, multipart(named("a" * 5000)), "cannot be read"),
    "a bare percent sign": (FORM, b"prompt=100% sure", "%25"),
    "half an escape": (FORM, b"prompt=%E7%8", "%25"),
    "an escape that is no UTF-8": (FORM, b"prompt=%E7", "not valid UTF-8"),
    "a field without a value": (FORM, b"model", "name=value"),
    "a field without a name": (FORM, b"=m", "name=value"),
    "too many fields": (FORM, b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS + 5)), f"at most {MAX_FIELDS}"),
    "unclear lists": (
        PARTS,
        multipart(*[named("content[][type]", "text")] * 2, named("content[][text]", "a")),
        "which element",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bodies(name: str) -> None:
    """A body that cannot be read is a 400 that says why."""
    content_type, raw, reason = BAD[name]
    with pytest.raises(Refusal) as caught:
        read_body(content_type, raw)
    assert caught.value.status == 400
    assert reason in caught.value.message


FILES: Mapping[str, tuple[bytes, str | Upload]] = {
    "a file": (
        named("f", b"\x00\xff\r\n--X\r\n", '; filename="a.png"\r\nContent-Type: image/png'),
        Upload(b"\x00\xff\r\n--X\r\n", "a.png", "image/png"),
    ),
    "an empty file": (
        named("f", b"", '; filename=""\r\nContent-Type: application/octet-stream'),
        Upload(b"", "", "application/octet-stream"),
    ),
    "an untyped file": (named("f", b"a", "; filename=upload"), Upload(b"a", "upload", "")),
    "a name beyond ASCII": (named("f", b"a", '; filename="猫.png"'), Upload(b"a", "猫.png", "")),
    "a name of its own kind only": (named("f", b"a", "; filename*=UTF-8''%E7%8C%AB.png"), Upload(b"a", "猫.png", "")),
    "an older set": (named("f", b"a", "; filename*=iso-8859-1'en'%E9.png"), Upload(b"a", "é.png", "")),
    "both names": (named("f", b"a", "; filename*=UTF-8''b.png; filename=a.png"), Upload(b"a", "a.png", "")),
    "a name that only looks like a file's": (
        part("Content-Disposition: form-data; x=\"; filename*=utf-8''a\"; name=f", "a"),
        "a",
    ),
    "a typed text": (named("f", "猫", "\r\nContent-Type: text/plain; charset=utf-8"), "猫"),
    "plain encodings": (named("f", "a", "\r\nContent-Transfer-Encoding: 8bit"), "a"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_and_texts(name: str) -> None:
    """A part with a file name is a file with its bytes, name and type as sent; one without is a text."""
    raw, expected = FILES[name]
    assert read_body(PARTS, multipart(raw)).fields == {"f": expected}


def test_empty_file_beside_an_id() -> None:
    """The empty file that openai-python sends beside `video[id]` does not hide the id."""
    raw = multipart(named("video", b"", '; filename="upload"'), named("video[id]", "cgt-1"))
    assert read_body(PARTS, raw).fields == {"video": {"id": "cgt-1"}}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcxyz_", min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        NAMES, TEXTS | st.binary(max_size=60).map(lambda data: Upload(data, "a b.bin", "video/mp4")), min_size=1
    )
)
def test_what_a_client_encodes_is_read(fields: dict[str, str | Upload]) -> None:
    """A real client's multipart and urlencoded bodies come out as the fields that went in."""
    files = {
        name: (value.filename, value.data, value.content_type)
        for name, value in fields.items()
        if isinstance(value, Upload)
    }
    data = {name: value for name, value in fields.items() if isinstance(value, str)}
    request = httpx.Request("POST", "http://127.0.0.1/", data=data, files=files or None)
    body = read_body(request.headers["content-type"] if fields else "", request.read())
    assert body.fields == fields


TYPES = (
    st.sampled_from([JSON, FORM, PARTS, "multipart/form-data", "text/plain", "", "multipart/form-data; boundary="])
    | st.text()
)
WHOLE = multipart(
    MODEL, named("content[][type]", "text"), named("f", b"\x00", '; filename="a"'), named("metadata", '{"a":1}')
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A multipart body with bytes lost, changed and doubled."""
    raw = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        raw[start : start + draw(st.integers(0, 9))] = draw(
            st.binary(max_size=4) | st.sampled_from([b"--XX", b"\r\n", b'"', b"[", b";"])
        )
    return bytes(raw)


BODIES = (
    st.binary()
    | damaged()
    | st.text('{}[]"=&%:,-\r\n aX', max_size=60).map(str.encode)
    | st.dictionaries(st.text(), st.integers(0, 9) | st.text()).map(orjson.dumps)
)


@settings(max_examples=800, deadline=None)
@given(TYPES, BODIES)
def test_reading_only_refuses(content_type: str, raw: bytes) -> None:
    """Whatever the label and the bytes, the answer is a body or a 400."""
    try:
        body = read_body(content_type, raw)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017  # a refusal is one of the two good ends
    else:
        assert all(isinstance(name, str) for name in body.fields)
