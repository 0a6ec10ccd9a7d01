"""How a chat answer looks on Ark's wire, whole and in chunks (ark-wire.md §5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from proxy.simulator import chunks, sse, talk
from proxy.simulator.ark.chat.order import Order
from proxy.simulator.chunks import Body, Chunk
from proxy.simulator.jobs import Json
from proxy.simulator.sse import Event
from proxy.simulator.talk import Answer, Count, Delta

# What an endpoint id stands for: the answer names the model behind it, as Ark does.
BEHIND_ENDPOINTS = "seed-2-0-lite-260428"


@dataclass(frozen=True)
class Reply:
    """One answer on its way out: its id, its time, and what the route adds at the start (`opening`) and at the end (`bill`)."""

    id: str
    created: int
    order: Order
    answer: Answer
    opening: Body
    bill: Body

    def model(self) -> str:
        """The model that the answer names."""
        return BEHIND_ENDPOINTS if self.order.model.startswith("ep-") else self.order.model


def whole(reply: Reply) -> Body:
    """The answer in one piece."""
    message: Body = {"content": reply.answer.text, "role": "assistant"}
    if reply.answer.thoughts:
        message["reasoning_content"] = reply.answer.thoughts
    if reply.answer.calls:
        message["tool_calls"] = [
            {
                "function": {"arguments": call.arguments, "name": call.name},
                "id": call_id(reply, place),
                "type": "function",
            }
            for place, call in enumerate(reply.answer.calls)
        ]
    choice: Body = {"finish_reason": reply.answer.finish, "index": 0, "logprobs": None, "message": message}
    body = _frame(reply, "chat.completion", [choice | _moderation(reply.answer)])
    return body | {"usage": usage(reply.answer.count)} | reply.opening | reply.bill


def events(reply: Reply) -> list[Event]:
    """The answer as the events of a stream, `[DONE]` included."""
    steps = [_chunk(reply, step) for step in talk.deltas(reply.answer)]
    steps[0].body |= reply.opening
    place = chunks.place_of(reply.answer.words, asked=reply.order.include_usage, each=reply.order.chunk_usage)

    def used(so_far: int) -> Json:
        return usage(replace(reply.answer.count, completion=so_far))

    bodies = chunks.spread(steps, place, used, _frame(reply, "chat.completion.chunk", []) | {"usage": None})
    bodies[-1] |= reply.bill
    return [*(Event(body) for body in bodies), sse.DONE]


def usage(count: Count) -> Body:
    """The usage object; kinds of input are told apart where there is more than text."""
    prompt: Body = {"cached_tokens": count.cached}
    if count.media:
        prompt |= {"text_tokens": count.prompt - count.media, "image_tokens": count.media}
    return {
        "completion_tokens": count.completion,
        "prompt_tokens": count.prompt,
        "total_tokens": count.total,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": min(count.reasoning, count.completion)},
    }


def call_id(reply: Reply, place: int) -> str:
    """The id of a tool call."""
    return f"call_{reply.id[-20:]}{place}"


def _chunk(reply: Reply, step: Delta) -> Chunk:
    delta: Body = {"content": step.text if step.kind == "text" else "", "role": "assistant"}
    choice: Body = {"delta": delta, "index": 0}
    if step.kind == "thought":
        delta["reasoning_content"] = step.text
    elif step.kind == "call":
        delta["tool_calls"] = [_call(reply, step)]
    elif step.kind == "finish":
        choice["finish_reason"] = reply.answer.finish
        choice |= _moderation(reply.answer)
    return Chunk(_frame(reply, "chat.completion.chunk", [choice]) | {"usage": None}, step.so_far)


def _call(reply: Reply, step: Delta) -> Body:
    if step.opens:
        function: Body = {"arguments": "", "name": reply.answer.calls[step.call].name}
        return {"function": function, "id": call_id(reply, step.call), "index": step.call, "type": "function"}
    return {"function": {"arguments": step.text}, "index": step.call}


def _moderation(answer: Answer) -> Body:
    return {"moderation_hit_type": "severe_violation"} if answer.finish == "content_filter" else {}


def _frame(reply: Reply, kind: str, choices: Sequence[Json]) -> Body:
    return {
        "choices": [*choices],
        "created": reply.created,
        "id": reply.id,
        "model": reply.model(),
        "service_tier": reply.order.tier,
        "object": kind,
    }
