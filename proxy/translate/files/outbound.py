"""The codec of upstreams that have files, for single ones: reading and deleting them."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from proxy.errors import UnreadableAnswer
from proxy.model import JSON, Dialect
from proxy.translate import passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream
from proxy.translate.files import PATH, read_file
from proxy.translate.wire import WireRequest, WireResponse


@dataclass(frozen=True, slots=True)
class FileOutbound:
    """Upstreams of one dialect; `read` puts a file of theirs in neutral words."""

    dialect: Dialect
    read: Callable[[JSON], JSON]

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """A read of one file."""
        return _one("GET", request, self.dialect)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """A file's object, which is also what is kept of it for lists."""
        file_id, body = read_file(response)
        return CallAnswer(
            fields=self.read(body), raw=response.body, dialect=self.dialect, id=file_id, facts=response.body
        )

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """No file is answered as a stream of events."""
        raise UnreadableAnswer("the upstream's answer is a stream of events where a file's object should be")


@dataclass(frozen=True, slots=True)
class DeletedOutbound:
    """Upstreams of one dialect that are to delete a file."""

    dialect: Dialect

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """A delete of one file."""
        return _one("DELETE", request, self.dialect)

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """That it is gone, also where the upstream says so without a word."""
        said = passing.read_answer(response) if response.body.strip() else {}
        fields = {"id": request.received.params["id"], "object": "file", "deleted": True, **said}
        return CallAnswer(fields=fields, raw=response.body, dialect=self.dialect)

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """No delete is answered as a stream of events."""
        raise UnreadableAnswer("the upstream's answer is a stream of events where a deleted file should be named")


def file_path(file_id: str, below: str = "") -> str:
    """The path of one file."""
    return f"{PATH}/{quote(file_id, safe='')}{below}"


def _one(method: str, request: CallRequest, upstream: Dialect) -> CallSend:
    headers = passing.headers_to(upstream, request.received)
    path = file_path(request.received.params["id"])
    return CallSend(request=WireRequest(method=method, path=path, headers=headers))
