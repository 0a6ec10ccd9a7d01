"""Drives the openai package: `python -m tests.sdk.drivers.openai_py` in an environment that has it."""

import functools
import hashlib
from typing import Any

import openai  # type: ignore[import-not-found]  # it lives in an environment of its own (tests/sdk/openai-py-*)

from tests.sdk.drivers.loop import Command, Handler, Trace, serve, with_files

TRACE = Trace()
CAUGHT = (openai.OpenAIError, RuntimeError, TypeError, ValueError)


@functools.cache
def _client(base_url: str, key: str, max_retries: int) -> Any:
    http_client = openai.DefaultHttpxClient(event_hooks={"response": [TRACE.record]})
    return openai.OpenAI(base_url=base_url, api_key=key, max_retries=max_retries, http_client=http_client)


def _videos(command: Command) -> Any:
    return _client(command["base_url"], command["key"], command.get("max_retries", 0)).videos


def _plain(model: Any) -> object:
    return {**model.to_dict(mode="json"), "_request_id": model._request_id}


def _call(method: str, command: Command) -> object:
    return _plain(getattr(_videos(command), method)(**with_files(command["args"])))


def _poll(command: Command) -> object:
    return _videos(command).poll(**command["args"]).to_dict(mode="json")


def _list_all(command: Command) -> object:
    """Every video of every page, as a program's `for video in client.videos.list()` sees them."""
    return [video.to_dict(mode="json") for video in _videos(command).list(**command["args"])]


def _download(command: Command) -> object:
    """The content's size and digest; with `path` it is written there by the SDK."""
    content = _videos(command).download_content(**command["args"])
    path = command.get("path")
    if path:
        content.write_to_file(path)
    data = content.read()
    headers = {name.lower(): value for name, value in content.response.headers.items()}
    digest = hashlib.sha256(data).hexdigest()
    return {"status": content.response.status_code, "headers": headers, "size": len(data), "sha256": digest}


def _unwrap(command: Command) -> object:
    """The event of a callback, if the SDK finds its signature and its time good."""
    event = _client(command["base_url"], command["key"], 0).webhooks.unwrap(**command["args"])
    return {"id": event.id, "type": event.type, "object": event.object, "data": event.data.to_dict(mode="json")}


HANDLERS: dict[str, Handler] = {
    **{
        name: functools.partial(_call, name)
        for name in ("create", "create_and_poll", "retrieve", "list", "delete", "remix", "edit", "extend")
    },
    "poll": _poll,
    "list_all": _list_all,
    "download": _download,
    "unwrap": _unwrap,
}


if __name__ == "__main__":
    serve(TRACE, HANDLERS, CAUGHT)
