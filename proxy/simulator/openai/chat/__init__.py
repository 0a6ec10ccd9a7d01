"""Chat at OpenAI and at the servers that follow it: POST /v1/chat/completions (openai-wire.md §3.1).

An effort costs its thoughts as reasoning tokens, which are counted and not shown. With `n` above 1 all choices say the same.
"""

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from proxy.simulator import chunks, faults, sse, talk
from proxy.simulator.chunks import Body, Chunk
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.chat import order
from proxy.simulator.openai.chat.order import Order
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.sse import Event
from proxy.simulator.talk import Answer, Count, Delta


def table(core: Core, ways: Ways) -> dict[str, dict[str, Handler]]:
    """The chat route of one server."""
    return {"/v1/chat/completions": {"POST": _Chat(core, ways).complete}}


@dataclass(frozen=True)
class _Reply:
    id: str
    created: int
    order: Order
    answer: Answer
    full: bool

    def frame(self, kind: str, choices: list[Json]) -> Body:
        body: Body = {"id": self.id, "object": kind, "created": self.created, "model": self.order.model}
        if self.full:
            body |= {"service_tier": self.order.tier, "system_fingerprint": "fp_simulated"}
        return body | {"choices": choices}

    def call_id(self, place: int) -> str:
        return f"call_{self.id[-20:]}{place}"


class _Chat:
    def __init__(self, core: Core, ways: Ways) -> None:
        self._core = core
        self._ways = ways

    async def complete(self, request: Request) -> Response:
        wanted = order.read(await params.read(request, order.PARAMETERS, self._ways), self._ways)
        answer = talk.answer(replace(wanted.ask, planned=faults.asked(request.scope, "")))
        self._ways.refuse_if_asked(answer.words)
        self._core.recorder.counts["chat"] += 1
        tail = f"{self._core.random.getrandbits(116):029x}"
        reply = _Reply(f"chatcmpl-{tail}", int(self._core.clock.now()), wanted, answer, self._ways.strict)
        how = sse.manner(answer.words)
        if not wanted.stream:
            return sse.packed_json(_whole(reply), how, {})
        made = sse.blocks(_events(reply), how, self._ways.mid_stream())
        return sse.EventStream(self._core, made, how, {})


def usage(count: Count) -> Body:
    """The usage object of chat."""
    reasoning = min(count.reasoning, count.completion)
    return {
        "prompt_tokens": count.prompt,
        "completion_tokens": count.completion,
        "total_tokens": count.total,
        "prompt_tokens_details": {"cached_tokens": count.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _whole(reply: _Reply) -> Body:
    answer = reply.answer
    message: Body = {"role": "assistant", "content": None if answer.calls else answer.text, "refusal": None}
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": reply.call_id(place),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for place, call in enumerate(answer.calls)
        ]
    else:
        message["annotations"] = []
    choices: list[Json] = [
        {"index": place, "message": message, "logprobs": None, "finish_reason": answer.finish}
        for place in range(reply.order.n)
    ]
    count = replace(answer.count, completion=answer.count.completion * reply.order.n)
    body = reply.frame("chat.completion", choices)
    return body if answer.words.get("usage") == "none" else body | {"usage": usage(count)}


def _events(reply: _Reply) -> list[Event]:
    place = chunks.place_of(reply.answer.words, asked=reply.order.include_usage)
    nothing: Body = {"usage": None} if reply.order.include_usage else {}
    # Thoughts are not shown, but what follows them has their tokens on its count.
    steps = [step for step in talk.deltas(reply.answer) if step.kind != "thought"]
    each = reply.answer.count.completion
    made: list[Chunk] = []
    for index in range(reply.order.n):
        opening: Body = {"role": "assistant", "content": None if reply.answer.calls else "", "refusal": None}
        made.append(Chunk(_chunk(reply, index, opening, None) | nothing, index * each))
        for step in steps:
            finish = reply.answer.finish if step.kind == "finish" else None
            body = _chunk(reply, index, _delta(reply, step), finish)
            made.append(Chunk(body | nothing, index * each + step.so_far))

    def used(so_far: int) -> Json:
        return usage(replace(reply.answer.count, completion=so_far))

    bodies = chunks.spread(made, place, used, reply.frame("chat.completion.chunk", []))
    return [*(Event(body) for body in bodies), sse.DONE]


def _chunk(reply: _Reply, index: int, delta: Body, finish: str | None) -> Body:
    choice: Body = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return reply.frame("chat.completion.chunk", [choice])


def _delta(reply: _Reply, step: Delta) -> Body:
    if step.kind == "text":
        return {"content": step.text}
    if step.kind == "finish":
        return {}
    if not step.opens:
        return {"tool_calls": [{"index": step.call, "function": {"arguments": step.text}}]}
    function: Body = {"name": reply.answer.calls[step.call].name, "arguments": ""}
    opened: Body = {"index": step.call, "id": reply.call_id(step.call), "type": "function", "function": function}
    return {"tool_calls": [opened]}
