"""Embeddings at OpenAI."""

from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import vectors

PATH = "/v1/embeddings"


async def _post(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"model": "e", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_floats_and_base64(strict: httpx.AsyncClient) -> None:
    """Lists of numbers unless base64 is asked for; words are tokens."""
    made = await _post(strict, input=["a b", "c"])
    assert made == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": vectors.vector("a b", 8)},
            {"object": "embedding", "index": 1, "embedding": vectors.vector("c", 8)},
        ],
        "model": "e",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    packed = await _post(strict, input="a b", encoding_format="base64", dimensions=3)
    assert packed["data"][0]["embedding"] == vectors.packed(vectors.vector("a b", 3))


async def test_directives(strict: httpx.AsyncClient) -> None:
    """Floats whatever was asked for, a lost usage, a refusal; they are no part of the text."""
    made = await _post(strict, input="a [[sim:encoding=float]] [[sim:usage=none]]", encoding_format="base64")
    assert made["data"][0]["embedding"] == vectors.vector("a", 8)
    assert "usage" not in made
    refused = await strict.post(PATH, json={"model": "e", "input": "[[sim:refuse=503]]"})
    assert refused.status_code == 503


@pytest.mark.parametrize(("value", "count", "tokens"), [([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3), (["a", "b c"], 2, 3)])
async def test_token_arrays(strict: httpx.AsyncClient, value: Any, count: int, tokens: int) -> None:
    """An array of numbers is one input; an array of such arrays is several."""
    made = await _post(strict, input=value)
    assert (len(made["data"]), made["usage"]["prompt_tokens"]) == (count, tokens)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_required_parameter", "input"),
        ({"input": []}, None, "input"),
        ({"input": ""}, None, "input"),
        ({"input": [{"type": "text"}]}, None, "input"),
        ({"input": ["a", True]}, None, "input"),
        ({"input": ["a"] * 2049}, None, "input"),
        ({"input": "a", "encoding_format": "int8"}, "invalid_value", "encoding_format"),
        ({"input": "a", "dimensions": None}, "invalid_type", "dimensions"),
        ({"input": "a", "instructions": "x"}, "unknown_parameter", "instructions"),
    ],
)
async def test_what_is_refused(strict: httpx.AsyncClient, fields: Any, code: str | None, param: str) -> None:
    """Inputs are strings or token arrays, none of them empty."""
    answer = await strict.post(PATH, json={"model": "e", **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
