"""Multipart bodies part by part: the same parts however the bytes are split, and bodies that are written as they are read."""

import tracemalloc
from collections.abc import Iterable

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.forms import MAX_FIELDS
from proxy.translate.parts import Data, End, Event, File, FormReader, FormWriter, Text
from tests.support.calling import cut

BOUNDARY = b"XX"
FILE = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n'
TEXT = b'--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
END = b"--XX--\r\n"


def read(chunks: Iterable[bytes], boundary: bytes = BOUNDARY) -> list[Event]:
    """All events of a body, with the pieces of each file put together."""
    reader = FormReader(boundary)
    events: list[Event] = []
    for event in (event for chunk in chunks for event in reader.feed(chunk)):
        last = events[-1] if events else None
        if isinstance(event, Data) and isinstance(last, Data):
            events[-1] = Data(last.data + event.data)
        else:
            events.append(event)
    reader.close()
    return events


names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\%'), min_size=1, max_size=20)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
files = st.lists(
    st.sampled_from([b"", b"x", b"\r", b"\n", b"\r\n", b"--", b"\r\n--XX", b"--X", b"\x00\xff", b"words " * 20]),
    max_size=8,
).map(b"".join)
events = st.lists(
    st.one_of(
        st.builds(Text, names, values),
        st.tuples(names, names, files),
    ),
    max_size=5,
)


@settings(max_examples=150)
@given(wanted=events, places=st.lists(st.integers(0, 10_000), max_size=12))
def test_what_is_written_is_read(wanted: list[Text | tuple[str, str, bytes]], places: list[int]) -> None:
    """Texts and files come out as they went in, at whatever points the bytes are split."""
    writer = FormWriter("arkbridge-1")
    body, expected = b"", list[Event]()
    for part in wanted:
        if isinstance(part, Text):
            body += writer.text(part.name, part.value)
            expected.append(part)
        else:
            name, filename, data = part
            body += writer.file(name, filename, "image/png") + data + writer.end()
            expected += [File(name, filename, "image/png"), *([Data(data)] if data else []), End()]
    body += writer.close()
    assert read(cut(body, places), b"arkbridge-1") == expected


def test_every_split_point() -> None:
    """A boundary, a header or a line end that is torn apart anywhere is still one."""
    data = b"\r\n--X \r\n-- \r\n--XX? \r\r\n" + b"--XY"
    body = TEXT + FILE + data + b"\r\n" + TEXT + END
    whole = [Text("purpose", "user_data"), File("file", "a.bin", "image/png"), Data(data), End()]
    for place in range(len(body) + 1):
        assert read([body[:place], body[place:]]) == [*whole, Text("purpose", "user_data")]


def test_byte_by_byte() -> None:
    """One byte at a time is enough."""
    body = FILE + b"data" + b"\r\n" + END
    assert read([bytes([byte]) for byte in body]) == [File("file", "a.bin", "image/png"), Data(b"data"), End()]


def test_as_the_sdks_write_them() -> None:
    """What the SDKs' HTTP client writes, awkward names included, is read, and written again in the same way."""
    awkward = 'é"x\\y.png'
    sent = httpx.Request("POST", "http://x", files={"file": (awkward, b"bytes", "image/png")}, data={"a[b]": "c"})
    boundary = sent.headers["content-type"].partition("boundary=")[2]
    events = read([sent.read()], boundary.encode())
    assert events == [Text("a[b]", "c"), File("file", "é%22x\\y.png", "image/png"), Data(b"bytes"), End()]
    writer = FormWriter(boundary)
    again = writer.text("a[b]", "c") + writer.file("file", awkward, "image/png") + b"bytes" + writer.end()
    assert again + writer.close() == sent.content
    assert writer.content_type == sent.headers["content-type"]


@pytest.mark.parametrize("kind", ["", "text/x\nX-Injected: 1", "a/b\r\nc: d", "é/ü", "x" * 300])
def test_a_type_that_is_none(kind: str) -> None:
    """A claimed type that cannot stand in a header does not: nothing can be smuggled into the upstream's form."""
    head = FormWriter("B").file("file", "a", kind)
    assert head == (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
    )


@pytest.mark.parametrize("name", ['a"\r\nb', "a\nb", "a\x00b\x7f"])
def test_names_stay_in_their_header(name: str) -> None:
    """Neither a field's nor a file's name can end the header that it stands in."""
    for head in (FormWriter("B").text(name, ""), FormWriter("B").file("f", name, "a/b")):
        assert head.count(b"\r\n\r\n") == 1
        assert b"\n" not in head.replace(b"\r\n", b"")
        assert head.partition(b"\r\n\r\n")[0].count(b'"') in (2, 4)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (TEXT, "cut off"),
        (TEXT + FILE + b"data", "cut off"),
        (b"", "cut off"),
        (b"--XY\r\n", "cannot be read"),
        (b"--XX\r\nno header\r\n\r\n", "cannot be read"),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, "no name"),
        (TEXT.replace(b"user_data", b"\xff") + END, "not valid UTF-8"),
        (FILE.replace(b"image/png", b"x\r\nContent-Transfer-Encoding: base64") + b"eA==\r\n" + END, "base64"),
        (TEXT * (MAX_FIELDS + 1), "fields"),
    ],
)
def test_what_cannot_be_read(body: bytes, words: str) -> None:
    """What is no form, or ends before it should, is the caller's mistake."""
    with pytest.raises(Refusal, match=words) as caught:
        read([body])
    assert caught.value.problem is Problem.INVALID_VALUE


def test_a_boundary_that_is_too_long() -> None:
    """A boundary that no form may have is a refusal like any other."""
    with pytest.raises(Refusal, match="Boundary length"):
        FormReader(b"x" * 10_000)


def test_texts_are_bounded() -> None:
    """All texts together have a limit, of which a file takes nothing."""
    reader = FormReader(BOUNDARY, longest=20)
    reader.feed(TEXT + FILE + b"x" * 1000 + b"\r\n" + TEXT)
    with pytest.raises(Refusal, match="more than 20 bytes") as caught:
        reader.feed(b'--XX\r\nContent-Disposition: form-data; name="late"\r\n\r\nxxx')
    assert (caught.value.problem, caught.value.param) == (Problem.TOO_LARGE, "late")


def test_a_file_is_not_gathered() -> None:
    """A file's bytes leave with the chunk that they came in: memory does not grow with them."""
    reader, chunk = FormReader(BOUNDARY), bytes(1024 * 1024)
    reader.feed(FILE)
    tracemalloc.start()
    try:
        for _ in range(30):
            assert sum(len(event.data) for event in reader.feed(chunk) if isinstance(event, Data)) == len(chunk)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(chunk)
    finally:
        tracemalloc.stop()
