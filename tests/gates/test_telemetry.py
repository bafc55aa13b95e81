"""What became of a cohort's events."""

from __future__ import annotations

import pytest

from gates.telemetry import CohortTelemetry
from tests.gates.pane_builders import BASELINE, CANDIDATE, cell, pane


def test_nothing_seen_is_complete() -> None:
    """A cohort without events lacks none; silence has rules of its own."""
    assert CohortTelemetry().completeness == 1.0


def test_only_the_cohorts_own_events_count() -> None:
    """Late events of the other cohort are not held against this one."""
    known = CohortTelemetry().with_pane(pane(0, cell(8), cell(90), late={CANDIDATE: 2, BASELINE: 30}), CANDIDATE)
    assert known.completeness == pytest.approx(0.8)
    assert known.document() == {"requests": 8, "late": 2, "completeness": pytest.approx(0.8)}
