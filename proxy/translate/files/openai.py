"""OpenAI as an upstream of files, and OpenAI's callers (openai-wire.md §3.6)."""

from collections.abc import Iterable, Mapping
from typing import Final

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.translate import coerce
from proxy.translate.calls import CallRequest
from proxy.translate.edits import Loss
from proxy.translate.files import CREATED_AT, AsItIs, Fields, OneFile, Pair, Target
from proxy.translate.files.inbound import FileInbound
from proxy.translate.files.outbound import FileOutbound, file_path
from proxy.translate.wire import Notice

PURPOSES: Final[Mapping[str, str]] = {"agent": "user_data"}
"""Ark's purposes that have another name here; `voice` has no counterpart."""

FOR_EVER: Final = -1

FOREIGN: Final[Mapping[str, tuple[Loss, str]]] = {
    "url": (Loss.REFUSE, "this upstream takes the bytes of a file, not its address; upload the file itself"),
    "tos": (Loss.REFUSE, "this upstream keeps files itself, not in a bucket of the caller's"),
    "preprocess_configs": (Loss.UNLESS_LOSSY, "this upstream does not preprocess files"),
    "model": (Loss.DROP, "this upstream does not preprocess files"),
    "description": (Loss.DROP, "files have no description at this upstream"),
}
"""What Ark's callers may send and OpenAI has no word for, by the part of the name before any bracket."""


class FromArk:
    """The fields of an Ark caller's upload in OpenAI's words. What is not listed passes: OpenAI names what it does not take."""

    def __init__(self, target: Target, *, lossy: bool) -> None:
        self.notices: list[Notice] = []
        self._target = target
        self._lossy = lossy
        self._files = OneFile()

    def text(self, name: str, value: str) -> Iterable[Pair]:
        """Every field by itself; an empty one asks for nothing."""
        root = name.partition("[")[0]
        if name == "purpose":
            return ((name, self._purpose(value)),)
        if not value and (root in FOREIGN or root == "expire_at"):
            return ()
        if root in FOREIGN:
            self._lose(root, *FOREIGN[root])
            return ()
        return self._life(coerce.integer(value, name)) if name == "expire_at" else ((name, value),)

    def file(self, name: str) -> None:
        """One file, in the field `file`."""
        self._files.take(name)

    def end(self) -> None:
        """Nothing was held back."""

    def _life(self, until: int) -> Iterable[Pair]:
        """How long from now, where Ark says until when; what is kept for ever is what OpenAI does unasked."""
        if until == FOR_EVER:
            return ()
        seconds = until - self._target.now
        if seconds <= 0:
            raise Refusal(Problem.INVALID_VALUE, f"expire_at is {until}, which is over.", param="expire_at")
        return (("expires_after[anchor]", CREATED_AT), ("expires_after[seconds]", str(seconds)))

    def _purpose(self, word: str) -> str:
        if word == "voice":
            message = "purpose: this upstream has no files for voices."
            raise Refusal(Problem.UNSUPPORTED_PARAMETER, message, param="purpose")
        said = purpose(word)
        if said != word:
            self.notices.append(Notice("purpose", f"sent as {said}, OpenAI has no purpose {word}"))
        return said

    def _lose(self, name: str, rule: Loss, why: str) -> None:
        if rule is Loss.REFUSE or (rule is Loss.UNLESS_LOSSY and not self._lossy):
            hint = "" if rule is Loss.REFUSE else ". Send x-arkbridge-lossy: allow to go on without it"
            raise Refusal(Problem.UNSUPPORTED_PARAMETER, f"{name}: {why}{hint}.", param=name)
        notice = Notice(name, f"not sent, {why}")
        if notice not in self.notices:
            self.notices.append(notice)


def purpose(word: str) -> str:
    """The purpose under which OpenAI has what a caller calls `word`."""
    return PURPOSES.get(word, word)


class OpenAIFiles(FileOutbound):
    """OpenAI as the upstream of files."""

    def fields(self, request: CallRequest, target: Target) -> Fields:
        """The translator of one upload."""
        if request.dialect is Dialect.OPENAI:
            return AsItIs(target)
        return FromArk(target, lossy=request.received.lossy)

    def purpose(self, word: str) -> str:
        """See `purpose`."""
        return purpose(word)

    def content(self, file_id: str) -> str | None:
        """The path of the bytes."""
        return file_path(file_id, "/content")


INBOUND: Final = FileInbound(dialect=Dialect.OPENAI, say=dict, usual=10_000, most=10_000, listed="list", nobody=None)
OUTBOUND: Final = OpenAIFiles(Dialect.OPENAI, dict)
