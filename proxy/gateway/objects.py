"""Objects that upstreams name by id (responses, files, contexts, batches) belong to the caller that made them (contract.md §5, "Isolation").

The table also tells where an object lives, so that reads that carry no model find their upstream.
"""

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.services import Services
from proxy.model import Upstream
from proxy.translate.calls import CallAnswer, CallRequest


class Objects:
    """Checks and keeps ownership."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def home(self, call: Call, request: CallRequest) -> Upstream | None:
        """The upstream at which the named objects live; None if none is named. Somebody else's is the same 404 as an unknown one."""
        home: Upstream | None = None
        for named in request.objects:
            name = await self._services.store.object_home(call.caller, named.kind, named.id)
            upstream = self._services.router.upstream(name) if name is not None else None
            if upstream is None:
                raise Refusal(Problem.NOT_FOUND, f"No such {named.kind} belongs to this key.", param=named.param)
            if home is not None and home.name != upstream.name:
                raise Refusal(
                    Problem.CONFLICTING_PARAMETERS,
                    "The objects named here live at different upstreams.",
                    param=named.param,
                )
            home = upstream
        return home

    async def keep(self, call: Call, upstream: Upstream, answer: CallAnswer) -> None:
        """Note the object that an answer names, or forget the one that a delete ended."""
        if call.operation.ends and "id" in call.params:
            await self._services.store.drop_object(call.caller, call.operation.family, call.params["id"])
        if answer.id:
            await self.keep_id(call, upstream, answer.id)

    async def keep_id(self, call: Call, upstream: Upstream, object_id: str) -> None:
        """Note one object by its id; it is durable before the caller can use it."""
        if call.operation.makes:
            await self._services.store.add_object(
                call.caller, upstream.name, call.operation.makes, object_id, self._services.now()
            )
