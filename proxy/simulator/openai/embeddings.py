"""POST /v1/embeddings at OpenAI and at the servers that follow it (openai-wire.md §3.4).

A vector is that of `vectors`; a token is a word, or a number of a token array. With the directive `encoding=float` a vector
stays a list of numbers whatever was asked for, as some servers have it.
"""

from starlette.requests import Request
from starlette.responses import Response

from proxy.simulator import faults, sse, talk, vectors
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.openai import params
from proxy.simulator.openai.ways import Ways
from proxy.simulator.openai.work import Handler
from proxy.simulator.shelf import Object

PARAMETERS = params.table(string="model encoding_format user", integer="dimensions", texts="input")
MOST_INPUTS = 2048
MOST_DIMENSIONS = 4096


def table(core: Core, ways: Ways) -> dict[str, dict[str, Handler]]:
    """The embeddings route of one server."""

    async def create(request: Request) -> Response:
        body = await params.read(request, PARAMETERS, ways)
        model, inputs = ways.model_of(body), _inputs(body, ways)
        form = params.one_of(body, "encoding_format", ("float", "base64"), ways) or "float"
        size = params.whole(body, "dimensions", 1, MOST_DIMENSIONS, ways) or vectors.USUAL_SIZE
        words = faults.asked(request.scope, "\n".join(text for text, _ in inputs))
        ways.refuse_if_asked(words)
        packed = words.get("encoding", form) == "base64"
        data: list[Json] = []
        for place, (text, _) in enumerate(inputs):
            numbers = vectors.vector(talk.plain(text), size)
            vector: Json = vectors.packed(numbers) if packed else [*numbers]
            data.append({"object": "embedding", "index": place, "embedding": vector})
        tokens = sum(count for _, count in inputs)
        core.recorder.counts["embeddings"] += 1
        answer: Object = {"object": "list", "data": data, "model": model}
        if words.get("usage") != "none":
            answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return sse.packed_json(answer, sse.manner(words), {})

    return {"/v1/embeddings": {"POST": create}}


def _inputs(body: Object, ways: Ways) -> list[tuple[str, int]]:
    """Each input as a text and its tokens: strings, or arrays of numbers."""
    value = body.get("input")
    if value is None:
        raise ways.refused("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    items: list[Json] = value if isinstance(value, list) else [value]
    if items and all(_is_token(item) for item in items):
        items = [items]
    if not 1 <= len(items) <= MOST_INPUTS or not all(_is_input(item) for item in items):
        raise ways.refused("'$.input' is invalid. Please check the API reference.", "input")
    return [_counted(item) for item in items]


def _counted(item: Json) -> tuple[str, int]:
    if isinstance(item, list):
        return " ".join(str(token) for token in item), len(item)
    return str(item), talk.count(talk.plain(str(item)))


def _is_input(item: Json) -> bool:
    return bool(item) and (
        isinstance(item, str) or (isinstance(item, list) and all(_is_token(token) for token in item))
    )


def _is_token(item: Json) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)
