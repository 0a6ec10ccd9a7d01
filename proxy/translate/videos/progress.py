"""How far a task probably is: Ark does not say, so it is estimated from its age (openai-wire.md §5.3). The clock is a parameter."""

from collections.abc import Mapping

from proxy.model import Snapshot, TaskRecord, TaskStatus
from proxy.translate.videos import seedance

# Work per second of video, against 720p.
_WORK: Mapping[str, float] = {"480p": 0.6, "720p": 1.0, "1080p": 2.2, "4k": 6.0}
_CEILING = 95


def expected_seconds(record: TaskRecord) -> float:
    """How long such a task usually takes, by model family, length and resolution; an estimate in seconds, always positive."""
    family = seedance.family(record.request_model)
    resolution = str(record.request.get("resolution") or family.default_resolution).lower()
    return family.start + family.pace * _length(record) * _WORK.get(resolution, 1.0)


def progress(record: TaskRecord, now: float) -> int:
    """0 queued, at most 95 while it runs, 100 completed; a failed one stays where it was. Monotone in `now` for one record."""
    snapshot = record.snapshot
    if snapshot is None or snapshot.status in {TaskStatus.QUEUED, TaskStatus.CANCELLED}:
        return 0
    if snapshot.status is TaskStatus.SUCCEEDED:
        return 100
    if snapshot.status is TaskStatus.RUNNING:
        return max(_estimate(record, snapshot, now), min(_CEILING, snapshot.progress or 0))
    return _estimate(record, snapshot, _end(record, snapshot, now))


def _estimate(record: TaskRecord, snapshot: Snapshot, at: float) -> int:
    begun = snapshot.created_at if snapshot.created_at is not None else record.created_at
    return int(max(0.0, min(float(_CEILING), (at - begun) / expected_seconds(record) * 100)))


def _end(record: TaskRecord, snapshot: Snapshot, now: float) -> float:
    """When it ended, as far as anyone said."""
    if snapshot.updated_at is not None:
        return snapshot.updated_at
    return record.ended_at if record.ended_at is not None else now


def _length(record: TaskRecord) -> float:
    """Seconds of video asked for; 5, Ark's default, where the caller left it open."""
    duration, frames = record.request.get("duration"), record.request.get("frames")
    if isinstance(frames, int) and frames > 0:
        return frames / 24
    return float(duration) if isinstance(duration, int) and duration > 0 else 5.0
