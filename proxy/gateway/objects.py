"""Objects that upstreams name by id (responses, files, contexts, batches) belong to the caller that made them (contract.md §5, "Isolation").

The table also tells where an object lives, so that reads that carry no model find their upstream.
"""

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.gateway.call import Call
from proxy.gateway.services import Services
from proxy.model import Upstream
from proxy.store.objects import Owned
from proxy.translate.calls import CallAnswer, CallRequest, ObjectRef

GONE = 404


class Objects:
    """Checks and keeps ownership."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def home(self, call: Call, request: CallRequest) -> Upstream | None:
        """The upstream at which the named objects live; None if none is named. Somebody else's is the same 404 as an unknown one."""
        home: Upstream | None = None
        for named in request.objects:
            owned = await self._services.store.object_of(call.caller, named.kind, named.id)
            upstream = self._services.router.upstream(owned.upstream) if owned is not None else None
            if upstream is None:
                raise unknown(named)
            if home is not None and home.name != upstream.name:
                raise Refusal(
                    Problem.CONFLICTING_PARAMETERS,
                    "The objects named here live at different upstreams.",
                    param=named.param,
                )
            home = upstream
        return home

    async def keep(self, call: Call, request: CallRequest, upstream: Upstream, answer: CallAnswer) -> None:
        """Note the object that an answer names, or what it says of one that was read; forget those that a delete ended."""
        if call.operation.ends:
            await self._forget(call, request)
        elif answer.id and call.operation.makes:
            await self.keep_id(call, upstream, answer.id, answer.facts)
        elif answer.id and answer.facts is not None:
            for named in request.objects:
                if named.id == answer.id:
                    await self._services.store.see_object(call.caller, named.kind, named.id, answer.facts.decode())

    async def keep_id(self, call: Call, upstream: Upstream, object_id: str, facts: bytes | None = None) -> None:
        """Note one object by its id; it is durable before the caller can use it."""
        if call.operation.makes:
            owned = Owned(
                caller=call.caller,
                upstream=upstream.name,
                kind=call.operation.makes,
                id=object_id,
                created_at=self._services.now(),
                facts=None if facts is None else facts.decode(),
            )
            await self._services.store.add_object(owned)

    async def missed(self, call: Call, request: CallRequest, refusal: Refusal) -> Refusal:
        """What a refused read or delete of an object comes to: one that its upstream no longer knows is forgotten, and unknown here too."""
        if not (call.operation.free and request.objects and is_gone(refusal)):
            return refusal
        await self._forget(call, request)
        return unknown(request.objects[0])

    async def _forget(self, call: Call, request: CallRequest) -> None:
        for named in request.objects:
            await self._services.store.drop_object(call.caller, named.kind, named.id)


def is_gone(refusal: Refusal) -> bool:
    """Whether an upstream says in its own words that there is no such object; an empty 404 may as well be a wrong base URL."""
    return isinstance(refusal, UpstreamRefusal) and refusal.upstream_status == GONE and refusal.explained


def unknown(named: ObjectRef) -> Refusal:
    """The 404 for an object that is nobody's or somebody else's."""
    return Refusal(Problem.NOT_FOUND, f"No such {named.kind} belongs to this key.", param=named.param)
