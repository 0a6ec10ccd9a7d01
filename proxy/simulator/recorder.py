"""What reached the simulator: the last requests, whole and as they were sent, bounded in number and in bytes."""

import base64
from collections import Counter, deque
from dataclasses import dataclass

from proxy.simulator.jobs import Json

MOST_REQUESTS = 10_000
MOST_BYTES = 256 * 1024 * 1024


@dataclass
class Recorded:
    """One request; `status` is None as long as it has no answer, and stays so when its connection was broken."""

    at: float
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int | None = None

    def as_json(self) -> dict[str, Json]:
        """The request as the control route shows it: a body that is not UTF-8 comes as `body_base64`."""
        shown: dict[str, Json] = {
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": [[name, value] for name, value in self.headers],
            "status": self.status,
        }
        try:
            shown["body"] = self.body.decode("utf-8")
        except UnicodeDecodeError:
            shown["body_base64"] = base64.b64encode(self.body).decode("ascii")
        return shown


class Recorder:
    """The last requests, oldest first, and running counts that no bound touches."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.routes: Counter[str] = Counter()
        self._requests: deque[Recorded] = deque()
        self._bytes = 0

    def add(self, request: Recorded) -> None:
        """Remember a request; the oldest go when there are too many or they are too large together."""
        self._requests.append(request)
        self._bytes += len(request.body)
        while len(self._requests) > MOST_REQUESTS or self._bytes > MOST_BYTES:
            self._bytes -= len(self._requests.popleft().body)

    def requests(self, path: str | None = None) -> list[Recorded]:
        """The remembered requests, those with this path if one is given."""
        return [request for request in self._requests if path is None or request.path == path]

    def clear(self) -> None:
        """Forget the requests; the counts stay."""
        self._requests.clear()
        self._bytes = 0
