"""Ark as an upstream of files, and Ark's callers (openai-wire.md §3.6, ark-wire.md §5.3, the types of its SDKs)."""

from collections.abc import Iterable, Mapping
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect
from proxy.translate import coerce
from proxy.translate.calls import CallRequest
from proxy.translate.errors import redact
from proxy.translate.files import CREATED_AT, PROGRESS, AsItIs, Fields, OneFile, Pair, Target, status_of, with_word
from proxy.translate.files.inbound import FileInbound
from proxy.translate.files.outbound import FileOutbound
from proxy.translate.wire import Notice

PURPOSES: Final = frozenset({"user_data", "agent", "voice"})
ANY_PURPOSE: Final = "user_data"
FOR_EVER: Final = -1
"""The `expire_at` of a file that is kept until it is deleted."""

MODELS: Final = frozenset({"model", "preprocess_configs[video][model]"})
"""The fields of an upload that name a model."""

TO_NEUTRAL: Final[Mapping[str, str]] = {"processing": PROGRESS, "active": "processed", "failed": "error"}
FROM_NEUTRAL: Final[Mapping[str, str]] = {PROGRESS: "processing", "processed": "active", "error": "failed"}

_ANCHOR: Final = "expires_after[anchor]"
_SECONDS: Final = "expires_after[seconds]"


def to_neutral(body: JSON) -> dict[str, object]:
    """An Ark file in OpenAI's words; a status that nobody knows is one in progress, a file that is kept for ever has no end."""
    ends = body.get("expire_at")
    said = with_word(body) | {"status": TO_NEUTRAL.get(status_of(body), PROGRESS)}
    said["expires_at"] = ends if isinstance(ends, int) and ends >= 0 else None
    for name in ("bytes", "filename"):
        said.setdefault(name, None)
    error = body.get("error")
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        clean = redact(error["message"])
        said |= {"error": {**error, "message": clean}, "status_details": clean}
    return said


def from_neutral(fields: JSON) -> dict[str, object]:
    """A neutral file in Ark's words, for Ark's callers; OpenAI's own members are kept beside them."""
    ends = fields.get("expires_at")
    status = FROM_NEUTRAL.get(status_of(fields), "processing")
    expire_at = ends if isinstance(ends, int) else FOR_EVER
    return with_word(fields) | {"status": status, "expire_at": expire_at}


class FromOpenAI:
    """The fields of an OpenAI caller's upload in Ark's words. What is not known here passes: Ark names what it does not take."""

    def __init__(self, target: Target) -> None:
        self.notices: list[Notice] = []
        self._target = target
        self._files = OneFile()
        self._seen: set[str] = set()

    def text(self, name: str, value: str) -> Iterable[Pair]:
        """Every field by itself; the end of a file's life, which OpenAI counts from now, as an instant."""
        self._seen.add(name)
        if name == "purpose":
            return ((name, self._purpose(value)),)
        if name == _ANCHOR:
            return _no_anchor(value)
        if name == _SECONDS:
            return (("expire_at", str(self._target.now + coerce.integer(value, name))),)
        return ((name, self._target.named(value) if name in MODELS else value),)

    def file(self, name: str) -> None:
        """One file, in the field `file`."""
        self._files.take(name)

    def end(self) -> None:
        """An anchor alone says nothing, and two ends of a life are one too many."""
        if _ANCHOR in self._seen and _SECONDS not in self._seen:
            raise Refusal(Problem.MISSING_PARAMETER, f"{_SECONDS} is required beside {_ANCHOR}.", param=_SECONDS)
        if {"expire_at", _SECONDS} <= self._seen:
            raise Refusal(
                Problem.CONFLICTING_PARAMETERS, "expire_at and expires_after say the same; send one.", param="expire_at"
            )

    def _purpose(self, word: str) -> str:
        said = purpose(word)
        if said != word:
            self.notices.append(Notice("purpose", f"sent as {said}, Ark has no purpose {word[:40]}"))
        return said


def _no_anchor(value: str) -> Iterable[Pair]:
    if value != CREATED_AT:
        message = f"{_ANCHOR} is {value[:40]!r}; the only anchor is '{CREATED_AT}'."
        raise Refusal(Problem.INVALID_VALUE, message, param=_ANCHOR)
    return ()


def purpose(word: str) -> str:
    """The purpose under which Ark has what a caller calls `word`."""
    return word if word in PURPOSES or not word else ANY_PURPOSE


class ArkFiles(FileOutbound):
    """Ark as the upstream of files."""

    def fields(self, request: CallRequest, target: Target) -> Fields:
        """The translator of one upload."""
        return AsItIs(target, MODELS) if request.dialect is Dialect.ARK else FromOpenAI(target)

    def purpose(self, word: str) -> str:
        """See `purpose`."""
        return purpose(word)

    def content(self, file_id: str) -> str | None:
        """Ark does not hand out the bytes."""
        return None


# The newer SDK notes that Ark's list calls itself a `file`, unlike any other list.
INBOUND: Final = FileInbound(dialect=Dialect.ARK, say=from_neutral, usual=100, most=1000, listed="file", nobody="")
OUTBOUND: Final = ArkFiles(Dialect.ARK, to_neutral)
