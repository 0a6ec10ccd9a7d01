"""Drives either Ark SDK: `python -m tests.sdk.drivers.ark_py MODULE`, MODULE being volcenginesdkarkruntime or arkruntime."""

import functools
import importlib
import sys
from typing import Any

import httpx  # type: ignore[import-not-found]  # the Ark SDKs bring it; it lives in an environment of its own (tests/sdk/ark*)

from tests.sdk.drivers.loop import Command, Trace, serve

TRACE = Trace()


@functools.cache
def _client(module: str, base_url: str, key: str, max_retries: int) -> Any:
    http_client = httpx.Client(event_hooks={"response": [TRACE.record]}, timeout=60, follow_redirects=True)
    sdk = importlib.import_module(module)
    return sdk.Ark(base_url=base_url, api_key=key, max_retries=max_retries, http_client=http_client)


def _call(module: str, method: str, command: Command) -> object:
    client = _client(module, command["base_url"], command["key"], command.get("max_retries", 0))
    answer = getattr(client.content_generation.tasks, method)(**command["args"])
    return answer.model_dump(mode="json", exclude_unset=True) if hasattr(answer, "model_dump") else answer


def main(module: str) -> None:
    """Serve the four calls of content_generation.tasks until stdin ends."""
    handlers = {name: functools.partial(_call, module, name) for name in ("create", "get", "list", "delete")}
    base_error = importlib.import_module(f"{module}._exceptions").ArkError
    serve(TRACE, handlers, (base_error, RuntimeError, TypeError, ValueError))


if __name__ == "__main__":
    main(sys.argv[1])
