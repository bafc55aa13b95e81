"""What became of a cohort's events."""

from __future__ import annotations

from dataclasses import replace

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
    assert known.document() == {
        "requests": 8,
        "late": 2,
        "unreadable": 0,
        "refused": 0,
        "clamped": 0,
        "completeness": pytest.approx(0.8),
    }


def test_each_cause_counts() -> None:
    """Unreadable, refused and late events come on top of the requests; clamped ones are among them."""
    both = replace(cell(60), unreadable=10, clamped=5)
    known = CohortTelemetry().with_pane(
        pane(0, both, cell(9), late={CANDIDATE: 3}, refused={CANDIDATE: 27, BASELINE: 1}), CANDIDATE
    )
    assert known == CohortTelemetry(on_time=60, late=3, unreadable=10, refused=27, clamped=5)
    assert (known.events, known.completeness) == (100, 0.55)
    assert known.missing == {"late": 3, "unreadable": 10, "refused": 27, "clamped": 5}


@pytest.mark.parametrize(("missing", "lacks"), [(0, False), (2, False), (12, False), (60, True), (1_000, True)])
def test_more_than_chance_must_be_missing_of_a_short_time(missing: int, lacks: bool) -> None:
    """Of about a thousand events, where 1% may be missing."""
    assert CohortTelemetry(on_time=1_000, unreadable=missing).lacks(0.99) is lacks


def test_counts_add_up() -> None:
    """Each cause with its own."""
    assert CohortTelemetry(1, 2, 3, 4, 5).plus(CohortTelemetry(10, 20, 30, 40, 50)) == CohortTelemetry(
        11, 22, 33, 44, 55
    )
