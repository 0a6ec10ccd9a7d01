"""Image requests from JSON and forms, and pictures as links."""

import pytest

from proxy.errors import Refusal
from proxy.translate.images.fields import links, read
from proxy.translate.wire import Upload
from tests.support.calling import FORM, form, received
from tests.support.wire import JPEG, PNG, WEBP, data_url


def test_form_scalars() -> None:
    """A form's texts become the types of their fields; unknown ones stay texts."""
    body = form(
        ("model", b"m", None), ("n", b"2", None), ("stream", b"true", None), ("guidance_scale", b"2.5", None),
        ("watermark", b"false", None), ("size", b"auto", None), ("other", b"7", None), ("image", PNG, "a.png"),
    )  # fmt: skip
    assert read(received(body, kind=FORM), files=True) == {
        "model": "m", "n": 2, "stream": True, "guidance_scale": 2.5, "watermark": False, "size": "auto", "other": "7",
        "image": Upload(PNG, "a.png", ""),
    }  # fmt: skip


def test_json_keeps_its_types() -> None:
    """JSON is read as it is, nulls aside."""
    assert read(received({"n": 2, "size": None, "image": "x"}), files=True) == {"n": 2, "image": "x"}


@pytest.mark.parametrize(("name", "files"), [("prompt", True), ("x[y]", True), ("z[]", True), ("image", False)])
def test_files_where_none_belong(name: str, files: bool) -> None:
    """A file in any other field is refused by name."""
    with pytest.raises(Refusal) as refused:
        read(received(form((name, PNG, "a.png")), kind=FORM), files=files)
    assert refused.value.param == name.partition("[")[0]


@pytest.mark.parametrize(("name", "value"), [("n", b"two"), ("stream", b"maybe"), ("guidance_scale", b"x")])
def test_scalars_that_do_not_fit(name: str, value: bytes) -> None:
    """A text that is none of its field's type is refused by name."""
    with pytest.raises(Refusal) as refused:
        read(received(form((name, value, None)), kind=FORM), files=True)
    assert refused.value.param == name


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"image": Upload(PNG, "a.jpg", "image/jpeg")}, [data_url("image/png", PNG)]),
        ({"image": [Upload(JPEG), Upload(WEBP)]}, [data_url("image/jpeg", JPEG), data_url("image/webp", WEBP)]),
        ({"image": " https://a/b.png "}, ["https://a/b.png"]),
        ({"images": [{"image_url": "https://a/1"}, "https://a/2"]}, ["https://a/1", "https://a/2"]),
        ({"image": []}, []),
    ],
)
def test_pictures(fields: dict[str, object], found: list[str]) -> None:
    """Files become data URLs by what their bytes say; links stay links."""
    assert links(fields) == found


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({}, "image", "required"),
        ({"image": Upload(b"", "a.png", "image/png")}, "image", "empty"),
        ({"image": [Upload(PNG), Upload(b"hello", "a.png", "image/png")]}, "image[1]", "no image"),
        ({"images": [{"file_id": "file-1"}]}, "images[0]", "file_id"),
        ({"images": [{}]}, "images[0]", "wanted"),
        ({"image": 7}, "image", "wanted"),
        ({"image": ""}, "image", "wanted"),
    ],
)
def test_pictures_that_are_none(fields: dict[str, object], param: str, words: str) -> None:
    """What is no picture is refused, with its place and the reason."""
    with pytest.raises(Refusal, match=words) as refused:
        links(fields)
    assert refused.value.param == param
