"""Metrics of a worker's partitions."""

from prometheus_client import REGISTRY

from gates.panes import CLASSES
from streams.runtime import metrics


def test_the_lag_of_a_lost_partition_is_not_shown() -> None:
    """Another worker shows it now; a partition without a gauge has nothing to remove."""
    metrics.INGEST_LAG.labels(41).set(3)
    metrics.forget_source_partitions([41, 42])
    assert REGISTRY.get_sample_value("sluicegate_ingest_lag_records", {"partition": "41"}) is None


def test_events_are_counted_by_outcome() -> None:
    """Heartbeats apart from users' requests, and synthetic requests under one name."""
    classes = len(CLASSES)
    metrics.count_events(43, {False: [1] * classes + [3], True: [2] * classes + [5]})
    labels = {"partition": "43", "outcome": "synthetic"}
    assert REGISTRY.get_sample_value("sluicegate_events_total", labels) == 2.0 * classes
    assert REGISTRY.get_sample_value("sluicegate_events_total", labels | {"outcome": "heartbeat"}) == 8.0
