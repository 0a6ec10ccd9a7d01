"""Uploads in flight: translated at every split point and in every order, a file's bytes untouched, nothing sent that should not be."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.translate.calls import CallRequest
from proxy.translate.files import LARGEST, FilesOutbound, Target, ark, openai
from proxy.translate.files.relay import MOST_TEXT, Relay, too_large, written
from proxy.translate.multipart import read_body
from proxy.translate.parts import FormWriter
from proxy.translate.wire import Upload
from tests.support.calling import ARK, OPENAI, cut, received

NOW = 1_795_000_000
OUTBOUND: Mapping[str, FilesOutbound] = {"ark": ark.OUTBOUND, "openai": openai.OUTBOUND}
DIALECTS = {"ark": ARK, "openai": OPENAI}
DATA = b"\r\n--X\x00\xff\r\n--" * 50


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    """One part of a caller's form."""
    more = b"" if filename is None else b'; filename="%s"\r\nContent-Type: image/png' % filename.encode()
    return b'--CALLER\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), more, data)


PARTS = [
    part("purpose", b"vision"),
    part("expires_after[anchor]", b"created_at"),
    part("expires_after[seconds]", b"3600"),
    part("file", DATA, "a.png"),
]
WANTED = {"purpose": "user_data", "expire_at": str(NOW + 3600), "file": Upload(DATA, "a.png", "image/png")}


def relay(upstream: str, caller: str = "openai", largest: int = LARGEST) -> Relay:
    """An upload from a caller to an upstream."""
    asked = CallRequest(model="", dialect=DIALECTS[caller], received=received())
    fields = OUTBOUND[upstream].fields(asked, Target(NOW, str))
    return Relay(b"CALLER", fields, FormWriter("ours"), largest)


def through(passing: Relay, chunks: Iterable[bytes]) -> bytes:
    """What the upstream gets."""
    return b"".join([passing.feed(chunk) for chunk in chunks]) + passing.close()


def read(body: bytes) -> dict[str, object]:
    """The fields that the upstream reads."""
    assert b"CALLER" not in body
    return dict(read_body("multipart/form-data; boundary=ours", body).fields)


@settings(max_examples=100)
@given(parts=st.permutations(PARTS), places=st.lists(st.integers(0, 10_000), max_size=10))
def test_any_order_and_any_split(parts: list[bytes], places: list[int]) -> None:
    """The parts may come in any order, fields behind the file too, and the bytes in any pieces."""
    body = b"".join(parts) + b"--CALLER--\r\n"
    assert read(through(relay("ark"), cut(body, places))) == WANTED


def test_nothing_is_held_back() -> None:
    """What has come of a file leaves with the same chunk, and what comes behind it later."""
    passing = relay("ark")
    first = passing.feed(PARTS[0] + PARTS[3][:-200])
    assert passing.has_file
    assert DATA[: len(DATA) - 250] in first
    assert passing.feed(b"") == b""
    rest = passing.feed(PARTS[3][-200:] + PARTS[2] + b"--CALLER--\r\n") + passing.close()
    assert read(first + rest) == WANTED


@pytest.mark.parametrize("family", DIALECTS)
def test_between_equals(family: str) -> None:
    """Between a caller and an upstream of one dialect every part goes on as it is, in a form of ours."""
    odd = [part("whatever[]", b"1"), part("whatever[]", b"2"), part("file", b"", "")]
    said = read(through(relay(family, family), [b"".join(odd) + b"--CALLER--\r\n"]))
    assert said == {"whatever": ["1", "2"], "file": Upload(b"", "", "image/png")}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (part("file", b"x" * 11, "a"), Problem.TOO_LARGE),
        (part("file", b"x", "a"), Problem.INVALID_VALUE),
        (part("file", b"x", "a")[:-3], Problem.INVALID_VALUE),
        (part("expires_after[anchor]", b"created_at") + b"--CALLER--\r\n", Problem.MISSING_PARAMETER),
        (part("a", b"x" * (MOST_TEXT + 1)), Problem.TOO_LARGE),
        (part("image", b"x", "a") + b"--CALLER--\r\n", Problem.INVALID_VALUE),
    ],
)
def test_what_may_not_go_on(body: bytes, problem: Problem) -> None:
    """A file that is too large, a body that is cut off and fields that make no sense end the upload before its end."""
    with pytest.raises(Refusal) as caught:
        through(relay("ark", largest=10), [body])
    assert caught.value.problem is problem


def test_the_limit_is_told() -> None:
    """Whoever sends too much learns how much that is and how much would do."""
    assert "600 bytes; the limit for one file is 500 bytes" in too_large(500, 600).message
    assert "more than 500 bytes" in too_large(500, 0).message


def test_json() -> None:
    """What came as JSON reaches another dialect as the form that its SDKs send; nulls are absent."""
    asked = CallRequest(model="", dialect=OPENAI, received=received())
    fields = ark.OUTBOUND.fields(asked, Target(NOW, str))
    body = {
        "url": "https://example.com/a.mp4",
        "purpose": "vision",
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "preprocess_configs": {"video": {"fps": 0.5, "model": None}},
        "flags": [True, False],
        "tos": None,
    }
    assert read(written(fields, body, FormWriter("ours"))) == {
        "url": "https://example.com/a.mp4",
        "purpose": "user_data",
        "expire_at": str(NOW + 60),
        "preprocess_configs": {"video": {"fps": "0.5"}},
        "flags": ["true", "false"],
    }


def test_json_that_is_no_upload() -> None:
    """Fields are checked there as in a form."""
    asked = CallRequest(model="", dialect=ARK, received=received())
    with pytest.raises(Refusal, match="address"):
        written(openai.OUTBOUND.fields(asked, Target(NOW, str)), {"url": "https://example.com"}, FormWriter("ours"))
