"""What a translation cannot say: warned about or refused, by one policy (openai-wire.md §5, "Lossy policy words"), never dropped in silence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from proxy.errors import Problem, Refusal
from proxy.model import JSON
from proxy.translate.videos import VideoRequest
from proxy.translate.wire import Notice


class Loss(Enum):
    """What becomes of an option that an upstream has no word for. `OURS` is kept by the gateway itself, so nothing is lost."""

    DROP = "drop"
    REFUSE = "refuse"
    REFUSE_UNLESS_LOSSY = "refuse unless lossy"
    OURS = "ours"


# Values that ask for nothing: a caller who writes them loses nothing, so they are never a reason to refuse.
_ASKS_NOTHING: tuple[object, ...] = (False, -1, [], {}, "", "auto")


@dataclass(slots=True)
class Losses:
    """The losses of one create: what was warned of so far. Refusals name the field as the caller wrote it."""

    request: VideoRequest
    notices: list[Notice] = field(default_factory=list)

    def param(self, name: str) -> str:
        """What the caller called an option or a role."""
        return self.request.names.get(name, name)

    def param_of(self, item: JSON) -> str:
        """What the caller called the field that a content item came in."""
        return self.request.names.get(str(item.get("role"))) or self.param("content")

    def refuse_item(self, item: JSON, why: str) -> NoReturn:
        """A 400 that names the field a content item came in."""
        param = self.param_of(item)
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, f"{param}: {why}.", param=param)

    def warn(self, name: str, done: str) -> None:
        """Tell the caller what was done to a field."""
        self.notices.append(Notice(self.param(name), done))

    def refuse(self, name: str, why: str) -> NoReturn:
        """A 400 that names the field: it has no counterpart at this upstream."""
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, f"{self.param(name)}: {why}.", param=self.param(name))

    def refuse_unless_lossy(self, name: str, why: str, done: str) -> None:
        """The same, unless the caller allows losses: then what was done instead (openai-wire.md §5, †)."""
        if not self.request.lossy:
            raise Refusal(
                Problem.UNSUPPORTED_PARAMETER,
                f"{self.param(name)}: {why}. Send x-arkbridge-lossy: allow to go on without it.",
                param=self.param(name),
            )
        self.warn(name, done)

    def settle(self, rules: Mapping[str, Loss], upstream: str) -> None:
        """Apply the rules of an upstream to the options of the request that it has no word for."""
        for name, value in self.request.options.items():
            rule = rules.get(name, Loss.OURS)
            if rule is Loss.OURS:
                continue
            if rule is Loss.DROP or value in _ASKS_NOTHING:
                self.warn(name, f"not sent, {upstream} has no such parameter")
            elif rule is Loss.REFUSE:
                self.refuse(name, f"{upstream} has no such parameter")
            else:
                self.refuse_unless_lossy(name, f"{upstream} has no such parameter", "not sent")

    def strangers(self, known: Mapping[str, object], upstream: str) -> None:
        """Warn of every option that is not Ark's: its meaning at an upstream of another dialect cannot be known."""
        for name in self.request.options:
            if name not in known:
                self.warn(name, f"not sent, {upstream} has no known counterpart")
