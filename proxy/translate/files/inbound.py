"""The codec of callers who read, list and delete files; what differs between the dialects is a few values that each of them brings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from proxy.model import JSON, Dialect
from proxy.translate.calls import CallAnswer, CallRequest, ObjectRef, Received
from proxy.translate.files import KIND, FileQuery, Pair, read_query


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInbound:
    """Callers of one dialect. `say` puts a file in their words; a list has `usual` files, at most `most`, and calls itself `listed`."""

    dialect: Dialect
    say: Callable[[JSON], JSON]
    usual: int
    most: int
    listed: str
    nobody: str | None

    def decode(self, received: Received) -> CallRequest:
        """The file named in the path."""
        named = ObjectRef(KIND, received.params.get("id", ""), "file_id")
        return CallRequest(model="", dialect=self.dialect, received=received, objects=(named,))

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """The upstream's bytes where it speaks the caller's dialect."""
        return self._shown(answer)

    def query(self, pairs: Iterable[Pair]) -> FileQuery:
        """The query of a list."""
        return read_query(pairs, self.usual, self.most)

    def page(self, files: Iterable[CallAnswer], *, more: bool) -> bytes:
        """A page of files, with the ids at its ends."""
        shown = list(files)
        ends = (
            {"first_id": shown[0].id, "last_id": shown[-1].id}
            if shown
            else dict.fromkeys(("first_id", "last_id"), self.nobody)
        )
        head = orjson.dumps({"object": self.listed})[:-1]
        tail = orjson.dumps({"has_more": more, **ends})[1:]
        return head + b',"data":[' + b",".join(map(self._shown, shown)) + b"]," + tail

    def _shown(self, answer: CallAnswer) -> bytes:
        return answer.raw if answer.dialect is self.dialect else orjson.dumps(self.say(answer.fields))


@dataclass(frozen=True, slots=True)
class DeletedInbound:
    """Callers who delete a file; both families say alike that it is gone."""

    reading: FileInbound

    def decode(self, received: Received) -> CallRequest:
        """The file named in the path."""
        return self.reading.decode(received)

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """`{id, object, deleted}`."""
        return orjson.dumps(answer.fields)
