"""The simulated jobs and where they are kept: in memory, and in a journal file when one is asked for.

Every change is one appended line, so a change costs the same however many jobs there are and a killed process
loses at most a half-written last line, which the next start drops. The start rewrites the file in one replace.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from pydantic import JsonValue

Json: TypeAlias = JsonValue
QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, EXPIRED, CANCELLED = "succeeded", "failed", "expired", "cancelled"
TERMINAL = frozenset({SUCCEEDED, FAILED, EXPIRED, CANCELLED})


@dataclass
class Job:
    """One asynchronous job of any dialect. Times are seconds since 1970 on the simulator's clock.

    `pool` names the slots it competes for; `ready` is when it may start at the earliest, `lasts` how long it then
    runs, `outcome` how it ends; `directives` are the `[[sim:…]]` words of its prompt; `data` is the dialect's own.
    """

    id: str
    pool: str
    created: float
    ready: float
    lasts: float
    expires: float
    status: str = QUEUED
    updated: float = 0.0
    started: float | None = None
    ends: float | None = None
    priority: int = 0
    outcome: str = SUCCEEDED
    error: dict[str, str] | None = None
    directives: dict[str, str] = field(default_factory=dict)
    data: dict[str, Json] = field(default_factory=dict)


class JobStore:
    """Jobs by id in the order they were made, and a small dictionary of facts that outlive a restart."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.jobs: dict[str, Job] = {}
        self.facts: dict[str, Json] = {}
        if path is not None:
            self._load(path)
            self._compact(path)

    def save(self, job: Job) -> None:
        """Keep this job as it is now, in memory and on disk."""
        self.jobs[job.id] = job
        self._append({"job": dataclasses.asdict(job)})

    def remove(self, job_id: str) -> None:
        """Forget a job; an unknown id is no error."""
        if self.jobs.pop(job_id, None) is not None:
            self._append({"removed": job_id})

    def set_fact(self, name: str, value: Json) -> None:
        """Keep one fact beside the jobs (the clock's offset, a signing secret)."""
        self.facts[name] = value
        self._append({"fact": name, "value": value})

    def drop_fact(self, name: str) -> None:
        """Forget a fact; an unknown name is no error."""
        if self.facts.pop(name, None) is not None:
            self._append({"fact": name, "value": None})

    def _append(self, line: dict[str, object]) -> None:
        if self._path is None:
            return
        with self._path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")

    def _load(self, path: Path) -> None:
        for line in _lines(path):
            if "job" in line:
                job = Job(**line["job"])
                self.jobs[job.id] = job
            elif "removed" in line:
                self.jobs.pop(line["removed"], None)
            elif "fact" in line and line["value"] is None:
                self.facts.pop(line["fact"], None)
            elif "fact" in line:
                self.facts[line["fact"]] = line["value"]

    def _compact(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            for name, value in self.facts.items():
                file.write(orjson.dumps({"fact": name, "value": value}) + b"\n")
            for job in self.jobs.values():
                file.write(orjson.dumps({"job": dataclasses.asdict(job)}) + b"\n")
        fresh.replace(path)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal; a torn last one was never acknowledged and is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            with contextlib.suppress(orjson.JSONDecodeError):
                yield orjson.loads(line)
