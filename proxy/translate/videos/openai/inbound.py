"""The codec of OpenAI callers of /v1/videos (openai-wire.md §1, §5)."""

import orjson

from proxy.errors import Problem, Refusal
from proxy.translate import coerce
from proxy.translate.videos import Change, ChangeRequest, ListQuery, TaskPage, TaskView, VideoRequest
from proxy.translate.videos.openai import change as changes
from proxy.translate.videos.openai import create, video
from proxy.translate.wire import Body

_DEFAULT_PAGE = 20
_LARGEST_PAGE = 100


class OpenAIInbound:
    """OpenAI callers: the SDKs' forms and JSON, curl users of the quick start, and habits of other gateways."""

    def decode_create(self, body: Body, *, lossy: bool = False) -> VideoRequest:
        """The create body, OpenAI-shaped, Ark-shaped or both (openai-wire.md §5.1)."""
        return create.decode_create(body, lossy=lossy)

    def decode_change(self, change: Change, body: Body, source: str | None, *, lossy: bool = False) -> ChangeRequest:
        """A remix, edit or extension (openai-wire.md §5.9)."""
        return changes.decode(change, body, source, lossy=lossy)

    def decode_list(self, query: tuple[tuple[str, str], ...]) -> ListQuery:
        """`limit` (0 means the default), `after` and `order` (openai-wire.md §5.6)."""
        single = dict(query)
        limit = coerce.integer(single["limit"], "limit") if single.get("limit") else 0
        if not 0 <= limit <= _LARGEST_PAGE:
            raise Refusal(Problem.INVALID_VALUE, f"limit: {limit} is not within 0 to {_LARGEST_PAGE}.", param="limit")
        order = single.get("order") or "desc"
        if order not in {"asc", "desc"}:
            raise Refusal(Problem.INVALID_VALUE, f"order: {order!r} is neither asc nor desc.", param="order")
        return ListQuery(limit=limit or _DEFAULT_PAGE, after=single.get("after") or None, ascending=order == "asc")

    def encode_created(self, view: TaskView) -> bytes:
        """The video object of a task just accepted."""
        return orjson.dumps(video.render(view))

    def encode_task(self, view: TaskView) -> bytes:
        """The video object."""
        return orjson.dumps(video.render(view))

    def encode_list(self, page: TaskPage) -> bytes:
        """The list envelope with all five keys: the SDK's pages end where `last_id` is missing (openai-wire.md §1.3)."""
        data = [video.render(view) for view in page.items]
        ids = [view.record.id for view in page.items]
        first, last = (ids[0], ids[-1]) if ids else (None, None)
        envelope = {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": page.has_more}
        return orjson.dumps(envelope)

    def encode_deleted(self, view: TaskView) -> bytes:
        """`video.deleted` (openai-wire.md §1.1)."""
        return orjson.dumps({"id": view.record.id, "deleted": True, "object": "video.deleted"})
