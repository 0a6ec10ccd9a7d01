"""What is changed of a call's body before it travels on, and what its caller is told of it. The body itself is never encoded anew.

One policy for what an upstream has no word for: what changes the result or the bill is refused by name, what is cosmetic is dropped with
a warning, nothing in silence (openai-wire.md §5, "Lossy policy words").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

import orjson

from proxy.errors import Problem, Refusal
from proxy.model import JSON
from proxy.translate import jsonbody
from proxy.translate.calls import CallRequest
from proxy.translate.wire import Notice


class Loss(Enum):
    """What becomes of a field that an upstream has no word for; `UNLESS_LOSSY` is a † of the tables: refused unless the caller allows losses."""

    DROP = "drop"
    REFUSE = "refuse"
    UNLESS_LOSSY = "unless lossy"


@dataclass(slots=True)
class Edits:
    """The changes to one call's body. `put` and `leave_out` are lossless; the others tell the caller."""

    request: CallRequest
    notices: list[Notice] = field(default_factory=list)
    _values: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def fields(self) -> JSON:
        """The body as it came, without nulls."""
        return self.request.fields

    def put(self, name: str, value: object) -> None:
        """Give a top-level field this value."""
        self._values[name] = orjson.dumps(value)

    def put_raw(self, name: str, value: bytes) -> None:
        """Give a top-level field a value that is JSON already."""
        self._values[name] = value

    def leave_out(self, *names: str) -> None:
        """Do not send these fields: what they say is said in another way, or is what would be done anyhow."""
        self._values.update(dict.fromkeys(names))

    def warn(self, name: str, done: str) -> None:
        """Tell the caller what was done to a field."""
        self.notices.append(Notice(name, done))

    def drop(self, name: str, done: str) -> None:
        """Do not send a field, and say so."""
        self.leave_out(name)
        self.warn(name, done)

    def refuse(self, name: str, why: str) -> NoReturn:
        """A 400 that names the field: it has no counterpart at this upstream."""
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, f"{name}: {why}.", param=name)

    def drop_if_lossy(self, name: str, why: str, done: str) -> None:
        """The same, unless the caller allows losses (†): then the field is dropped and the caller told what was done instead."""
        if not self.request.received.lossy:
            self.refuse(name, f"{why}. Send x-arkbridge-lossy: allow to go on without it")
        self.drop(name, done)

    def settle(self, rules: Mapping[str, Loss], nothing: Mapping[str, object], upstream: str) -> None:
        """Apply the rules to the fields that came; `nothing` holds the values that ask for nothing, which are left out without a word."""
        why = f"{upstream} has no such parameter"
        for name, rule in rules.items():
            if name not in self.fields:
                continue
            if self.fields[name] in (nothing.get(name), False, [], {}, ""):
                self.leave_out(name)
            elif rule is Loss.DROP:
                self.drop(name, f"not sent, {why}")
            elif rule is Loss.REFUSE:
                self.refuse(name, why)
            else:
                self.drop_if_lossy(name, why, "not sent")

    def members(self) -> dict[str, object]:
        """The changed body as values, for upstreams that want a form."""
        kept = {name: value for name, value in self.fields.items() if name not in self._values}
        return kept | {name: orjson.loads(value) for name, value in self._values.items() if value is not None}

    @property
    def none(self) -> bool:
        """Whether nothing is to be changed."""
        return not self._values

    def body(self, *, drop_nulls: bool = False) -> bytes:
        """The body to send: the caller's bytes with only these changes; a form's fields become JSON. Nulls mean absent, in another dialect."""
        received = self.request.received.body
        if not received.form:
            return (
                jsonbody.splice(received.raw, self._values, drop_nulls=drop_nulls)
                if self._values or drop_nulls
                else received.raw
            )
        kept = {name: value for name, value in self.fields.items() if name not in self._values}
        return jsonbody.splice(orjson.dumps(kept), self._values)
