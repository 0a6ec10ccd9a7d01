"""What all Ark routes share: the key, the body, request ids."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest

from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
ROUTES = [
    ("POST", "chat/completions"),
    ("POST", "bots/chat/completions"),
    ("POST", "context/create"),
    ("POST", "context/chat/completions"),
    ("POST", "batch/chat/completions"),
    ("POST", "batch/embeddings"),
    ("POST", "batch/embeddings/multimodal"),
    ("POST", "responses"),
    ("GET", "responses/resp_1"),
    ("DELETE", "responses/resp_1"),
    ("GET", "responses/resp_1/input_items"),
    ("POST", "images/generations"),
    ("POST", "embeddings"),
    ("POST", "embeddings/multimodal"),
    ("POST", "tokenization"),
    ("POST", "files"),
    ("GET", "files"),
    ("GET", "files/file-1"),
    ("DELETE", "files/file-1"),
    ("GET", "models"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_wants_the_key(inside: Inside, method: str, path: str) -> None:
    """Without a key, or with another one than the settings want, nothing is looked at."""
    async with inside(Settings(key="right")) as client:
        for key in ("", "Bearer wrong"):
            answer = await client.request(method, f"/api/v3/{path}", headers={"authorization": key})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["type"]) == (401, "AuthenticationError", "Unauthorized")
        let_in = await client.request(method, f"/api/v3/{path}", headers={"authorization": "Bearer right"})
        assert let_in.status_code != 401
        assert let_in.headers["x-request-id"].startswith("02")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
async def test_a_body_that_cannot_be_read(client: httpx.AsyncClient, body: bytes) -> None:
    """What is no JSON object is a 400 in Ark's envelope."""
    answer = await client.post("/api/v3/chat/completions", content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (400, "InvalidParameter", "BadRequest")


@pytest.mark.parametrize("path", ["files/file-1/content", "images/edits", "models/x", "chat", "classification"])
async def test_what_ark_does_not_have(client: httpx.AsyncClient, path: str) -> None:
    """An unknown path is Ark's own 404."""
    answer = await client.get(f"/api/v3/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidAction")


async def test_faults_concern_these_routes_too(client: httpx.AsyncClient) -> None:
    """The failures on demand of a prompt, and a refusal with any status and code."""
    body = {"model": "m", "messages": [{"role": "user", "content": "a [[sim:429]]"}]}
    limited = await client.post("/api/v3/chat/completions", json=body)
    body["messages"] = [{"role": "user", "content": "a [[sim:refuse=403:AccountOverdueError]]"}]
    refused = await client.post("/api/v3/chat/completions", json=body)
    assert (limited.status_code, limited.json()["error"]["type"]) == (429, "TooManyRequests")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["type"]) == (403, "AccountOverdueError", "Forbidden")


async def test_headers_are_recorded(client: httpx.AsyncClient) -> None:
    """What a gateway passes on can be seen, the key included."""
    headers = {
        "ark-beta-mcp": "true",
        "x-client-request-id": "20261124",
        "x-is-encrypted": "true",
        "x-session-token": "t",
    }
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    await client.post("/api/v3/chat/completions", json=body, headers=headers)
    (recorded,) = (await client.get("/_sim/requests")).json()
    seen = dict(recorded["headers"])
    assert {name: seen[name] for name in headers} == headers
    assert seen["authorization"] == "Bearer any-key"
