"""What processes leave to each other through the store: commands for a running gateway, and the lease of the one that follows tasks."""

from dataclasses import dataclass

from proxy.model import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Work that the command line leaves to whoever holds the follower's lease. Times are unix seconds.

    From `expires_at` on nobody waits for it any more, so it is not begun. `result` is None until it is done.
    """

    key: str
    kind: str
    arguments: JSON
    created_at: float
    expires_at: float
    ended_at: float | None = None
    result: JSON | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose turn it is, and until when in unix seconds unless it is renewed."""

    owner: str
    until: float
