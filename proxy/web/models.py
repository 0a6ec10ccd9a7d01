"""The models that callers may name: those configured here, in both families' shapes. No upstream is asked (openai-wire.md §3.5)."""

from collections.abc import Sequence

import orjson

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Answer, Call
from proxy.model import Dialect
from proxy.upstream.router import Router


class Models:
    """Answers GET /v1/models, /v1/models/{id} and /api/v3/models. `created` is when this gateway started, unix seconds."""

    def __init__(self, router: Router, created: int) -> None:
        self._router = router
        self._created = created

    async def list(self, call: Call) -> Answer:
        """All of them, by name."""
        rows = [self._row(name, call.dialect) for name in self._names()]
        return Answer(body=orjson.dumps({"object": "list", "data": rows}))

    async def retrieve(self, call: Call) -> Answer:
        """One of them; the name may have slashes in it."""
        name = call.params["id"]
        if name not in self._names():
            raise Refusal(Problem.MODEL_NOT_FOUND, f"The model {name[:200]!r} is not configured here.", param="model")
        return Answer(body=orjson.dumps(self._row(name, call.dialect)))

    def _names(self) -> Sequence[str]:
        return sorted(self._router.names())

    def _row(self, name: str, dialect: Dialect) -> dict[str, object]:
        if dialect is Dialect.ARK:
            return {"id": name, "name": name, "object": "model", "created": self._created}
        return {"id": name, "object": "model", "created": self._created, "owned_by": "arkbridge"}
