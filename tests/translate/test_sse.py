"""Events out of bytes, however these are cut, and data changed where it stands."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.translate.sse import Splitter, data_of, event, name_of, with_data
from tests.support.calling import cut

PIECES = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: {}", b"data:x", b": note", b"event: a", b"z"]
    ),
    max_size=14,
)


def split(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    """The events of a stream, and what is left at its end."""
    splitter = Splitter()
    return [event for chunk in chunks for event in splitter.feed(chunk)], splitter.close()


def lines_of(stream: bytes) -> list[bytes]:
    """The lines of a stream with their ends, by walking it: CRLF, LF and CR end one."""
    lines, line = [], b""
    for place in range(len(stream)):
        byte = stream[place : place + 1]
        line += byte
        if byte == b"\n" or (byte == b"\r" and stream[place + 1 : place + 2] != b"\n"):
            lines.append(line)
            line = b""
    return [*lines, line] if line else lines


def events_of(stream: bytes) -> tuple[list[bytes], bytes]:
    """What the standard says: an event goes up to and with the blank line after it; a blank line that follows nothing begins the next."""
    events, held, lines = [], b"", 0
    for line in lines_of(stream):
        held += line
        lines += 1
        if lines > 1 and not line.strip(b"\r\n"):
            events.append(held)
            held, lines = b"", 0
    return events, held


@given(PIECES, st.lists(st.integers(0, 200), max_size=6))
def test_split_points_do_not_matter(pieces: list[bytes], places: list[int]) -> None:
    """However a stream is cut, the same events come out, and together they are its bytes."""
    stream = b"".join(pieces)
    whole, rest = split([stream])
    again, left = split(cut(stream, places))
    assert b"".join(whole) + rest == stream
    if not stream.endswith(b"\r"):
        assert (again, left) == (whole, rest)
    assert b"".join(again) + left == stream


@given(PIECES)
def test_boundaries_are_blank_lines(pieces: list[bytes]) -> None:
    """An event ends with the first blank line behind it, whatever ends the lines; a CR at the very end may be half of a CRLF."""
    stream = b"".join(pieces) + b"data: z"
    assert split([stream]) == events_of(stream)


def test_every_split_point() -> None:
    """A stream with all kinds of line ends gives the same events at every single split point."""
    stream = (
        b": hello\r\n\r\ndata: 1\r\n\r\ndata: 2\n\nevent: x\rdata: 3\r\rdata: a\ndata: b\n\n\ndata: [DONE]\n\ndata: cut"
    )
    whole = split([stream])
    assert len(whole[0]) == 6
    assert all(split([stream[:at], stream[at:]]) == whole for at in range(len(stream) + 1))
    assert split([stream[at : at + 1] for at in range(len(stream))]) == whole


def test_event_is_not_held_back() -> None:
    """An event leaves with the byte that completes it, so that the first one is never delayed."""
    for stream in (b"data: 1\n\n", b"data: 1\r\n\r\n", b"data: 1\r\n\n"):
        splitter = Splitter()
        assert all(splitter.feed(stream[at : at + 1]) == [] for at in range(len(stream) - 1))
        assert splitter.feed(stream[-1:]) == [stream]


def test_event_that_is_too_long() -> None:
    """An event longer than is held passes in pieces, and the events behind it are whole again."""
    splitter = Splitter(longest=10)
    out = splitter.feed(b"data: 0123456789") + splitter.feed(b"ab\n\ndata: 1\n\n")
    assert out == [b"data: 0123456789", b"ab\n\n", b"data: 1\n\n"]


def test_data() -> None:
    """Data lines are joined, in every spelling; comments and other fields are no data."""
    assert data_of(b"data: {}\n\n") == b"{}"
    assert data_of(b"data:{}\r\n\r\n") == b"{}"
    assert data_of(b'data: {\ndata: "a":1}\n\n') == b'{\n"a":1}'
    assert data_of(b"id: 4\rdata: x\rretry: 1\r\r") == b"x"
    assert data_of(b"\xef\xbb\xbfdata: x\n\n") == b"x"
    assert data_of(b"data: x") == b"x"
    assert data_of(b": data: x\n\n") == b""
    assert data_of(b"event: ping\n\n") == b""


def test_name() -> None:
    """The event's name is found on whichever line it stands, and nowhere inside the data."""
    assert name_of(b"event: a.b\ndata: {}\n\n") == b"a.b"
    assert name_of(b"data: {}\r\nevent:a\r\n\r\n") == b"a"
    assert name_of(b'data: {"x":"event: no"}\n\n') == b""


def test_data_is_changed_in_place() -> None:
    """Only the data changes where it is one line; data on several lines keeps the event's other lines."""
    assert with_data(b'id: 1\r\ndata:  {"a":1}  \r\n\r\n', b'{"a":1}', b"{}") == b"id: 1\r\ndata:  {}  \r\n\r\n"
    torn = b'event: e\ndata: {"a":1,\ndata: "b":2}\n\n'
    assert with_data(torn, data_of(torn), b'{"a":1,\n"b":3}') == b'event: e\ndata: {"a":1,\ndata: "b":3}\n\n'


def test_event() -> None:
    """An event of our own has its name first."""
    assert event(b"{}") == b"data: {}\n\n"
    assert event(b"{}", b"a") == b"event: a\ndata: {}\n\n"
