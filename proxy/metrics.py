"""Counters and histograms in Prometheus' text form. No label carries a caller's text: families, dialects, statuses and upstream names only."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0)


class Metrics:
    """The process's metrics, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._calls = Counter(
            "arkbridge_calls", "Finished calls", ("operation", "dialect", "upstream", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "arkbridge_call_seconds", "Time to answer, s", ("operation",), buckets=BUCKETS, registry=self._registry
        )
        self.settlements = Counter("arkbridge_settlements", "Tasks settled", ("status",), registry=self._registry)
        self.spooled = Gauge(
            "arkbridge_spooled_rows", "Rows waiting because the store refused them", registry=self._registry
        )
        self._refused = Counter(
            "arkbridge_spool",
            "Writes that the store refused after something was bought",
            ("what",),
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, str, int], Counter] = {}

    def call(self, operation: str, dialect: str, upstream: str, status: int, seconds: float) -> None:
        """Count one finished call."""
        key = (operation, dialect, upstream, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._calls.labels(operation, dialect, upstream, str(status))
        child.inc()
        self._seconds.labels(operation).observe(seconds)

    def spool(self, waiting: int, *, refused: int = 0, lost: int = 0) -> None:
        """Writes that wait for the store now, and how many more it refused, or were lost because too many waited."""
        self.spooled.set(waiting)
        if refused:
            self._refused.labels("refused").inc(refused)
        if lost:
            self._refused.labels("lost").inc(lost)

    def render(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self._registry)
