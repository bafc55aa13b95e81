"""What is missing of the telemetry: the cause of most of it decides the advice."""

from __future__ import annotations

from typing import Any

import pytest

from gates.machine.missing_telemetry import ADVICE, advice, telemetry_missing, untrusted
from gates.telemetry import CohortTelemetry
from gates.verdicts import Evaluation
from tests.gates.pane_builders import T0, policy

GOOD: dict[str, Any] = {"silent_ms": 0, "silent_cohorts": (), "broken": False, "trusted": False, "completeness": 0.9}
LATE, UNREAD = CohortTelemetry(on_time=90, late=10), CohortTelemetry(on_time=50, late=1, unreadable=49)


def evaluation(**fields: Any) -> Evaluation:
    """An evaluation of which something is missing."""
    return Evaluation(T0, T0 + 1_000, (), **GOOD | fields)


@pytest.mark.parametrize(
    ("fields", "cause", "text"),
    [
        ({"on_time": 0.9}, "late", "telemetry is 90% complete, needs 99% (min_completeness)"),
        ({}, "late", "telemetry is incomplete: a source partition has not reported (90% so far)"),
        (
            {"on_time": 0.5, "least_complete": "canary", "telemetry": {"canary": UNREAD}},
            "unreadable",
            "canary's telemetry is 50% complete (1 of 100 events of stage half arrived too late, 49 could not be read), "
            "needs 99% (min_completeness)",
        ),
        (
            {"least_complete": "canary", "telemetry": {"canary": LATE}, "lately": ("canary", LATE)},
            "late",
            "canary's telemetry is 90% complete (10 of 100 events of the last minute arrived too late), needs 99% "
            "(min_completeness)",
        ),
    ],
)
def test_what_is_missing_and_what_to_do(fields: dict[str, Any], cause: str, text: str) -> None:
    """Of the stage first, then of the last minute; without a cohort a source partition has not reported."""
    assert untrusted(policy(), "half", evaluation(**fields)) == text
    assert advice(policy(), evaluation(**fields)) == ADVICE[cause]


def test_it_is_missing_for_a_hold_after_a_while() -> None:
    """Requests, or complete telemetry."""
    limit = policy().no_data.hold_after_ms
    assert telemetry_missing(policy(), evaluation(untrusted_ms=limit))
    assert not telemetry_missing(policy(), evaluation(untrusted_ms=limit - 1))
