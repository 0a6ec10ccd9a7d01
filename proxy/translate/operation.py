"""What an operation is: one verb of a family, its kind, and the routes that lead to it in each dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from proxy.model import Dialect


class Kind(Enum):
    """How the gateway carries an operation; there is one method of the gateway per kind. The body of an `UPLOAD` is read by that method."""

    UNARY = "unary"
    STREAM = "stream"
    CREATE_TASK = "create_task"
    READ_TASK = "read_task"
    LIST_TASKS = "list_tasks"
    CANCEL_TASK = "cancel_task"
    CONTENT = "content"
    UPLOAD = "upload"
    LIST_OBJECTS = "list_objects"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of a family. `routes` maps a dialect to its (method, path) pairs; paths are below /v1 or /api/v3, in Starlette's form.

    `makes` is the kind of object that its answer names and that then belongs to the caller (`response`, `file` …); `ends` tells that the
    object named in the path is gone afterwards. `free` marks what consumes nothing: no ledger row, and it may be tried again.
    """

    family: str
    verb: str
    kind: Kind
    routes: Mapping[Dialect, tuple[tuple[str, str], ...]]
    makes: str = ""
    ends: bool = False
    free: bool = False

    @property
    def name(self) -> str:
        """`family.verb`, as it stands in scopes, logs and the ledger."""
        return f"{self.family}.{self.verb}"
