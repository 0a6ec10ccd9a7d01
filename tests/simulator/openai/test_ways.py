"""How the OpenAI-like servers differ on their common routes, judged through those routes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import Settings
from proxy.simulator.openai.vllm_omni import SERVED_MODEL
from tests.simulator.events import chunks, parse, text

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
CHAT = "/v1/chat/completions"
HI = {"model": "m", "messages": [{"role": "user", "content": "a b"}]}
LOOSE = ["newapi", "newapi-rc30", "vllm-omni", "sglang"]


def _error(dialect: str, value: dict[str, Any]) -> dict[str, Any]:
    """The error of an answer without what differs from one to the next."""
    if dialect == "sglang":
        return {"detail": value["detail"]}
    error: dict[str, Any] = value["error"]
    if dialect.startswith("newapi"):
        error["message"] = error["message"].partition(" (request id: 02")[0]
    return error


@pytest.mark.parametrize(
    ("dialect", "status", "expected"),
    [
        ("openai", 403, {"message": "The request failed.", "type": "permission_error", "param": None, "code": "c"}),
        ("openai", 503, {"message": "The request failed.", "type": "server_error", "param": None, "code": "c"}),
        ("vllm-omni", 400, {"message": "The request failed.", "type": "BadRequestError", "param": None, "code": 400}),
        ("sglang", 400, {"detail": "The request failed."}),
        ("newapi", 400, {"message": "The request failed.", "type": "new_api_error", "param": "", "code": "c"}),
    ],
)
async def test_each_refuses_in_its_own_envelope(
    inside: Inside, dialect: str, status: int, expected: dict[str, Any]
) -> None:
    """The same refusal looks like the server that is played."""
    said = [{"role": "user", "content": f"[[sim:refuse={status}:c]]"}]
    async with inside(Settings(dialect=dialect)) as client:
        answer = await client.post(CHAT, json={"model": "m", "messages": said})
    assert (answer.status_code, _error(dialect, answer.json())) == (status, expected)


@pytest.mark.parametrize("dialect", LOOSE)
async def test_the_others_are_not_strict(inside: Inside, dialect: str) -> None:
    """They let unknown parameters, nulls and videos pass, and count and stream alike."""
    content = [{"type": "text", "text": "a b"}, {"type": "video_url", "video_url": {"url": "https://a/v"}}]
    body: dict[str, Any] = {
        **HI,
        "messages": [{"role": "user", "content": content}],
        "thinking": {},
        "tools": None,
        "user": None,
    }
    async with inside(Settings(dialect=dialect)) as client:
        made = (await client.post(CHAT, json=body)).json()
        found = chunks(await client.post(CHAT, json=body | {"stream": True, "stream_options": {"include_usage": True}}))
    assert made["choices"][0]["message"]["content"] == text(found) == "a b\n<video_url https://a/v>"
    assert made["usage"]["prompt_tokens"] == found[-1]["usage"]["prompt_tokens"] == 66
    assert made["model"] == (SERVED_MODEL if dialect == "vllm-omni" else "m")
    assert "service_tier" not in made


@pytest.mark.parametrize("dialect", LOOSE)
async def test_they_have_chat_embeddings_and_models_only(inside: Inside, dialect: str) -> None:
    """Their models can be retrieved; the routes of OpenAI that are left are not there."""
    async with inside(Settings(dialect=dialect)) as client:
        listed = (await client.get("/v1/models")).json()["data"]
        assert [(await client.get(f"/v1/models/{row['id']}")).json() for row in listed] == listed != []
        made = (await client.post("/v1/embeddings", json={"model": "e", "input": "a"})).json()
        assert len(made["data"][0]["embedding"]) == 8
        for path in ("/v1/responses", "/v1/images/generations", "/v1/files"):
            assert (await client.post(path, json={})).status_code == 404


@pytest.mark.parametrize("dialect", LOOSE)
async def test_an_error_inside_a_stream_is_an_object(inside: Inside, dialect: str) -> None:
    """Whatever their envelopes, the SDKs look for `error`."""
    said = [{"role": "user", "content": "[[sim:stream-error=0]]"}]
    async with inside(Settings(dialect=dialect)) as client:
        answer = await client.post(CHAT, json={"model": "m", "messages": said, "stream": True})
    ((_, data),) = parse(answer.content)
    assert data["error"]["message"]


@pytest.mark.parametrize(("dialect", "status"), [("openai", 401), ("newapi", 401), ("vllm-omni", 401), ("sglang", 401)])
async def test_a_wrong_key(inside: Inside, dialect: str, status: int) -> None:
    """The common routes stand behind each server's own check."""
    async with inside(Settings(dialect=dialect, key="right")) as client:
        assert (await client.post(CHAT, json=HI)).status_code == status
        right = await client.post(CHAT, json=HI, headers={"authorization": "Bearer right"})
    assert right.status_code == 200


@pytest.mark.parametrize("dialect", ["openai", *LOOSE])
async def test_an_unknown_model(inside: Inside, dialect: str) -> None:
    """A name that begins with `no-such-` is a 404, at every server."""
    async with inside(Settings(dialect=dialect)) as client:
        for path, body in ((CHAT, HI), ("/v1/embeddings", {"input": "a"})):
            assert (await client.post(path, json=body | {"model": "no-such-1"})).status_code == 404
