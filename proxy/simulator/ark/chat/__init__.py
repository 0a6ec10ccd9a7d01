"""Chat at Ark: chat/completions, and its kin for bots, contexts and batches (ark-wire.md §5.2, §5.3).

A context of the mode `session` remembers what was said in it; one of the mode `common_prefix` does not. Both give their
tokens to the prompt as cached ones, and end with their `ttl` on the simulator's clock.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, talk
from proxy.simulator.ark import fields
from proxy.simulator.ark.chat import order, shapes
from proxy.simulator.ark.chat.order import CheckFile, Order
from proxy.simulator.ark.chat.shapes import Reply
from proxy.simulator.ark.desk import Desk, read_object, refuse_if_asked
from proxy.simulator.ark.errors import ArkError, missing
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.chunks import Body
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Shelf
from proxy.simulator.sse import Event

USUAL_TTL = 86_400
_SHANGHAI = timezone(timedelta(hours=8))
_TRUNCATION: tuple[tuple[str, Json], ...] = (("type", "last_history_tokens"), ("last_history_tokens", 4096))


def routes(core: Core, desk: Desk, check_file: CheckFile) -> list[BaseRoute]:
    """The chat routes; `check_file` refuses a `file_id` that is no file of this account."""
    chat = _Chat(core, desk, check_file)
    table = {
        "chat/completions": chat.complete,
        "batch/chat/completions": chat.complete,
        "bots/chat/completions": chat.complete_as_bot,
        "context/create": chat.create_context,
        "context/chat/completions": chat.complete_in_context,
    }
    return [Route(f"/api/v3/{path}", desk.answering(handler), methods=["POST"]) for path, handler in table.items()]


class _Chat:
    def __init__(self, core: Core, desk: Desk, check_file: CheckFile) -> None:
        self._core = core
        self._desk = desk
        self._check_file = check_file
        self._contexts = Shelf(core.store, "context")

    async def complete(self, request: Request) -> Response:
        """POST chat/completions and batch/chat/completions."""
        body = await self._body(request)
        return self._replied(self._reply(request, order.read(body, self._check_file)))

    async def complete_as_bot(self, request: Request) -> Response:
        """POST bots/chat/completions: one reference, and the usage of the bot's model and of its search."""
        body = await self._body(request)
        reply = self._reply(request, order.read(body, self._check_file, bot=True))
        counted = reply.answer.count
        model: Body = {
            "name": reply.model(),
            "prompt_tokens": counted.prompt,
            "completion_tokens": counted.completion,
            "total_tokens": counted.total,
        }
        bill: Body = {"bot_usage": {"model_usage": [model], "action_usage": [{"name": "search", "search_count": 1}]}}
        reference: Body = {"url": "https://site.example/page", "title": "A page", "site_name": "A site"}
        return self._replied(replace(reply, opening={"references": [reference]}, bill=bill))

    async def create_context(self, request: Request) -> Response:
        """POST context/create."""
        body = await self._body(request)
        model, said = order.model_of(body), order.messages(body, self._check_file)
        mode = fields.word(body, "mode", ("session", "common_prefix")) or "session"
        ttl = fields.integer(body, "ttl", 1, 2**31 - 1) or USUAL_TTL
        context_id, now = self._context_id(), self._core.clock.now()
        tokens = sum(message.tokens for message in said)
        kept: Body = {"id": context_id, "model": model, "mode": mode, "ttl": ttl, "tokens": tokens, "used": now}
        self._contexts.put(context_id, kept)
        answer: Body = {
            "id": context_id,
            "model": model,
            "mode": mode,
            "ttl": ttl,
            "truncation_strategy": body.get("truncation_strategy", dict(_TRUNCATION)),
            "usage": shapes.usage(talk.Count(tokens, 0)),
        }
        self._core.recorder.counts["contexts"] += 1
        return self._desk.answer(answer)

    async def complete_in_context(self, request: Request) -> Response:
        """POST context/chat/completions."""
        body = await self._body(request)
        context = self._context(body)
        before = context["tokens"]
        if not isinstance(before, int):
            raise TypeError(f"the context {context['id']} was not made by this route")
        wanted = order.read(body, self._check_file)
        wanted = replace(wanted, ask=replace(wanted.ask, before=before, cached=before))
        reply = self._reply(request, wanted)
        grown = reply.answer.count.total - reply.answer.count.reasoning if context["mode"] == "session" else before
        self._contexts.put(str(context["id"]), context | {"tokens": grown, "used": self._core.clock.now()})
        return self._replied(reply)

    async def _body(self, request: Request) -> Body:
        self._desk.authenticate(request)
        return without_nulls(await read_object(request))

    def _reply(self, request: Request, wanted: Order) -> Reply:
        planned = faults.asked(request.scope, "")
        answer = talk.answer(replace(wanted.ask, planned=planned))
        refuse_if_asked(answer.words)
        self._core.recorder.counts["chat"] += 1
        return Reply(self._desk.request_id(), int(self._core.clock.now()), wanted, answer, {}, {})

    def _replied(self, reply: Reply) -> Response:
        if not reply.order.stream:
            return self._desk.answer(shapes.whole(reply), reply.answer.words)
        # How errors look inside a chat stream is not documented; the SDKs look for this key (§4.1, §5.1).
        error = Event({"error": self._desk.mid_stream()})
        return self._desk.stream(shapes.events(reply), reply.answer.words, error)

    def _context(self, body: Body) -> Body:
        context_id = fields.text(body, "context_id")
        if not context_id:
            raise missing("context_id")
        kept = self._contexts.get(context_id)
        if kept is None or self._core.clock.now() >= _number(kept["used"]) + _number(kept["ttl"]):
            raise ArkError(
                404, "NotFound.context_id", f"The specified context {context_id} is not found.", "context_id"
            )
        return kept

    def _context_id(self) -> str:
        moment = datetime.fromtimestamp(self._core.clock.now(), UTC).astimezone(_SHANGHAI)
        return f"ctx-{moment:%Y%m%d%H%M%S}-{self._core.random.getrandbits(24):06x}"


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
