"""Requests and answers as they travel: values shared by every codec. Building and reading bytes only, never sending them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something done to a request that its caller should know: sent as `x-arkbridge-warning: <param>; <done>` (contract.md §6)."""

    param: str
    done: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a form: its bytes, the name and type its sender claimed (never trusted, openai-wire.md §1.4)."""

    data: bytes = field(repr=False)
    filename: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body to be sent; the HTTP client chooses the boundary. A file has a filename and a type."""

    name: str
    data: bytes = field(repr=False)
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request body, read once. `fields` holds JSON values; in a form, scalars are strings and files are `Upload`s.

    `raw` is the body as it came, a byte order mark aside. `form` tells that it was multipart or urlencoded, so its scalars need coercion by field.
    """

    fields: Mapping[str, object]
    raw: bytes = field(repr=False)
    form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """A request to an upstream, without its key: `path` is below the upstream's base URL. Either `body` or `parts` is used."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    parts: tuple[Part, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireResponse:
    """An upstream's complete answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
