"""What a family declares of itself: its operations and, per dialect and profile, its codecs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.model import Dialect, Profile, Upstream
from proxy.translate.calls import Calls
from proxy.translate.files import FileCodecs
from proxy.translate.operation import Operation
from proxy.translate.videos import Inbound, Outbound


@dataclass(frozen=True, slots=True)
class Family:
    """A row of the grid.

    The task family has `inbound` codecs per caller's dialect and `outbound` ones per upstream's dialect and profile;
    call families have codecs per verb (`calls`); `files` are those of uploads, lists and downloads.
    """

    name: str
    operations: tuple[Operation, ...]
    inbound: Mapping[Dialect, Inbound] = field(default_factory=dict)
    outbound: Mapping[tuple[Dialect, Profile], Outbound] = field(default_factory=dict)
    calls: Mapping[str, Calls] = field(default_factory=dict)
    files: FileCodecs | None = None

    def toward(self, upstream: Upstream) -> Outbound:
        """The codec for an upstream; profiles exist only within the dialect `openai`."""
        profile = upstream.profile if upstream.dialect is Dialect.OPENAI else Profile.STRICT
        return self.outbound[(upstream.dialect, profile)]
