"""The list of models: what is configured here, in both families' shapes."""

import asyncio

import orjson
import pytest

from proxy.errors import Refusal
from proxy.gateway.call import Call
from proxy.model import Dialect, ModelRoute, Upstream
from proxy.translate.operation import Kind, Operation
from proxy.upstream.router import Router
from proxy.web.models import Models

ARK = Upstream(name="ark", dialect=Dialect.ARK, base_url="http://127.0.0.1:1/api/v3")
ROUTES = {"b/with/slashes": (ModelRoute("ark", "x"),), "a": (ModelRoute("ark", "y"),)}
MODELS = Models(Router([ARK], ROUTES, "ark", lambda: 0.0), 1795000000)


def call(dialect: Dialect, **params: str) -> Call:
    """A call of the models routes."""
    operation = Operation("models", "list", Kind.UNARY, {})
    return Call(operation=operation, dialect=dialect, identity=None, method="GET", params=params, query=(), headers={})


def test_openai_shape() -> None:
    """OpenAI callers get id, object, created and owned_by, by name."""
    body = orjson.loads(asyncio.run(MODELS.list(call(Dialect.OPENAI))).body)
    assert body["object"] == "list"
    assert body["data"][0] == {"id": "a", "object": "model", "created": 1795000000, "owned_by": "arkbridge"}
    assert [row["id"] for row in body["data"]] == ["a", "b/with/slashes"]


def test_ark_shape() -> None:
    """Ark callers get id and name (ark-wire.md §5.2)."""
    body = orjson.loads(asyncio.run(MODELS.list(call(Dialect.ARK))).body)
    assert body["data"][0] == {"id": "a", "name": "a", "object": "model", "created": 1795000000}


def test_retrieve() -> None:
    """One model by its name, slashes included; an unknown one is model_not_found."""
    found = asyncio.run(MODELS.retrieve(call(Dialect.OPENAI, id="b/with/slashes")))
    assert orjson.loads(found.body)["id"] == "b/with/slashes"
    with pytest.raises(Refusal, match="not configured") as refused:
        asyncio.run(MODELS.retrieve(call(Dialect.OPENAI, id="nope")))
    assert refused.value.problem.value.openai == "model_not_found"
