"""Forms to be sent."""

from proxy.translate.videos.openai import parts
from proxy.translate.wire import Part, Upload

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def test_the_sdks_style() -> None:
    """Scalars are strings, objects and lists are brackets, the prompt goes first and files last."""
    members = {
        "input_reference": Upload(PNG, "a.bin", "application/octet-stream"),
        "model": "m",
        "seconds": 4,
        "hd": True,
        "scale": 0.5,
        "none": None,
        "tags": ["a", "b"],
        "items": [{"id": "x"}],
        "metadata": {"a": {"b": False}},
        "prompt": "a cat",
    }
    assert parts.form(members) == (
        Part("prompt", b"a cat"),
        Part("model", b"m"),
        Part("seconds", b"4"),
        Part("hd", b"true"),
        Part("scale", b"0.5"),
        Part("tags[]", b"a"),
        Part("tags[]", b"b"),
        Part("items[][id]", b"x"),
        Part("metadata[a][b]", b"false"),
        Part("input_reference", PNG, "a.bin", "image/png"),
    )


def test_vllms_style() -> None:
    """Objects and lists are JSON texts, and files go behind them."""
    made = parts.flat_form({"model": "m", "prompt": "x", "r": {"a": 1}, "l": [1]}, parts.file("f", b"?", "image/x"))
    assert made == (
        Part("prompt", b"x"),
        Part("model", b"m"),
        Part("r", b'{"a":1}'),
        Part("l", b"[1]"),
        Part("f", b"?", "upload", "image/x"),
    )
    assert parts.file("f", b"?", "").content_type == "application/octet-stream"
