"""Embeddings of texts and of mixed media, and tokenization at Ark (ark-wire.md §5.3).

A vector is that of `vectors`, of a text or of the rendered parts of a mixed input; a token is a word, an image or a video
counts `talk.PART_TOKENS`. With the directive `encoding=float` a vector stays a list of numbers whatever was asked for.
"""

import re
import zlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator import faults, talk, vectors
from proxy.simulator.ark import fields
from proxy.simulator.ark.chat.order import model_of
from proxy.simulator.ark.desk import Desk, read_object, refuse_if_asked
from proxy.simulator.ark.errors import invalid, missing
from proxy.simulator.ark.fields import Body, without_nulls
from proxy.simulator.core import Core
from proxy.simulator.jobs import Json
from proxy.simulator.shelf import Object

MOST_INPUTS = 256
MOST_DIMENSIONS = 4096
_PARTS = ("text", "image_url", "video_url")


def routes(core: Core, desk: Desk) -> list[BaseRoute]:
    """The routes of embeddings, their batches, and tokenization."""
    rows = _Embeddings(core, desk)
    table = {
        "embeddings": rows.of_texts,
        "batch/embeddings": rows.of_texts,
        "embeddings/multimodal": rows.of_media,
        "batch/embeddings/multimodal": rows.of_media,
        "tokenization": rows.tokens,
    }
    return [Route(f"/api/v3/{path}", desk.answering(handler), methods=["POST"]) for path, handler in table.items()]


class _Embeddings:
    def __init__(self, core: Core, desk: Desk) -> None:
        self._core = core
        self._desk = desk

    async def of_texts(self, request: Request) -> Response:
        """POST embeddings: strings only."""
        body, model = await self._begin(request)
        texts = _texts(body, "input")
        words = self._words(request, "\n".join(texts))
        plain = [talk.plain(text) for text in texts]
        data = [
            {"embedding": _vector(body, text, words), "index": place, "object": "embedding"}
            for place, text in enumerate(plain)
        ]
        tokens = sum(talk.count(text) for text in plain)
        return self._answer(model, [*data], {"prompt_tokens": tokens, "total_tokens": tokens}, words)

    async def of_media(self, request: Request) -> Response:
        """POST embeddings/multimodal: one vector for all parts together."""
        body, model = await self._begin(request)
        parts = _parts(body)
        whole = talk.said("user", parts)
        words = self._words(request, "".join(f"[[sim:{name}={value}]]" for name, value in whole.words.items()))
        data: Object = {"embedding": _vector(body, whole.text, words), "object": "embedding"}
        if _enabled(body, "sparse_embedding"):
            numbers = vectors.vector(whole.text, vectors.USUAL_SIZE)
            data["sparse_embedding"] = [{"index": at, "value": value} for at, value in enumerate(numbers) if value > 0]
        if _enabled(body, "multi_embedding"):
            data["multi_embedding"] = [_vector(body, talk.said("user", [part]).text, words) for part in parts]
        details: Object = {"text_tokens": whole.tokens - whole.media, "image_tokens": whole.media}
        usage: Object = {"prompt_tokens": whole.tokens, "total_tokens": whole.tokens, "prompt_tokens_details": details}
        return self._answer(model, data, usage, words)

    async def tokens(self, request: Request) -> Response:
        """POST tokenization: the words of each text, where they stand, and a number for each."""
        body, model = await self._begin(request)
        texts = _texts(body, "text")
        words = self._words(request, "\n".join(texts))
        data: list[Json] = []
        for place, text in enumerate(texts):
            found = list(re.finditer(r"\S+", text))
            data.append(
                {
                    "index": place,
                    "object": "tokenization",
                    "total_tokens": len(found),
                    "token_ids": [zlib.crc32(match[0].encode()) % 100_000 for match in found],
                    "offset_mapping": [[match.start(), match.end()] for match in found],
                }
            )
        return self._answer(model, data, None, words)

    async def _begin(self, request: Request) -> tuple[Object, str]:
        self._desk.authenticate(request)
        body = without_nulls(await read_object(request))
        return body, model_of(body)

    def _words(self, request: Request, text: str) -> dict[str, str]:
        words = faults.asked(request.scope, text)
        refuse_if_asked(words)
        return words

    def _answer(self, model: str, data: Json, usage: Object | None, words: Mapping[str, str]) -> Response:
        self._core.recorder.counts["tokenizations" if usage is None else "embeddings"] += 1
        body: Object = {
            "id": self._desk.request_id(),
            "created": int(self._core.clock.now()),
            "data": data,
            "model": model,
            "object": "list",
        }
        return self._desk.answer(body if usage is None else body | {"usage": usage}, words)


def _texts(body: Body, name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        raise missing(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_INPUTS:
        raise invalid(name, f"a string, or an array of 1 to {MOST_INPUTS} strings is expected")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise invalid(f"{name}[{place}]", "a string is expected")
    return texts


def _parts(body: Object) -> list[Json]:
    value = body.get("input")
    if value is None:
        raise missing("input")
    if not isinstance(value, list) or not value:
        raise invalid("input", "a non-empty array is expected")
    for place, part in enumerate(value):
        where = f"input[{place}]"
        if not isinstance(part, dict):
            raise invalid(where, "an object is expected")
        kind = part.get("type")
        if kind not in _PARTS:
            raise invalid(f"{where}.type", f"it must be one of {', '.join(_PARTS)}")
        inner = part.get(str(kind))
        if not (isinstance(inner, str) if kind == "text" else isinstance(inner, dict) and inner.get("url")):
            raise missing(f"{where}.{kind}")
    return value


def _vector(body: Body, text: str, words: Mapping[str, str]) -> Json:
    size = fields.integer(body, "dimensions", 1, MOST_DIMENSIONS) or vectors.USUAL_SIZE
    numbers = vectors.vector(text, size)
    form = fields.word(body, "encoding_format", ("float", "base64")) or "float"
    return vectors.packed(numbers) if words.get("encoding", form) == "base64" else [*numbers]


def _enabled(body: Body, name: str) -> bool:
    return fields.word(fields.inside(body, name), f"{name}.type", ("enabled", "disabled")) == "enabled"
