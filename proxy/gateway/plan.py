"""What a create will buy and where: decided, translated and checked before anything is written or sent."""

from dataclasses import dataclass, replace

from proxy.archive import ArchiveError
from proxy.errors import Problem, Refusal
from proxy.gateway.call import Call
from proxy.gateway.confirm import address
from proxy.gateway.links import expires_at, public_link, signed_link
from proxy.gateway.once import fingerprint, key_of
from proxy.gateway.reader import VIDEOS, Reader
from proxy.gateway.refusals import configured
from proxy.gateway.rows import CLIENT, USER_AGENT
from proxy.gateway.services import Services
from proxy.guard import ForbiddenAddressError
from proxy.model import TaskRecord, TaskStatus, Upstream
from proxy.translate.multipart import read_body
from proxy.translate.videos import Change, Outgoing, Target, VideoRequest, items
from proxy.translate.wire import Body, Notice

LONGEST_AGENT = 300
"""Characters of a user agent that are remembered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A purchase: the upstream, the request for it, and the row that will stand for it."""

    upstream: Upstream
    outgoing: Outgoing
    record: TaskRecord


class Planner:
    """Plans creates of every kind: new videos, and remixes, edits and extensions of old ones."""

    def __init__(self, services: Services, reader: Reader) -> None:
        self._services = services
        self._reader = reader

    async def plan(self, call: Call) -> Plan:
        """Read the body and plan; raises `Refusal` for everything that cannot be bought."""
        body = read_body(call.headers.get("content-type", ""), call.body)
        verb = call.operation.verb
        change = Change(verb) if verb in set(Change) else None
        return await (self._create(call, body) if change is None else self._change(call, body, change))

    async def _create(self, call: Call, body: Body) -> Plan:
        request = VIDEOS.inbound[call.dialect].decode_create(body, lossy=call.lossy)
        call.original_model = request.model
        upstream, model = self._services.router.route(request.model)
        call.upstream, call.request_model = upstream.name, model
        await self._require_callable(request.callback_url)
        await self._require_drafts(call, request, upstream)
        key, target = self._target(model)
        outgoing = VIDEOS.toward(upstream).encode_create(request, target)
        return self._planned(call, body, upstream, replace_notices(outgoing, request.notices), key)

    async def _change(self, call: Call, body: Body, change: Change) -> Plan:
        """A new video out of one of the caller's own, at the upstream that made that one."""
        request = VIDEOS.inbound[call.dialect].decode_change(change, body, call.params.get("id"), lossy=call.lossy)
        await self._require_callable(request.callback_url)
        source = await self._source(call, request.source)
        upstream = configured(self._services.router.upstream(source.upstream), source.upstream)
        if upstream.retired:
            raise Refusal(
                Problem.UNSUPPORTED_OPERATION, f"The upstream {upstream.name} of this video takes no new work."
            )
        call.original_model, call.upstream, call.request_model = (
            source.original_model,
            upstream.name,
            source.request_model,
        )
        key, target = self._target(source.request_model)
        link = await self._link(source, upstream)
        outgoing = VIDEOS.toward(upstream).encode_change(request, source, link, target)
        return self._planned(call, body, upstream, outgoing, key)

    async def _source(self, call: Call, source_id: str) -> TaskRecord:
        param = "id" if "id" in call.params else "video"
        record = await self._services.store.task(source_id, call.caller)
        if record is None:
            raise Refusal(Problem.TASK_NOT_FOUND, "No such video task belongs to this key.", param=param)
        record = await self._reader.fresh(record)
        if record.snapshot is None or record.snapshot.status is not TaskStatus.SUCCEEDED:
            raise Refusal(Problem.INVALID_VALUE, "The source video is not finished, or its task failed.", param=param)
        return record

    async def _link(self, source: TaskRecord, upstream: Upstream) -> str | None:
        """A link to the source that its upstream can fetch: its own while that lives, else ours where we can be reached."""
        theirs, lives = public_link(source, upstream), self._services.now() < expires_at(source)
        if theirs and lives:
            return theirs
        base, archive = self._services.policy.public_url, self._services.archive
        if not base or not (lives or await self._is_kept(source)):
            return None
        return signed_link(source, self._services.signer, base, archive.shelf.ends_at(source) if archive else None)

    async def _is_kept(self, source: TaskRecord) -> bool:
        """Whether our own copy can be served; an archive in trouble has none."""
        archive = self._services.archive
        try:
            return archive is not None and await archive.shelf.find(source) is not None
        except ArchiveError as trouble:
            self._services.events.event("error", "the archive cannot be read", task=source.id, reason=str(trouble))
            return False

    def _target(self, model: str) -> tuple[str, Target]:
        key = self._services.new_key()
        return key, Target(
            model=model, callback_url=address(self._services.policy.public_url, key, self._services.signer)
        )

    async def _require_callable(self, url: str | None) -> None:
        """A callback that we would never send is refused at once, by name (contract.md §7, "Callbacks")."""
        if url is None:
            return
        try:
            await self._services.guard.admit(url, allow_private=self._services.policy.private_callbacks)
        except ForbiddenAddressError as forbidden:
            raise Refusal(
                Problem.INVALID_VALUE,
                f"callback_url may not be called: {forbidden}. Private addresses need callbacks.allow_private = true in the "
                "gateway's configuration.",
                param="callback_url",
            ) from forbidden

    async def _require_drafts(self, call: Call, request: VideoRequest, upstream: Upstream) -> None:
        """A draft is the caller's own and at the upstream that will use it; somebody else's is the same 404 as an unknown one."""
        for task_id in items.drafts(request.content):
            draft = await self._services.store.task(task_id, call.caller)
            if draft is None or draft.upstream != upstream.name:
                raise Refusal(
                    Problem.TASK_NOT_FOUND,
                    f"No such draft task belongs to this key at the upstream {upstream.name}.",
                    param=request.names.get("content", "content"),
                )

    def _planned(self, call: Call, body: Body, upstream: Upstream, outgoing: Outgoing, key: str) -> Plan:
        call.notices.extend(dict.fromkeys(outgoing.notices))
        remembered = dict(outgoing.remember)
        if not self._services.policy.keep_prompts:
            remembered.pop("prompt", None)
        remembered |= {CLIENT: call.client, USER_AGENT: call.headers.get("user-agent", "")[:LONGEST_AGENT]}
        record = TaskRecord(
            key=key,
            caller=call.caller,
            key_prefix=call.identity.key.prefix if call.identity else "",
            upstream=upstream.name,
            dialect=call.dialect,
            operation=call.operation.name,
            original_model=call.original_model,
            request_model=call.request_model,
            request_id=call.request_id,
            created_at=self._services.now(),
            request=remembered,
            idempotency_key=key_of(call),
            fingerprint=fingerprint(body, call.params.get("id", "")),
        )
        return Plan(upstream, outgoing, record)


def replace_notices(outgoing: Outgoing, first: tuple[Notice, ...]) -> Outgoing:
    """The codec's notices behind the decoder's, each once."""
    return replace(outgoing, notices=tuple(dict.fromkeys((*first, *outgoing.notices))))
