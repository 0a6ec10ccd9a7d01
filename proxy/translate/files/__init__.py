"""Files: what the codecs of both dialects share (openai-wire.md §3.6, ark-wire.md §5.3).

The neutral form of a file is OpenAI's object; what only Ark says is kept beside it under Ark's names, and `metadata.status` is the
upstream's own word for the status.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from proxy.errors import Problem, Refusal, UnreadableAnswer
from proxy.model import JSON, Dialect, Profile, Upstream
from proxy.translate import coerce, errors
from proxy.translate.calls import CallAnswer, CallInbound, CallOutbound, CallRequest
from proxy.translate.wire import Notice, WireResponse

KIND: Final = "file"
"""What a file is called among the objects that callers own."""

PATH: Final = "/files"
CREATED_AT: Final = "created_at"
"""The only instant from which OpenAI counts the life of a file."""

PROGRESS: Final = "uploaded"
FINAL: Final = frozenset({"processed", "error"})
"""The statuses of a file that will not change by itself."""

LARGEST: Final = 512 * 1024 * 1024
"""Bytes of one file: both families' SDKs say that a file can have up to 512 MB. `server.max_body` is not asked, as no file is held here."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuery:
    """Which of a caller's files a list wants; `after` is the id to start behind."""

    after: str | None
    limit: int
    ascending: bool
    purpose: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """What a codec has to know of where and when a file goes: unix seconds, and the upstream's name for a model."""

    now: int
    named: Callable[[str], str]


class Fields(Protocol):
    """Says the fields of one upload in the upstream's words, one by one, in whatever order they come."""

    @property
    def notices(self) -> list[Notice]:
        """What the caller has to know, so far."""

    def text(self, name: str, value: str) -> Iterable[Pair]:
        """The upstream's fields for this one."""

    def file(self, name: str) -> None:
        """A file comes under this name; raises `Refusal` if it cannot go on."""

    def end(self) -> None:
        """No field is left; raises `Refusal` if one is missing without which another cannot be said."""


class FilesInbound(CallInbound, Protocol):
    """A caller's dialect; `decode` and `encode` are for one file."""

    def query(self, pairs: Iterable[Pair]) -> FileQuery:
        """The query of a list; raises `Refusal`."""

    def page(self, files: Iterable[CallAnswer], *, more: bool) -> bytes:
        """A page of files; `more` tells that others come behind it."""


class FilesOutbound(CallOutbound, Protocol):
    """An upstream's dialect; `encode` reads one file, `decode` takes its object, also one that was kept."""

    def fields(self, request: CallRequest, target: Target) -> Fields:
        """The translator of one upload."""

    def purpose(self, word: str) -> str:
        """The purpose under which this upstream has what a caller calls `word`."""

    def content(self, file_id: str) -> str | None:
        """The path of a file's bytes, None if the upstream does not hand them out."""


@dataclass(frozen=True, slots=True)
class FileCodecs:
    """The codecs of uploads, lists and downloads."""

    inbound: Mapping[Dialect, FilesInbound]
    outbound: Mapping[Dialect, FilesOutbound]


class AsItIs:
    """The fields of an upload between a caller and an upstream of the same dialect."""

    def __init__(self, target: Target, models: frozenset[str] = frozenset()) -> None:
        self.notices: list[Notice] = []
        self._target = target
        self._models = models

    def text(self, name: str, value: str) -> Iterable[Pair]:
        """As it came; of the fields that name a model, under the name it has upstream."""
        return ((name, self._target.named(value) if name in self._models else value),)

    def file(self, name: str) -> None:
        """What it is called is the upstream's to judge."""

    def end(self) -> None:
        """Nothing was held back."""


class OneFile:
    """Counts the files of an upload to another dialect, which takes one, under one name."""

    def __init__(self) -> None:
        self._seen = False

    def take(self, name: str) -> None:
        """One more; a second one, or one under another name, is a Refusal."""
        if name != "file":
            raise Refusal(
                Problem.INVALID_VALUE, f"The file is sent in the field 'file', not {name[:80]!r}.", param=name[:80]
            )
        if self._seen:
            raise Refusal(
                Problem.INVALID_VALUE, "One upload takes one file; send the others on their own.", param="file"
            )
        self._seen = True


def has_files(upstream: Upstream) -> bool:
    """Whether this kind of server has files at all: Ark and OpenAI have, the other servers that speak OpenAI's dialect have not."""
    return upstream.dialect is Dialect.ARK or upstream.profile is Profile.STRICT


def read_query(pairs: Iterable[Pair], usual: int, most: int) -> FileQuery:
    """The query of a list, which has the same parameters in both families but for the bounds of `limit`."""
    query = dict(pairs)
    limit = coerce.integer(query.get("limit") or str(usual), "limit")
    if not 1 <= limit <= most:
        raise Refusal(Problem.INVALID_VALUE, f"limit is {limit}; it lies between 1 and {most}.", param="limit")
    order = query.get("order") or "desc"
    if order not in {"asc", "desc"}:
        raise Refusal(Problem.INVALID_VALUE, f"order is {order[:40]!r}; it is asc or desc.", param="order")
    return FileQuery(
        after=query.get("after") or None, limit=limit, ascending=order == "asc", purpose=query.get("purpose") or None
    )


def read_file(response: WireResponse) -> tuple[str, dict[str, object]]:
    """The id and the object of a file. One that failed has an `error` and is no error of the call; an object without an id is."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError as broken:
        raise UnreadableAnswer(f"the upstream's answer is not JSON: {broken}") from None
    if not isinstance(body, dict):
        raise UnreadableAnswer("the upstream's answer is not a JSON object")
    file_id = body.get("id")
    if isinstance(file_id, str) and file_id:
        return file_id, body
    if body.get("error"):
        raise errors.decode(response)
    raise UnreadableAnswer("the upstream's answer has no id")


def status_of(body: JSON) -> str:
    """The word for a file's status; "" if there is none."""
    word = body.get("status")
    return word if isinstance(word, str) else ""


def with_word(body: JSON) -> dict[str, object]:
    """The object with the upstream's own word for its status in `metadata.status`."""
    metadata = body.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    return {**body, "metadata": {**kept, "status": body.get("status")}}


def settled(fields: JSON, now: float) -> bool:
    """Whether what we know of a file still holds: it is done, and its time is not over."""
    ends = fields.get("expires_at")
    return status_of(fields) in FINAL and not (isinstance(ends, int) and ends <= now)
