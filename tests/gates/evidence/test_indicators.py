"""Indicators: the figures of both cohorts that a status shows."""

from __future__ import annotations

import pytest

from gates.evidence.indicators import Indicators
from gates.windows import CohortWindow
from tests.gates.pane_builders import T0, cell


def test_the_figures_of_a_window() -> None:
    """Requests a second over both cohorts; the error rate as a share; latencies in milliseconds; None without data."""
    busy, idle = CohortWindow(10_000), CohortWindow(10_000)
    busy.push(T0, T0 + 1_000, cell(50, 5, latency_ms=20.0))
    idle.push(T0, T0 + 1_000, cell(0))
    found = Indicators.of({"canary": busy, "stable": idle})
    assert found.rps == pytest.approx(5.0)
    assert found.cohorts["canary"].error_rate == 0.1
    assert found.cohorts["canary"].p95 == pytest.approx(20.0, rel=0.01)
    assert found.document()["stable"] == {
        "window_ms": 10_000,
        "requests": 0,
        "error_rate": None,
        "p50": None,
        "p95": None,
        "p99": None,
    }
