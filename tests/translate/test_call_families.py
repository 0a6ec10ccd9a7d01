"""The table of call families is whole: every operation has codecs for the callers that can reach it."""

import pytest

from proxy.model import Dialect
from proxy.translate.chat.family import FAMILY as CHAT
from proxy.translate.embeddings.family import FAMILY as EMBEDDINGS
from proxy.translate.family import Family
from proxy.translate.images.family import FAMILY as IMAGES
from proxy.translate.operation import Kind, Operation
from proxy.translate.responses.family import FAMILY as RESPONSES
from tests.support.calling import ARK, OPENAI, received

FAMILIES = (CHAT, RESPONSES, IMAGES, EMBEDDINGS)
OPERATIONS = [(family, operation) for family in FAMILIES for operation in family.operations]
BOTH = [operation.name for _, operation in OPERATIONS if len(operation.routes) == 2]

# contract.md §5, files and models aside.
ROUTES = {
    OPENAI: {
        ("POST", "/chat/completions"),
        ("POST", "/responses"),
        ("GET", "/responses/{id}"),
        ("DELETE", "/responses/{id}"),
        ("GET", "/responses/{id}/input_items"),
        ("POST", "/images/generations"),
        ("POST", "/images/edits"),
        ("POST", "/embeddings"),
    },
    ARK: {
        ("POST", "/chat/completions"),
        ("POST", "/bots/chat/completions"),
        ("POST", "/context/create"),
        ("POST", "/context/chat/completions"),
        ("POST", "/batch/chat/completions"),
        ("POST", "/batch/embeddings"),
        ("POST", "/batch/embeddings/multimodal"),
        ("POST", "/responses"),
        ("GET", "/responses/{id}"),
        ("DELETE", "/responses/{id}"),
        ("GET", "/responses/{id}/input_items"),
        ("POST", "/images/generations"),
        ("POST", "/embeddings"),
        ("POST", "/embeddings/multimodal"),
        ("POST", "/tokenization"),
    },
}


@pytest.mark.parametrize("dialect", Dialect)
def test_routes(dialect: Dialect) -> None:
    """Every route of the contract is there, once."""
    routes = [route for _, operation in OPERATIONS for route in operation.routes.get(dialect, ())]
    assert sorted(routes) == sorted(ROUTES[dialect])


@pytest.mark.parametrize(("family", "operation"), OPERATIONS, ids=[operation.name for _, operation in OPERATIONS])
def test_codecs(family: Family, operation: Operation) -> None:
    """Every dialect with a route has callers' codecs; Ark as upstream knows every operation."""
    codecs = family.calls[operation.verb]
    assert operation.family == family.name
    assert codecs.inbound.keys() == operation.routes.keys()
    assert ARK in codecs.outbound
    assert (OPENAI in codecs.outbound) == (OPENAI in operation.routes)


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_verbs(family: Family) -> None:
    """There are no codecs that no route leads to."""
    assert family.calls.keys() == {operation.verb for operation in family.operations}


@pytest.mark.parametrize(("family", "operation"), OPERATIONS, ids=[operation.name for _, operation in OPERATIONS])
def test_streams(family: Family, operation: Operation) -> None:
    """A caller's wish to stream is heard where the operation may stream, and nowhere else."""
    if any(method != "POST" for routes in operation.routes.values() for method, _ in routes):
        return
    for inbound in family.calls[operation.verb].inbound.values():
        request = inbound.decode(received({"model": "m", "stream": True, "image": "https://a/b"}))
        assert request.stream == (operation.kind is Kind.STREAM)


def test_objects() -> None:
    """What makes an object of the caller's, and what ends one."""
    made = {operation.name: operation.makes for _, operation in OPERATIONS if operation.makes}
    assert made == {"chat.context": "context", "responses.create": "response"}
    assert [operation.name for _, operation in OPERATIONS if operation.ends] == ["responses.delete"]


def test_free() -> None:
    """Reads, deletes and counting tokens buy nothing."""
    free = {operation.name for _, operation in OPERATIONS if operation.free}
    assert free == {"responses.retrieve", "responses.delete", "responses.input_items", "embeddings.tokenize"}
