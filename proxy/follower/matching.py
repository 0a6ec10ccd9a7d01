"""Which upstream task belongs to which unanswered create (contract.md §7, "Resolving ambiguity"). Pure, and it never guesses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proxy.model import JSON, TaskRecord
from proxy.translate.videos import Sighting

BEFORE, AFTER = 120.0, 900.0
"""Seconds around a create within which the upstream may have made its task: clocks differ, and a slow create is made late."""

ECHOED = (
    "resolution",
    "ratio",
    "duration",
    "frames",
    "seed",
    "generate_audio",
    "service_tier",
    "execution_expires_after",
    "draft",
    "priority",
    "safety_identifier",
    "output_format",
)
"""Fields of a create that Ark's task shows again (ark-wire.md §3.1)."""

OPEN_CHOICES: tuple[object, ...] = (None, -1, "adaptive")
"""Values that leave the choice to the model, so that what the task shows says nothing."""


@dataclass(frozen=True, slots=True)
class Match:
    """A create and the one upstream task that must be its."""

    record: TaskRecord
    sighting: Sighting


def certain(records: Sequence[TaskRecord], unclaimed: Sequence[Sighting]) -> list[Match]:
    """The pairs in which one record and one unclaimed task agree with each other and with nobody else."""
    fits = {record.key: [sighting for sighting in unclaimed if agrees(record, sighting)] for record in records}
    wanted: dict[str, int] = {}
    for candidates in fits.values():
        for sighting in candidates:
            wanted[sighting.id] = wanted.get(sighting.id, 0) + 1
    return [
        Match(record, fits[record.key][0])
        for record in records
        if len(fits[record.key]) == 1 and wanted[fits[record.key][0].id] == 1
    ]


def candidates(record: TaskRecord, unclaimed: Iterable[Sighting]) -> list[Sighting]:
    """The unclaimed tasks that may be this create's."""
    return [sighting for sighting in unclaimed if agrees(record, sighting)]


def agrees(record: TaskRecord, sighting: Sighting) -> bool:
    """Whether model, time and every field that both sides state agree."""
    snapshot = sighting.snapshot
    if snapshot.created_at is None or not -BEFORE <= snapshot.created_at - record.created_at <= AFTER:
        return False
    if snapshot.model is not None and not _same_model(record.request_model, snapshot.model):
        return False
    return all(_fits(record.request, snapshot.facts, name) for name in ECHOED)


def _same_model(asked: str, shown: str) -> bool:
    """Ark shows the resolved model also for an endpoint id, which then says nothing."""
    return asked == shown or asked.startswith("ep-")


def _fits(asked: JSON, shown: JSON, name: str) -> bool:
    wanted, seen = asked.get(name), shown.get(name)
    return wanted in OPEN_CHOICES or seen is None or wanted == seen
