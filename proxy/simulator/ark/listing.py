"""The query of LIST (ark-wire.md §3.2): which tasks, and which page of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from proxy.simulator.ark import task as tasks
from proxy.simulator.ark.errors import invalid
from proxy.simulator.jobs import QUEUED, RUNNING, TERMINAL, Job

MOST = 500


@dataclass(frozen=True)
class Listing:
    """One query. The default tier hides flex tasks, as the reference has it."""

    number: int
    size: int
    status: str | None
    ids: frozenset[str]
    model: str | None
    tier: str

    @classmethod
    def of(cls, query: QueryParams) -> "Listing":
        """Read the query; refuses numbers and words that are not allowed."""
        status, tier = query.get("filter.status"), query.get("filter.service_tier", "default")
        if status is not None and status not in {QUEUED, RUNNING, *TERMINAL}:
            raise invalid("filter.status", "queued, running, cancelled, succeeded, failed or expired is expected")
        if tier not in {"default", "flex"}:
            raise invalid("filter.service_tier", "default or flex is expected")
        ids = frozenset(query.getlist("filter.task_ids"))
        number, size = _number(query, "page_num", 1), _number(query, "page_size", 20)
        return cls(number, size, status, ids, query.get("filter.model"), tier)

    def selects(self, job: Job) -> bool:
        """Whether the filters let this task through; a model id means tasks that named it, not an endpoint."""
        task = tasks.of(job)
        return (
            (self.status is None or job.status == self.status)
            and (not self.ids or job.id in self.ids)
            and (self.model is None or task.wanted == self.model)
            and task.service_tier == self.tier
        )

    def page(self, found: Sequence[Job]) -> Sequence[Job]:
        """The asked-for page of what was selected."""
        start = (self.number - 1) * self.size
        return found[start : start + self.size]


def _number(query: QueryParams, name: str, usual: int) -> int:
    text = query.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise invalid(name, f"it must be within [1, {MOST}]")
    return int(text)
