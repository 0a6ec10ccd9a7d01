"""The account's limits (ark-wire.md §2.9): creates a minute per model, the length of the queue, queries a second.

Every bucket runs on the simulator's clock, so an advance of the clock refills it.
"""

from proxy.simulator.ark.errors import ArkError
from proxy.simulator.clock import Bucket
from proxy.simulator.core import Core

CREATES_PER_MINUTE = 600
CREATES_PER_MINUTE_4K = 15
READS_PER_SECOND = 20
LISTS_PER_SECOND = 1
DELETES_PER_SECOND = 20


class Limits:
    """Refuses with a 429 what is too much, unless the settings say that limits are not enforced."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._creates: dict[str, Bucket] = {}
        self._reads = Bucket(core.clock, READS_PER_SECOND, READS_PER_SECOND)
        self._lists = Bucket(core.clock, LISTS_PER_SECOND, LISTS_PER_SECOND)
        self._deletes = Bucket(core.clock, DELETES_PER_SECOND, DELETES_PER_SECOND)

    def create(self, pool: str, *, has_4k: bool) -> None:
        """One more create in this pool: its rate, then the length of its queue."""
        if pool not in self._creates:
            rate = CREATES_PER_MINUTE_4K if has_4k else CREATES_PER_MINUTE
            self._creates[pool] = Bucket(self._core.clock, rate / 60, rate)
        if not self._creates[pool].take():
            self._refuse("ModelAccountRpmRateLimitExceeded", "The requests per minute of this model are exceeded.")
        if self._core.life.queued(pool) >= self._core.settings.queue_limit:
            self._refuse("QuotaExceeded", "The request has exceeded the quota of queued tasks.")

    def get(self) -> None:
        """One more read of a task."""
        self._per_second(self._reads)

    def list_(self) -> None:
        """One more list."""
        self._per_second(self._lists)

    def delete(self) -> None:
        """One more delete."""
        self._per_second(self._deletes)

    def _per_second(self, bucket: Bucket) -> None:
        if not bucket.take():
            self._refuse("AccountRateLimitExceeded", "The requests per second of this account are exceeded.")

    def _refuse(self, code: str, message: str) -> None:
        if self._core.settings.enforce_limits:
            self._core.recorder.counts["limited"] += 1
            raise ArkError(429, code, message)
