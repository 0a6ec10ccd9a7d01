"""What all routes of the strict dialect share: the key, headers, failures on demand."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx2 as httpx
import pytest

from proxy.simulator import Settings

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
ROUTES = [
    ("POST", "chat/completions"),
    ("POST", "responses"),
    ("GET", "responses/resp_1"),
    ("DELETE", "responses/resp_1"),
    ("GET", "responses/resp_1/input_items"),
    ("POST", "images/generations"),
    ("POST", "images/edits"),
    ("POST", "embeddings"),
    ("POST", "files"),
    ("GET", "files"),
    ("GET", "files/file-1"),
    ("GET", "files/file-1/content"),
    ("DELETE", "files/file-1"),
    ("GET", "models"),
    ("GET", "models/acme/tuned-7b"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_wants_the_key(inside: Inside, method: str, path: str) -> None:
    """Without a key, or with another one than the settings want, the answer is a 401 with a request id."""
    async with inside(Settings(dialect="openai", key="right")) as client:
        for key, code in (("", None), ("Bearer wrong", "invalid_api_key")):
            answer = await client.request(method, f"/v1/{path}", headers={"authorization": key})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
            assert answer.headers["x-request-id"].startswith("req_")
        let_in = await client.request(method, f"/v1/{path}", headers={"authorization": "Bearer right"})
    assert let_in.status_code != 401


async def test_a_stream_has_the_headers_of_every_answer(strict: httpx.AsyncClient) -> None:
    """The SDKs read the request id of streams too."""
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "stream": True}
    answer = await strict.post("/v1/chat/completions", json=body)
    assert {"x-request-id", "openai-processing-ms", "openai-version"} <= set(answer.headers)


@pytest.mark.parametrize(
    ("word", "status"), [("429", 429), ("500-before", 500), ("500-after", 500), ("empty-404", 404)]
)
async def test_failures_on_demand(strict: httpx.AsyncClient, word: str, status: int) -> None:
    """They concern these routes as they do videos; `500-after` comes when the work was done."""
    body = {"model": "m", "messages": [{"role": "user", "content": f"a [[sim:{word}]]"}], "stream": True}
    assert (await strict.post("/v1/chat/completions", json=body)).status_code == status
    counts = (await strict.get("/_sim/counts")).json()
    assert counts.get("chat", 0) == (1 if word == "500-after" else 0)


async def test_a_key_travels_into_the_record(strict: httpx.AsyncClient) -> None:
    """What a gateway sends can be seen, its headers and its body as they were."""
    body = b'{ "model":"m", "input" :"a" }'
    headers = {"content-type": "application/json", "x-client-request-id": "c-1"}
    await strict.post("/v1/embeddings", content=body, headers=headers)
    (seen,) = (await strict.get("/_sim/requests", params={"path": "/v1/embeddings"})).json()
    assert seen["body"].encode() == body
    assert ["x-client-request-id", "c-1"] in seen["headers"]
