"""What the codecs of call families (chat, responses, images, embeddings …) share: requests that are answered at once, whole or as a stream.

The neutral form of such a call is its JSON in OpenAI's words with Ark's additions kept under Ark's names. Where caller and upstream speak
the same dialect, the bytes travel on and only the model's name is spliced; the codec is asked for the usage alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from proxy.model import JSON, Dialect, Usage
from proxy.translate.wire import Body, Notice, WireRequest, WireResponse


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object that a request names: its kind (`response`, `file`, `context` …), its id, and the field it stood in.

    Objects belong to a caller and live at one upstream (contract.md §5, "Isolation").
    """

    kind: str
    id: str
    param: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a caller sent besides its key: the body, the parameters of the path, the query, and headers (lower case)."""

    body: Body
    params: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    lossy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call in neutral words. `fields` is the decoded body without nulls; `model` is empty for calls that name none (reads of objects).

    `asked_usage` tells whether a streaming caller wants the usage event; `objects` are those that path and body name. `request_model` is
    the model's name at the upstream, once the call has been sent: answers show the caller's own name instead, if that is another one.
    """

    model: str
    dialect: Dialect
    received: Received
    request_model: str = ""
    fields: JSON = field(default_factory=dict)
    stream: bool = False
    asked_usage: bool = False
    objects: tuple[ObjectRef, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSend:
    """A call as it will be sent, and what was done to it."""

    request: WireRequest
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswer:
    """An upstream's whole answer: its JSON in neutral words and as it came, what it consumed, who answered.

    `raw` and `dialect` let the inbound codec of the same dialect pass the bytes on; `id` is that of the object made (responses, files).
    `facts` is what is kept of that object, where lists of objects are answered from our store.
    """

    fields: JSON
    raw: bytes
    dialect: Dialect
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    facts: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Calls:
    """The codecs of one verb of a call family, by dialect. A dialect that is missing on the outbound side has no such operation."""

    inbound: Mapping[Dialect, "CallInbound"]
    outbound: Mapping[Dialect, "CallOutbound"]


class CallStream(Protocol):
    """Translates one streamed answer; fed with the upstream's decoded bytes."""

    @property
    def usage(self) -> Usage | None:
        """What was consumed, once the stream has said it."""

    @property
    def model(self) -> str | None:
        """Who answered."""

    @property
    def id(self) -> str | None:
        """The id of the object that the stream made (a response)."""

    @property
    def error_code(self) -> str | None:
        """The code of an error that came inside the stream."""

    @property
    def ended(self) -> bool:
        """Whether the last event has come (`[DONE]`, `response.completed` …): what was fed last is held until the ledger row is durable."""

    @property
    def events(self) -> int:
        """How many events with output have come: the estimate of output tokens where no usage was reported."""

    def feed(self, chunk: bytes) -> bytes:
        """What the caller gets for these bytes; may be empty."""

    def close(self) -> bytes:
        """What is left for the caller when the upstream has ended."""


class CallInbound(Protocol):
    """The codec of a caller's dialect. `decode` raises `Refusal` and nothing else."""

    def decode(self, received: Received) -> CallRequest:
        """The request to neutral; nulls are gone, wrong types are a 400 that names the field as the caller wrote it."""

    def encode(self, answer: CallAnswer, request: CallRequest) -> bytes:
        """A whole answer in the caller's words, under the model name that the caller used."""


class CallOutbound(Protocol):
    """The codec of an upstream's dialect. Decoders raise `UnreadableAnswer`, and `UpstreamRefusal` for an error inside a 2xx."""

    def encode(self, request: CallRequest, model: str) -> CallSend:
        """The upstream's request; what has no counterpart is a `Refusal` or a notice (openai-wire.md §3, ark-wire.md §5.3).

        From a caller of the same dialect with a JSON body it is the caller's bytes with only what must change spliced.
        """

    def decode(self, response: WireResponse, request: CallRequest) -> CallAnswer:
        """The 2xx answer."""

    def stream(self, request: CallRequest, caller: Dialect) -> CallStream:
        """The translator of a streamed answer towards a caller's dialect."""
