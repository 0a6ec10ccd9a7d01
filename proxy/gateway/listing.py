"""Lists of a caller's files, from our table of objects, because one account serves many callers (openai-wire.md §3.6).

Of files that were still being processed, or whose time is over, the upstream is asked again.
"""

import asyncio
from collections.abc import Mapping, Sequence

from proxy.errors import Refusal, TransportError, UnreadableAnswer
from proxy.gateway.call import Call
from proxy.gateway.objects import is_gone
from proxy.gateway.services import Services
from proxy.gateway.uploads import CODECS
from proxy.store.objects import ObjectFilter, Owned
from proxy.translate import errors
from proxy.translate.calls import CallAnswer, CallRequest, Received
from proxy.translate.files import KIND, FileQuery, settled
from proxy.translate.wire import Body, WireResponse

BATCH = 200
"""How many rows are read at once."""

ASKED = 16
"""Files of one list that are asked for again at the most; further ones are shown as they were seen last."""

Seen = Mapping[str, CallAnswer | None]
"""By id: what is to be shown of a file, None if nothing is."""


class Listing:
    """One list for one caller."""

    def __init__(self, services: Services, call: Call, query: FileQuery) -> None:
        self._services = services
        self._call = call
        self._query = query
        self._left = ASKED

    async def files(self) -> Sequence[CallAnswer]:
        """The files of the page, and one more if there is one; nothing lies behind a file that is not the caller's."""
        behind: tuple[float, str] | None = None
        if self._query.after is not None:
            last = await self._services.store.object_of(self._call.caller, KIND, self._query.after)
            if last is None:
                return ()
            behind = (last.created_at, last.id)
        found: list[CallAnswer] = []
        while len(found) <= self._query.limit and (batch := await self._batch(behind)):
            seen = await self._seen(batch)
            found += [one for owned in batch if (one := seen[owned.id]) is not None and self._is_wanted(one)]
            behind = (batch[-1].created_at, batch[-1].id)
        return found

    async def _batch(self, behind: tuple[float, str] | None) -> Sequence[Owned]:
        wanted = ObjectFilter(
            caller=self._call.caller,
            kind=KIND,
            behind=behind,
            ascending=self._query.ascending,
            limit=min(BATCH, self._query.limit + 1),
        )
        return await self._services.store.objects(wanted)

    def _is_wanted(self, answer: CallAnswer) -> bool:
        """Whether a file has the purpose that the list is about, by its own name or by that which its upstream has for it."""
        wanted = self._query.purpose
        outbound = CODECS.outbound[answer.dialect]
        return wanted is None or answer.fields.get("purpose") in (wanted, outbound.purpose(wanted))

    async def _seen(self, batch: Sequence[Owned]) -> Seen:
        """The files as they were seen last; of some that may have changed since, as they are now."""
        seen = {owned.id: self._kept(owned) for owned in batch}
        stale = [owned for owned in batch if not self._holds(seen[owned.id])][: self._left]
        self._left -= len(stale)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._look(owned)) for owned in stale]
        for owned, look in zip(stale, looks, strict=True):
            seen[owned.id] = await self._noted(owned, look.result(), seen[owned.id])
        return seen

    def _kept(self, owned: Owned) -> CallAnswer | None:
        """A file as it was seen last; None if it never was, or its upstream is not configured any more."""
        upstream = self._services.router.upstream(owned.upstream)
        if upstream is None or owned.facts is None:
            return None
        response = WireResponse(status=200, body=owned.facts.encode())
        return CODECS.outbound[upstream.dialect].decode(response, self._request(owned))

    def _holds(self, kept: CallAnswer | None) -> bool:
        """Whether what is known of a file is true for good."""
        return kept is not None and settled(kept.fields, self._services.now())

    async def _look(self, owned: Owned) -> CallAnswer | Refusal | None:
        """The file as it is; the upstream's refusal; None if it cannot be asked, which is no reason to fail a list."""
        upstream = self._services.router.upstream(owned.upstream)
        if upstream is None:
            return None
        outbound, request = CODECS.outbound[upstream.dialect], self._request(owned)
        try:
            response = await self._services.client.send(upstream, outbound.encode(request, "").request, brief=True)
            return errors.decode(response) if response.status >= 300 else outbound.decode(response, request)
        except (TransportError, UnreadableAnswer, Refusal):
            return None

    async def _noted(
        self, owned: Owned, look: CallAnswer | Refusal | None, kept: CallAnswer | None
    ) -> CallAnswer | None:
        """What is shown after a look, which is written down."""
        if isinstance(look, CallAnswer) and look.facts is not None:
            await self._services.store.see_object(owned.caller, owned.kind, owned.id, look.facts.decode())
            return look
        if isinstance(look, Refusal) and is_gone(look):
            await self._services.store.drop_object(owned.caller, owned.kind, owned.id)
            return None
        return kept

    def _request(self, owned: Owned) -> CallRequest:
        return named(self._call, owned.id)


def named(call: Call, file_id: str) -> CallRequest:
    """A read of one file."""
    received = Received(body=Body(fields={}, raw=b""), params={"id": file_id}, headers=call.headers)
    return CODECS.inbound[call.dialect].decode(received)
