"""The gauges of a rollout follow its status, and go with it."""

from math import isnan
from typing import Any

from prometheus_client import REGISTRY

from streams.runtime import metrics
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
    metrics.show_status(status("blocks-v1", "PASS", 10))
    metrics.show_status(status("blocks-v1", "PASS", 10) | {"blocks": blocks})
    assert value("correlation_seconds", rollout="blocks-v1", check="errors") == 12.0
    assert value("dispersion", rollout="blocks-v1", check="errors") == 3.5
    for _ in range(2):
        metrics.show_status(status("blocks-v1", "FAIL", 10) | {"blocks": {}})
        assert value("correlation_seconds", rollout="blocks-v1", check="errors") is None
        assert value("dispersion", rollout="blocks-v1", check="errors") is None
    metrics.show_status(status("blocks-v1", "PASS", 10) | {"blocks": blocks})
    metrics.forget_rollout("blocks-v1")
    assert value("dispersion", rollout="blocks-v1", check="errors") is None


def test_gauges_follow_the_status() -> None:
    """A verdict is 1 for what it is now and 0 for all else; what has no value is not a number."""
    for verdict, requests in (("PASS", 10), ("FAIL", 20), ("FAIL", 20)):
        metrics.show_status(status("shown-v1", verdict, requests))
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
    metrics.show_status(status("gone-v1", "PASS", 10))
    metrics.show_status(status("kept-v1", "PASS", 10))
    metrics.forget_rollout("gone-v1")
    metrics.forget_rollout("gone-v1")
    left = [sample.labels for family in REGISTRY.collect() for sample in family.samples]
    assert not any(labels.get("rollout") == "gone-v1" for labels in left)
    assert value("completeness", rollout="kept-v1") == 1.0
    metrics.show_status(status("gone-v1", "PASS", 10))
    assert value("completeness", rollout="gone-v1") == 1.0


def test_the_newest_order_and_its_reports() -> None:
    """An unconfirmed order is 1, with what each actuator reported; reports of an older order are gone."""
    labels = {"rollout": "ordered-v1"}
    base = status("ordered-v1", "PASS", 10)
    failed, half = stories.failed()[0]["order"], stories.overdue()[0]["order"]
    metrics.show_status(base | {"order": failed})
    assert value("order_unconfirmed", **labels) == 1.0
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="failed") == 1.0
    metrics.show_status(base | {"order": half})
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="failed") is None
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="applied") == 1.0
    assert value("actuator_report", **labels, actuator="haproxy-us", status="missing") == 1.0
    other = {**half["reports"][0], "confirms": False}
    metrics.show_status(base | {"order": {**half, "reports": [other]}})
    assert value("actuator_report", **labels, actuator="haproxy-eu", status="mismatched") == 1.0
    metrics.show_status(base | {"order": stories.confirmed()[0]["order"]})
    assert value("order_unconfirmed", **labels) == 0.0
    metrics.show_status(base | {"order": None})
    assert value("order_unconfirmed", **labels) == 0.0
    metrics.forget_rollout("ordered-v1")
    assert value("order_unconfirmed", **labels) is None
