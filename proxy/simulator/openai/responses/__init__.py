"""Responses at OpenAI: create, get, delete, input items (openai-wire.md §3.2)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.simulator import faults, replies, shelf, sse, talk
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.responses import order
from proxy.simulator.openai.responses.order import Order
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.replies import Shown
from proxy.simulator.shelf import Object, Shelf
from proxy.simulator.sse import Event
from proxy.simulator.talk import Answer

_PART: tuple[tuple[str, Json], ...] = (("annotations", []), ("logprobs", []))


def table(core: Core, ways: Ways) -> dict[str, dict[str, Handler]]:
    """The routes under /v1/responses."""
    responses = _Responses(core, ways)
    return {
        "/v1/responses": {"POST": responses.create},
        "/v1/responses/{id}": {"GET": responses.get, "DELETE": responses.delete},
        "/v1/responses/{id}/input_items": {"GET": responses.input_items},
    }


class _Responses:
    def __init__(self, core: Core, ways: Ways) -> None:
        self._core = core
        self._ways = ways
        self._kept = Shelf(core.store, "response")

    async def create(self, request: Request) -> Response:
        wanted = order.read(await params.read(request, order.PARAMETERS, self._ways), self._ways)
        ask = replace(wanted.ask, before=self._before(wanted), planned=faults.asked(request.scope, ""))
        made = talk.answer(ask)
        self._ways.refuse_if_asked(made.words)
        final, items = self._made(wanted, made)
        self._core.recorder.counts["responses"] += 1
        if wanted.store:
            listed = replies.input_items(wanted.input, str(final["id"])[-20:])
            tokens = made.count.total - made.count.reasoning
            self._kept.put(str(final["id"]), {"response": final, "input": [*listed], "tokens": tokens})
        how = sse.manner(made.words)
        if not wanted.stream:
            return sse.packed_json(final, how, {})
        running = final | {
            "output": [],
            "status": "in_progress",
            "usage": None,
            "error": None,
            "incomplete_details": None,
        }
        error: Object = {"type": "error", "code": "server_error", "message": "The server had an error.", "param": None}
        events = replies.events(running, final, items, made)
        blocks = sse.blocks(events, how, Event(error | {"sequence_number": how.cut_at}, "error"))
        return sse.EventStream(self._core, blocks, how, {})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._found(request)["response"])

    async def delete(self, request: Request) -> Response:
        self._found(request)
        response_id = request.path_params["id"]
        self._kept.remove(response_id)
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})

    async def input_items(self, request: Request) -> Response:
        """GET of the request's own items, the last one first."""
        value, query = self._found(request)["input"], request.query_params
        limit = query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= replies.MOST_ITEMS:
            raise self._ways.refused(f"Invalid 'limit': expected an integer from 1 to {replies.MOST_ITEMS}.", "limit")
        items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        page = shelf.page(replies.listed(items, query.get("order", "desc")), query.get("after"), int(limit))
        if page is None:
            raise self._ways.refused("No such item to continue after.", "after")
        shown, more = page
        ends: Object = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
        return JSONResponse({"object": "list", "data": shown, **ends, "has_more": more})

    def _before(self, wanted: Order) -> int:
        if wanted.previous is None:
            return 0
        kept = self._kept.get(wanted.previous)
        if kept is None:
            text = f"Previous response with id '{wanted.previous}' not found."
            raise self._ways.refused(text, "previous_response_id", "previous_response_not_found")
        tokens = kept["tokens"]
        return tokens if isinstance(tokens, int) else 0

    def _found(self, request: Request) -> Object:
        response_id = request.path_params["id"]
        kept = self._kept.get(response_id)
        if kept is None:
            raise self._ways.refused(f"Response with id '{response_id}' not found.", status=404)
        return kept

    def _made(self, wanted: Order, made: Answer) -> tuple[Object, list[Object]]:
        """The response as it ends, and its items; with `[[sim:fail=code]]` it ends as failed, without any."""
        tail = f"{self._core.random.getrandbits(192):048x}"
        failed = "fail" in made.words
        items = [] if failed else replies.output(made, Shown(tail, dict(_PART), thoughts=False))
        status = "failed" if failed else "incomplete" if made.finish == "length" else "completed"
        error: Json = {"code": made.words.get("fail") or "server_error", "message": "The request failed."}
        final: Object = {
            "id": f"resp_{tail}",
            "object": "response",
            "created_at": int(self._core.clock.now()),
            "status": status,
            "error": error if failed else None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "model": wanted.model,
            "output": [*items],
            "service_tier": wanted.tier,
            "usage": None if made.words.get("usage") == "none" else _usage(made),
        }
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
