"""Responses at Ark: create, get, delete, input items; kept until they expire (ark-wire.md §5.2, §5.3)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, replies, shelf, sse, talk
from proxy.simulator.ark.chat.order import CheckFile
from proxy.simulator.ark.chat.shapes import BEHIND_ENDPOINTS
from proxy.simulator.ark.desk import Desk, read_object, refuse_if_asked
from proxy.simulator.ark.errors import ArkError, invalid
from proxy.simulator.ark.responses import order
from proxy.simulator.ark.responses.order import Order
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.replies import Shown
from proxy.simulator.shelf import Object, Shelf
from proxy.simulator.sse import Event
from proxy.simulator.talk import Answer

# How long a response is kept where the request does not say.
USUAL_SECONDS = 259_200


def routes(core: Core, desk: Desk, check_file: CheckFile) -> list[BaseRoute]:
    """The routes under /api/v3/responses."""
    responses = _Responses(core, desk, check_file)
    path = "/api/v3/responses"
    return [
        Route(path, desk.answering(responses.create), methods=["POST"]),
        Route(path + "/{id}", desk.answering(responses.get), methods=["GET"]),
        Route(path + "/{id}", desk.answering(responses.delete), methods=["DELETE"]),
        Route(path + "/{id}/input_items", desk.answering(responses.input_items), methods=["GET"]),
    ]


class _Responses:
    def __init__(self, core: Core, desk: Desk, check_file: CheckFile) -> None:
        self._core = core
        self._desk = desk
        self._check_file = check_file
        self._kept = Shelf(core.store, "response")

    async def create(self, request: Request) -> Response:
        self._desk.authenticate(request)
        wanted = order.read(await read_object(request), self._check_file)
        before = self._before(wanted)
        ask = replace(
            wanted.ask,
            before=before,
            cached=before if wanted.caching else 0,
            planned=faults.asked(request.scope, ""),
        )
        made = talk.answer(ask)
        refuse_if_asked(made.words)
        final, items = self._made(wanted, made)
        self._core.recorder.counts["responses"] += 1
        if wanted.store:
            kept: Object = {"response": final, "input": [*_items(wanted, final)]}
            tokens = made.count.total - made.count.reasoning
            self._kept.put(str(final["id"]), kept | {"tokens": tokens})
        if not wanted.stream:
            return self._desk.answer(final, made.words)
        running = {name: value for name, value in final.items() if name not in {"usage", "error", "incomplete_details"}}
        running |= {"output": [], "status": "in_progress"}
        events = [*replies.events(running, final, items, made), sse.DONE]
        return self._desk.stream(events, made.words, self._error(sse.manner(made.words).cut_at))

    async def get(self, request: Request) -> Response:
        self._desk.authenticate(request)
        response = self._found(request.path_params["id"], "response_id")["response"]
        return self._desk.answer(_object(response))

    async def delete(self, request: Request) -> Response:
        self._desk.authenticate(request)
        response_id = request.path_params["id"]
        self._found(response_id, "response_id")
        self._kept.remove(response_id)
        return self._desk.answer({"id": response_id, "object": "response", "deleted": True})

    async def input_items(self, request: Request) -> Response:
        """GET of the request's own items, the last one first."""
        self._desk.authenticate(request)
        value = self._found(request.path_params["id"], "response_id")["input"]
        query = request.query_params
        limit = query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= replies.MOST_ITEMS:
            raise invalid("limit", f"it must be within [1, {replies.MOST_ITEMS}]")
        items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        page = shelf.page(replies.listed(items, query.get("order", "desc")), query.get("after"), int(limit))
        if page is None:
            raise invalid("after", "there is no such item")
        shown, more = page
        ends: Object = {"first_id": shown[0]["id"] if shown else "", "last_id": shown[-1]["id"] if shown else ""}
        return self._desk.answer({"object": "list", "data": [*shown], "has_more": more, **ends})

    def _error(self, number: int) -> Event:
        found = self._desk.mid_stream()
        shown = {name: found[name] for name in ("code", "message", "param")}
        return Event({"type": "error", **shown, "sequence_number": number}, "error")

    def _before(self, wanted: Order) -> int:
        """The tokens of the conversation that is continued."""
        if wanted.previous is None:
            return 0
        tokens = self._found(wanted.previous, "previous_response_id")["tokens"]
        return tokens if isinstance(tokens, int) else 0

    def _found(self, response_id: str, param: str) -> Object:
        kept = self._kept.get(response_id)
        expire_at = _object(kept["response"]).get("expire_at") if kept else None
        if kept is None or (isinstance(expire_at, int) and self._core.clock.now() >= expire_at):
            raise ArkError(404, f"NotFound.{param}", f"The specified response {response_id} is not found.", param)
        return kept

    def _made(self, wanted: Order, made: Answer) -> tuple[Object, list[Object]]:
        """The response as it ends, and its items; with `[[sim:fail=Code]]` it ends as failed, without any."""
        now, tail = int(self._core.clock.now()), self._desk.request_id()
        failed = "fail" in made.words
        items = [] if failed else replies.output(made, Shown(tail, {}, thoughts=True))
        status = "failed" if failed else "incomplete" if made.finish == "length" else "completed"
        final: Object = {
            "created_at": now,
            "id": f"resp_{tail}",
            "model": BEHIND_ENDPOINTS if wanted.model.startswith("ep-") else wanted.model,
            "object": "response",
            "output": [*items],
            "service_tier": wanted.tier,
            "status": status,
            "caching": {"type": "enabled" if wanted.caching else "disabled"},
            "store": wanted.store,
            "expire_at": wanted.expire_at or now + USUAL_SECONDS,
        }
        if failed:
            final["error"] = {"code": made.words["fail"] or "InternalServiceError", "message": "The request failed."}
        elif status == "incomplete":
            final["incomplete_details"] = {"reason": "length"}
        if made.words.get("usage") != "none":
            final["usage"] = _usage(made)
        return final | wanted.echo, items


def _usage(made: Answer) -> Object:
    count = made.count
    return {
        "input_tokens": count.prompt,
        "input_tokens_details": {"cached_tokens": count.cached},
        "output_tokens": count.completion,
        "output_tokens_details": {"reasoning_tokens": min(count.reasoning, count.completion)},
        "total_tokens": count.total,
    }


def _items(wanted: Order, final: Object) -> list[Object]:
    return replies.input_items(wanted.input, str(final["id"])[-20:])


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}
