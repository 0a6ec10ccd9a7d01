"""What a family declares of itself: its operations and, per dialect and profile, its codecs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.model import Dialect, Profile, Upstream
from proxy.translate.operation import Operation
from proxy.translate.videos import Inbound, Outbound


@dataclass(frozen=True, slots=True)
class Family:
    """A row of the grid. Task families have `inbound` codecs per caller's dialect and `outbound` ones per upstream's dialect and profile."""

    name: str
    operations: tuple[Operation, ...]
    inbound: Mapping[Dialect, Inbound] = field(default_factory=dict)
    outbound: Mapping[tuple[Dialect, Profile], Outbound] = field(default_factory=dict)

    def toward(self, upstream: Upstream) -> Outbound:
        """The codec for an upstream; profiles exist only within the dialect `openai`."""
        profile = upstream.profile if upstream.dialect is Dialect.OPENAI else Profile.STRICT
        return self.outbound[(upstream.dialect, profile)]
