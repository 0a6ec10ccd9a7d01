"""The route table: every operation of the registry in both dialects, our own routes, and clear 404s for everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from proxy.errors import Problem, Refusal
from proxy.gateway import Gateway
from proxy.gateway.call import Answer, Call
from proxy.gateway.confirm import PATH
from proxy.model import Dialect
from proxy.translate.operation import Kind, Operation
from proxy.translate.registry import FAMILIES
from proxy.web.edge import dialect_of
from proxy.web.endpoint import Action, Endpoint, Surroundings
from proxy.web.models import Models
from proxy.web.own import Own

PREFIX: Mapping[Dialect, str] = {Dialect.OPENAI: "/v1", Dialect.ARK: "/api/v3"}

SMALL_BODY = 1024 * 1024
"""Bytes that somebody without a key may send us."""

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH")

NOT_BUILT: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.OPENAI: ("/videos/characters", "/videos/characters/{id}", "/videos/quote"),
    Dialect.ARK: (),
}
"""Paths of contract.md §5 that exist but are not served yet."""


def routes(gateway: Gateway, own: Own, models: Models, around: Surroundings) -> list[BaseRoute]:
    """All routes, fixed paths before those with parameters."""
    table: list[BaseRoute] = [
        *_own_routes(own, around),
        *_model_routes(models, around),
        _confirmations(gateway, around),
    ]
    for dialect, prefix in PREFIX.items():
        paths = _actions(gateway, dialect)
        late = [path for path in NOT_BUILT[dialect] if path not in paths]
        merged = paths | {path: _not_served(dialect, path) for path in late}
        for path in sorted(merged, key=lambda path: ("{" in path, path.count("{rest"))):
            table.append(Route(prefix + path, Endpoint(dialect, merged[path], around)))
    return table


def _actions(gateway: Gateway, dialect: Dialect) -> dict[str, dict[str, Action]]:
    """Path -> method -> action, for every operation of the registry."""
    paths: dict[str, dict[str, Action]] = {}
    for family in FAMILIES:
        for operation in family.operations:
            for method, path in operation.routes.get(dialect, ()):
                signed = operation.kind is Kind.CONTENT
                paths.setdefault(path, {})[method] = Action(operation, gateway.handle, signed=signed)
    return paths


def _not_served(dialect: Dialect, path: str) -> dict[str, Action]:
    async def refuse(call: Call) -> Answer:
        raise Refusal(Problem.NOT_SERVED, f"{PREFIX[dialect]}{path} is not served by this version of arkbridge.")

    operation = Operation("none", "not_served", Kind.UNARY, {})
    return dict.fromkeys(METHODS, Action(operation, refuse, unread=True))


def _own_routes(own: Own, around: Surroundings) -> Sequence[BaseRoute]:
    small = replace(around, max_body=SMALL_BODY)

    def one(path: str, action: Action) -> Route:
        return Route(path, Endpoint(Dialect.OPENAI, {"GET": action, "HEAD": action}, small))

    def operation(name: str) -> Operation:
        return Operation("own", name, Kind.UNARY, {})

    return (
        one("/healthz", Action(operation("health"), own.health, public=True)),
        one("/readyz", Action(operation("ready"), own.ready, public=True)),
        one("/metrics", Action(operation("metrics"), own.metrics, admin=True)),
        one("/v1/usage", Action(operation("usage"), own.usage)),
    )


def _model_routes(models: Models, around: Surroundings) -> Sequence[BaseRoute]:
    listing = Action(Operation("models", "list", Kind.UNARY, {}), models.list)
    one = Action(Operation("models", "retrieve", Kind.UNARY, {}), models.retrieve)
    return (
        Route("/v1/models", Endpoint(Dialect.OPENAI, {"GET": listing}, around)),
        Route("/v1/models/{id:path}", Endpoint(Dialect.OPENAI, {"GET": one}, around)),
        Route("/api/v3/models", Endpoint(Dialect.ARK, {"GET": listing}, around)),
    )


def _confirmations(gateway: Gateway, around: Surroundings) -> Route:
    """Where upstreams call us back."""
    operation = Operation("own", "callback", Kind.UNARY, {})
    action = Action(operation, gateway.confirmations.receive, public=True)
    small = replace(around, max_body=SMALL_BODY)
    return Route(PATH + "{token}", Endpoint(Dialect.ARK, {"POST": action}, small))


class Unknown:
    """Every path that nothing serves: a 404 in the family's envelope that names the right base URLs (people paste them doubled)."""

    def __init__(self, around: Surroundings) -> None:
        action = Action(Operation("none", "unknown_path", Kind.UNARY, {}), self._refuse, public=True, unread=True)
        self._endpoints = {dialect: Endpoint(dialect, {}, around, action) for dialect in Dialect}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with directions."""
        await self._endpoints[dialect_of(scope["path"])](scope, receive, send)

    async def _refuse(self, call: Call) -> Answer:
        raise Refusal(
            Problem.UNKNOWN_PATH,
            f"There is no {call.method} {call.path} here. Base URLs: OpenAI SDKs {call.base}/v1, Ark SDKs {call.base}/api/v3; "
            "the SDK adds the rest of the path.",
        )
