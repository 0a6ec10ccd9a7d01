"""Embeddings and tokenization at Ark."""

from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import vectors

M = "doubao-embedding"


async def _post(client: httpx.AsyncClient, path: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/v3/{path}", json={"model": M, **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


@pytest.mark.parametrize("path", ["embeddings", "batch/embeddings"])
async def test_texts(client: httpx.AsyncClient, path: str) -> None:
    """One vector for each string, with an id and a time that OpenAI's have not."""
    made = await _post(client, path, input=["a b", "c"], encoding_format=None)
    assert made.pop("id").startswith("02")
    assert made == {
        "created": 1_795_000_000,
        "data": [
            {"embedding": vectors.vector("a b", 8), "index": 0, "object": "embedding"},
            {"embedding": vectors.vector("c", 8), "index": 1, "object": "embedding"},
        ],
        "model": M,
        "object": "list",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


async def test_encodings(client: httpx.AsyncClient) -> None:
    """Base64 where it is asked for, but not where the upstream is told to ignore that; dimensions as asked."""
    made = await _post(client, "embeddings", input="a", encoding_format="base64", dimensions=4)
    assert made["data"][0]["embedding"] == vectors.packed(vectors.vector("a", 4))
    ignored = await _post(client, "embeddings", input="a [[sim:encoding=float]]", encoding_format="base64")
    assert ignored["data"][0]["embedding"] == vectors.vector("a", 8)


@pytest.mark.parametrize("path", ["embeddings/multimodal", "batch/embeddings/multimodal"])
async def test_media(client: httpx.AsyncClient, path: str) -> None:
    """One vector for all parts, in an object; text and image tokens apart."""
    image = {"type": "image_url", "image_url": {"url": "https://a/i.png"}}
    made = await _post(client, path, input=[{"type": "text", "text": "a b"}, image])
    whole = vectors.vector("a b\n<image_url https://a/i.png>", 8)
    assert made["data"] == {"embedding": whole, "object": "embedding"}
    details = {"text_tokens": 2, "image_tokens": 64}
    assert made["usage"] == {"prompt_tokens": 66, "total_tokens": 66, "prompt_tokens_details": details}


async def test_one_text_is_the_same_either_way(client: httpx.AsyncClient) -> None:
    """A text alone has the vector that the route for texts gives it; further vectors come when they are enabled."""
    on = {"type": "enabled"}
    text = {"type": "text", "text": "a"}
    made = await _post(client, "embeddings/multimodal", input=[text], sparse_embedding=on, multi_embedding=on)
    vector = vectors.vector("a", 8)
    assert made["data"]["embedding"] == vector
    assert made["data"]["multi_embedding"] == [vector]
    assert made["data"]["sparse_embedding"] == [
        {"index": at, "value": value} for at, value in enumerate(vector) if value > 0
    ]


@pytest.mark.parametrize(
    ("path", "fields", "code", "param"),
    [
        ("embeddings", {}, "MissingParameter", "input"),
        ("embeddings", {"input": []}, "InvalidParameter", "input"),
        ("embeddings", {"input": [{"type": "text", "text": "a"}]}, "InvalidParameter", "input[0]"),
        ("embeddings", {"input": [1, 2]}, "InvalidParameter", "input[0]"),
        ("embeddings", {"input": ["a", [1]]}, "InvalidParameter", "input[1]"),
        ("embeddings", {"input": ["a"] * 257}, "InvalidParameter", "input"),
        ("embeddings", {"input": "a", "encoding_format": "int8"}, "InvalidParameter", "encoding_format"),
        ("embeddings", {"input": "a", "dimensions": 0}, "InvalidParameter", "dimensions"),
        ("embeddings/multimodal", {}, "MissingParameter", "input"),
        ("embeddings/multimodal", {"input": "a"}, "InvalidParameter", "input"),
        ("embeddings/multimodal", {"input": ["a"]}, "InvalidParameter", "input[0]"),
        ("embeddings/multimodal", {"input": [{"type": "audio"}]}, "InvalidParameter", "input[0].type"),
        ("embeddings/multimodal", {"input": [{"type": "image_url"}]}, "MissingParameter", "input[0].image_url"),
        (
            "embeddings/multimodal",
            {"input": [{"type": "text", "text": "a"}], "sparse_embedding": True},
            "InvalidParameter",
            "sparse_embedding",
        ),
        ("tokenization", {}, "MissingParameter", "text"),
        ("tokenization", {"text": [1]}, "InvalidParameter", "text[0]"),
    ],
)
async def test_what_is_refused(
    client: httpx.AsyncClient, path: str, fields: dict[str, Any], code: str, param: str
) -> None:
    """Each refusal is a 400 that names the place."""
    answer = await client.post(f"/api/v3/{path}", json={"model": M, **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


async def test_tokenization(client: httpx.AsyncClient) -> None:
    """Words, where they stand, and the same number for the same word."""
    made = await _post(client, "tokenization", text=["one two one", ""])
    first, second = made["data"]
    assert (made["object"], made["model"], "usage" in made) == ("list", M, False)
    assert (first["total_tokens"], first["offset_mapping"]) == (3, [[0, 3], [4, 7], [8, 11]])
    assert first["token_ids"][0] == first["token_ids"][2] != first["token_ids"][1]
    assert second == {
        "index": 1,
        "object": "tokenization",
        "total_tokens": 0,
        "token_ids": [],
        "offset_mapping": [],
    }
