"""The gauges of a rollout follow its status, and go with it."""

import re
from math import isnan
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from streams.runtime import metrics, rollout_metrics
from tests.streams.views import stories


def status(rollout: str, verdict: str, requests: int) -> dict[str, Any]:
    """Return as much of a status as the gauges show."""
    sli = {"requests": requests, "error_rate": None, "p50": 1.0, "p95": 2.0, "p99": 3.0}
    checks = [{"name": "errors", "verdict": verdict, "e_value": 1.5}, {"name": "p95", "verdict": "PASS"}]
    weights = {"canary": 1.0, "stable": 99.0}
    known = {"requests": requests, "late": 1, "unreadable": 3, "refused": 0, "clamped": 0, "completeness": 0.5}
    return {
        "rollout": rollout,
        "completeness": 1.0,
        "telemetry": {"canary": known},
        "weights": weights,
        "slis": {"canary": sli},
        "checks": checks,
    }


def value(name: str, **labels: str) -> float | None:
    """Return what Prometheus would read."""
    return REGISTRY.get_sample_value(f"sluicegate_{name}", labels)


def test_what_is_measured_on_the_baseline_ends_with_the_rollout() -> None:
    """By check that counts in blocks; a status of an earlier build has none."""
    blocks = {"errors": {"rho_s": 12.0, "phi": 3.5}}
    rollout_metrics.show_status(status("blocks-v1", "PASS", 10))
    rollout_metrics.show_status(status("blocks-v1", "PASS", 10) | {"blocks": blocks})
    assert value("correlation_seconds", rollout="blocks-v1", check="errors") == 12.0
    assert value("dispersion", rollout="blocks-v1", check="errors") == 3.5
    for _ in range(2):
        rollout_metrics.show_status(status("blocks-v1", "FAIL", 10) | {"blocks": {}})
        assert value("correlation_seconds", rollout="blocks-v1", check="errors") is None
        assert value("dispersion", rollout="blocks-v1", check="errors") is None
    rollout_metrics.show_status(status("blocks-v1", "PASS", 10) | {"blocks": blocks})
    rollout_metrics.forget_rollout("blocks-v1")
    assert value("dispersion", rollout="blocks-v1", check="errors") is None


def test_gauges_follow_the_status() -> None:
    """A verdict is 1 for what it is now and 0 for all else; what has no value is not a number."""
    for verdict, requests in (("PASS", 10), ("FAIL", 20), ("FAIL", 20)):
        rollout_metrics.show_status(status("shown-v1", verdict, requests))
    assert value("verdict", rollout="shown-v1", check="errors", verdict="FAIL") == 1.0
    assert value("verdict", rollout="shown-v1", check="errors", verdict="PASS") == 0.0
    assert value("cohort_requests", rollout="shown-v1", cohort="canary") == 20.0
    assert value("cohort_latency_seconds", rollout="shown-v1", cohort="canary", quantile="0.95") == 0.002
    assert value("cohort_completeness", rollout="shown-v1", cohort="canary") == 0.5
    assert value("cohort_missing_events", rollout="shown-v1", cohort="canary", cause="unreadable") == 3.0
    assert value("cohort_missing_events", rollout="shown-v1", cohort="canary", cause="refused") == 0.0
    assert isnan(value("cohort_error_rate", rollout="shown-v1", cohort="canary") or 0.0)


def test_a_rollout_that_another_worker_judges_is_shown_no_more() -> None:
    """Nothing of it is left, and others are as they were; forgotten twice is forgotten."""
    rollout_metrics.show_status(status("gone-v1", "PASS", 10))
    rollout_metrics.show_status(status("kept-v1", "PASS", 10))
    rollout_metrics.forget_rollout("gone-v1")
    rollout_metrics.forget_rollout("gone-v1")
    left = [sample.labels for family in REGISTRY.collect() for sample in family.samples]
    assert not any(labels.get("rollout") == "gone-v1" for labels in left)
    assert value("completeness", rollout="kept-v1") == 1.0
    rollout_metrics.show_status(status("gone-v1", "PASS", 10))
    assert value("completeness", rollout="gone-v1") == 1.0


def test_the_newest_order_and_its_reports() -> None:
    """An unconfirmed order is 1, with what each actuator reported; reports of an older order are gone."""
    labels = {"rollout": "ordered-v1"}
    base = status("ordered-v1", "PASS", 10)
    failed, half = stories.failed()[0]["order"], stories.overdue()[0]["order"]
    rollout_metrics.show_status(base | {"order": failed})
    assert value("order_unconfirmed", **labels) == 1.0
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="failed") == 1.0
    rollout_metrics.show_status(base | {"order": half})
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="failed") is None
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="applied") == 1.0
    assert value("actuator_report", **labels, actuator="haproxy-us", status="missing") == 1.0
    other = {**half["reports"][0], "confirms": False}
    rollout_metrics.show_status(base | {"order": {**half, "reports": [other]}})
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="mismatched") == 1.0
    rollout_metrics.show_status(base | {"order": stories.confirmed()[0]["order"]})
    assert value("order_unconfirmed", **labels) == 0.0
    rollout_metrics.show_status(base | {"order": None})
    assert value("order_unconfirmed", **labels) == 0.0
    rollout_metrics.forget_rollout("ordered-v1")
    assert value("order_unconfirmed", **labels) is None


def test_gauges_of_partitions_go_with_them() -> None:
    """Another worker shows them now; a partition without gauges has nothing to remove."""
    for gauge in (metrics.WATERMARK_DELAY, metrics.JOURNAL_LAG, metrics.IGNORED, metrics.UNSNAPSHOTTED):
        gauge.labels(41).set(3)
    rollout_metrics.show_status(status("moved-v1", "PASS", 10))
    rollout_metrics.forget_journal_partition(41, ["moved-v1", "unknown-v1"])
    rollout_metrics.forget_journal_partition(42, [])
    names = ("watermark_delay_seconds", "journal_lag_records", "ignored_partials")
    assert [value(name, partition="41") for name in (*names, "unsnapshotted_rollouts")] == [None] * 4
    assert value("completeness", rollout="moved-v1") is None


def test_many_rollouts_that_ended_leave_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A while after the last order was confirmed; a rollout that runs, or waits for its actuator, keeps them."""
    running = {"phase": "baking", "confirmed": True}
    for number in range(200):
        name = f"ended-v{number}"
        rollout_metrics.count(metrics.DECISIONS, name, "start")
        rollout_metrics.show_status(status(name, "PASS", 10) | running)
        rollout_metrics.count(metrics.DECISIONS, name, "promote")
        rollout_metrics.count(metrics.ACKS, name, "applied")
        rollout_metrics.show_status(status(name, "PASS", 10) | {"phase": "promoted", "confirmed": number != 7})
    rollout_metrics.count(metrics.LATE_EVENTS, "ended-v8", by=3)
    rollout_metrics.show_status(status("ended-v9", "PASS", 10) | running)  # started again
    rollout_metrics.forget_idle_rollouts()
    assert shown() == {f"ended-v{number}" for number in range(200)}
    monkeypatch.setattr(rollout_metrics, "IDLE_SHOWN_S", 0.0)
    rollout_metrics.forget_idle_rollouts()
    assert shown() == {"ended-v7", "ended-v9"}
    rollout_metrics.count(metrics.LATE_EVENTS, "ended-v8", by=3)
    assert shown() == {"ended-v7", "ended-v8", "ended-v9"}
    for number in (7, 9):
        rollout_metrics.forget_rollout(f"ended-v{number}")
    rollout_metrics.forget_idle_rollouts()
    assert not shown()


def shown() -> set[str]:
    """The rollouts of the test above that the page has."""
    return set(re.findall(r'rollout="(ended-v\d+)"', generate_latest(REGISTRY).decode()))
