"""Checking bodies against tables."""

from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.types import Message

from proxy.simulator.openai import params, ways
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Refusal

TABLE = params.table(
    string="name title?",
    integer="count?",
    decimal="ratio",
    boolean="flag",
    array="items",
    object="extra?",
    texts="stop?",
)
STRICT = Ways(ways.of_openai, models=(), owner="o", strict=True)
LOOSE = Ways(ways.of_openai, models=(), owner="o")
JSON = "application/json"


def _request(body: bytes, content_type: str = JSON) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return Request({"type": "http", "headers": [(b"content-type", content_type.encode())]}, receive)


def _error(refusal: Refusal) -> dict[str, Any]:
    error: dict[str, Any] = orjson.loads(bytes(refusal.response.body))["error"]
    return error


def test_a_table_says_the_kind_and_whether_null_is_allowed() -> None:
    """Kinds are those of the refusals' sentences."""
    assert dict(TABLE) == {
        "name": "a string",
        "title": "a string?",
        "count": "an integer?",
        "ratio": "a decimal",
        "flag": "a boolean",
        "items": "an array",
        "extra": "an object?",
        "stop": "one of a string and an array?",
    }


async def test_good_bodies_lose_their_nulls() -> None:
    """Every kind is taken as it is; what is null is as good as absent."""
    body: dict[str, Any] = {
        "name": "a",
        "title": None,
        "count": 1,
        "ratio": 1,
        "flag": True,
        "items": [],
        "extra": {},
        "stop": ["x"],
    }
    found = await params.read(_request(orjson.dumps(body)), TABLE, STRICT)
    assert found == {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("body", "code", "param", "text"),
    [
        ({"other": 1}, "unknown_parameter", "other", "Unknown parameter: 'other'."),
        ({"name": None}, "invalid_type", "name", "expected a string, but got null instead"),
        ({"count": "1"}, "invalid_type", "count", "expected an integer, but got a string instead"),
        ({"count": 1.5}, "invalid_type", "count", "expected an integer, but got a decimal instead"),
        ({"count": True}, "invalid_type", "count", "expected an integer, but got a boolean instead"),
        ({"flag": 1}, "invalid_type", "flag", "expected a boolean, but got an integer instead"),
        ({"items": {}}, "invalid_type", "items", "expected an array, but got an object instead"),
    ],
)
async def test_what_a_strict_server_refuses(body: dict[str, Any], code: str, param: str, text: str) -> None:
    """Unknown names, wrong types, and nulls where the SDK's types have none."""
    with pytest.raises(Refusal) as caught:
        await params.read(_request(orjson.dumps(body)), TABLE, STRICT)
    error = _error(caught.value)
    assert (error["code"], error["param"]) == (code, param)
    assert text in error["message"]


async def test_what_the_others_let_pass() -> None:
    """Unknown names and nulls, but not wrong types."""
    found = await params.read(_request(b'{"other": 1, "name": null}', "text/plain"), TABLE, LOOSE)
    assert found == {"other": 1}
    with pytest.raises(Refusal):
        await params.read(_request(b'{"name": 1}'), TABLE, LOOSE)


@pytest.mark.parametrize(("body", "content_type"), [(b"{", JSON), (b"[]", JSON), (b"{}", "multipart/form-data")])
async def test_bodies_that_cannot_be_read(body: bytes, content_type: str) -> None:
    """A strict server takes JSON under its own name only."""
    with pytest.raises(Refusal) as caught:
        await params.read(_request(body, content_type), TABLE, STRICT)
    assert caught.value.response.status_code == 400


def test_words_and_ranges() -> None:
    """A value outside is refused by name, an absent one is None."""
    assert params.one_of({"a": "x"}, "a", ("x", "y"), STRICT) == "x"
    assert params.one_of({}, "a", ("x",), STRICT) is None
    assert params.within({"a": 0.5}, "a", 0, 1, STRICT) == 0.5
    assert (params.whole({"a": 3}, "a", 1, 3, STRICT), params.whole({}, "a", 1, 3, STRICT)) == (3, None)
    for refuse in (
        lambda: params.one_of({"a": "z"}, "a", ("x", "y"), STRICT),
        lambda: params.within({"a": 1.1}, "a", 0, 1, STRICT),
        lambda: params.whole({"a": 4}, "a", 1, 3, STRICT),
    ):
        with pytest.raises(Refusal) as caught:
            refuse()
        assert _error(caught.value)["param"] == "a"
