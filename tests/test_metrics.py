"""The metrics as Prometheus reads them: counted once, timed in seconds, one registry per process object."""

from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics import BUCKETS, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels, read with Prometheus' own parser."""
    text = metrics.render().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return samples(metrics).get((name, frozenset(labels.items())))


def test_fresh_metrics_can_be_read() -> None:
    """Before the first call there is a text that a scraper can read, with the gauge at nought and no call."""
    metrics = Metrics()
    assert samples(metrics) == {("arkbridge_spooled_rows", frozenset()): 0.0}
    assert metrics.content_type.startswith("text/plain; version=")
    assert metrics.content_type.endswith("charset=utf-8")


def test_calls_are_counted_by_operation_dialect_upstream_and_status() -> None:
    """Each finished call adds one to its own counter, also where no upstream was reached."""
    metrics = Metrics()
    for _ in range(3):
        metrics.call("videos.create", "openai", "ark", 200, 0.1)
    metrics.call("videos.create", "openai", "ark", 429, 0.1)
    metrics.call("videos.create", "ark", "ark", 200, 0.1)
    metrics.call("videos.create", "openai", "", 401, 0.1)
    counted = {labels: count for (name, labels), count in samples(metrics).items() if name == "arkbridge_calls_total"}
    expected = {
        ("openai", "ark", "200"): 3.0,
        ("openai", "ark", "429"): 1.0,
        ("ark", "ark", "200"): 1.0,
        ("openai", "", "401"): 1.0,
    }
    assert counted == {
        frozenset({("operation", "videos.create"), ("dialect", dialect), ("upstream", upstream), ("status", status)}): n
        for (dialect, upstream, status), n in expected.items()
    }


def test_calls_are_timed_by_operation() -> None:
    """The histogram has sum and count in seconds, and each call in every bucket that it fits into."""
    metrics = Metrics()
    times = (0.0, 0.001, 0.3, 1000.0)
    for seconds in times:
        metrics.call("videos.read", "ark", "ark", 200, seconds)
    assert value(metrics, "arkbridge_call_seconds_count", operation="videos.read") == 4.0
    assert value(metrics, "arkbridge_call_seconds_sum", operation="videos.read") == sum(times)
    for bucket in (*BUCKETS, float("inf")):
        fits = sum(1 for seconds in times if seconds <= bucket)
        name = "+Inf" if bucket == float("inf") else str(bucket)
        assert value(metrics, "arkbridge_call_seconds_bucket", operation="videos.read", le=name) == fits


def test_settlements_and_waiting_rows_are_shown() -> None:
    """Settled tasks are counted by status; the rows that wait for the store are a gauge that falls again."""
    metrics = Metrics()
    metrics.settlements.labels("succeeded").inc()
    metrics.settlements.labels("succeeded").inc()
    metrics.spooled.set(7)
    metrics.spooled.set(2)
    assert value(metrics, "arkbridge_settlements_total", status="succeeded") == 2.0
    assert value(metrics, "arkbridge_spooled_rows") == 2.0


def test_what_the_store_refused_is_counted() -> None:
    """The gauge has what waits now; refused and lost writes are counted for good."""
    metrics = Metrics()
    metrics.spool(3, refused=3)
    metrics.spool(5, refused=2, lost=1)
    metrics.spool(0)
    assert value(metrics, "arkbridge_spooled_rows") == 0.0
    assert value(metrics, "arkbridge_spool_total", what="refused") == 5.0
    assert value(metrics, "arkbridge_spool_total", what="lost") == 1.0


def test_two_sets_of_metrics_do_not_mix() -> None:
    """Every object has a registry of its own, so a second gateway in one process counts for itself."""
    first, second = Metrics(), Metrics()
    first.call("videos.read", "ark", "ark", 200, 0.1)
    assert value(second, "arkbridge_call_seconds_count", operation="videos.read") is None


def test_a_name_with_quotes_stays_one_label() -> None:
    """A label's value is escaped, so that no name of the configuration can forge a sample."""
    metrics = Metrics()
    name = 'a"} 1\narkbridge_spooled_rows 9\\'
    metrics.call("videos.read", "ark", name, 200, 0.1)
    labels = {"operation": "videos.read", "dialect": "ark", "upstream": name, "status": "200"}
    assert value(metrics, "arkbridge_calls_total", **labels) == 1.0
    assert value(metrics, "arkbridge_spooled_rows") == 0.0
