"""Candidates that must not get more traffic, through the whole gate: at most 5 % of them do."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decisions import Action
from streams.offline.simulation.run import SimulatedRun
from tests.simulation.rollouts import ERRORS, more_than, note, policy, runs

pytestmark = pytest.mark.slow

ALPHA = 0.05
RUNS = 300
SPARING: dict[str, Any] = {"pane": "10s", "confidence": {"rollback": "0.1%", "advance": ALPHA, "dispersion": 1}}
UNREACHABLE = {"limit": "2%", "min_events": 1_000_000}
"""An objective of 2 % whose window never decides anything by itself."""


def passed(found: tuple[SimulatedRun, ...]) -> int:
    """How many runs left their first stage for more traffic, or for good."""
    return sum(any(taken.action in (Action.ADVANCE, Action.PROMOTE) for taken in run.actions) for run in found)


@pytest.mark.parametrize(("base", "ratio", "share"), [(0.04, 1.25, "10%"), (0.005, 2.0, "25%")])
def test_candidate_on_the_boundary_rarely_advances(base: float, ratio: float, share: str) -> None:
    """It fails exactly `ratio` times as often as the baseline and 0.5 % more: at most 5 % ever pass."""
    rollout = policy(share, "50%", bake="30s", checks={"errors": ERRORS | {"ratio": ratio}}, **SPARING)
    change = {"at": "0s", "candidate": {"error_rate": ratio * base + 0.005}}
    found = runs(rollout, RUNS, 41, rps=100, error_rate=base, duration="12m", changes=[change])
    wrong = passed(found)
    note(f"boundary, base {base}, ratio {ratio}", wrong, RUNS)
    assert not more_than(ALPHA, wrong, RUNS)


@pytest.mark.parametrize("phi", [5, 8])
def test_clustered_errors_are_allowed_for(phi: float) -> None:
    """On the boundary, errors in clusters of which nothing is known in advance: at most 5 % pass."""
    confidence = {"rollback": "0.1%", "advance": ALPHA}
    rollout = policy("10%", "50%", bake="1m", checks={"errors": ERRORS | {"ratio": 1.25}}, confidence=confidence)
    change = {"at": "0s", "candidate": {"error_rate": 1.25 * 0.005 + 0.005}}
    found = runs(rollout, 150, 41, rps=1_000, error_rate=0.005, duration="3m", clusters=phi, changes=[change])
    wrong = passed(found)
    note(f"boundary, clusters of {phi}", wrong, 150)
    assert not more_than(ALPHA, wrong, 150)


def test_equal_candidate_advances() -> None:
    """The same rollout with a candidate like the baseline goes on: what holds the others back is their errors."""
    rollout = policy("10%", "50%", bake="30s", checks={"errors": ERRORS | {"ratio": 1.25}}, **SPARING)
    found = runs(rollout, 40, 42, rps=1_000, error_rate="1%", duration="12m")
    assert passed(found) >= 38


def alone(**candidate: Any) -> tuple[SimulatedRun, ...]:
    """Runs of a stage at 100 %, where the candidate is held against an error rate of 2 %."""
    rollout = policy("100%", bake="30s", checks={"errors": ERRORS | UNREACHABLE}, **SPARING)
    change = {"at": "0s", "candidate": candidate}
    return runs(rollout, RUNS, 43, rps=30, error_rate="1%", duration="12m", changes=[change])


def test_candidate_alone_at_its_objective_rarely_passes() -> None:
    """At full weight, with exactly the error rate that the limit names: at most 5 % are promoted."""
    wrong = passed(alone(error_rate="2%"))
    note("alone, at the objective", wrong, RUNS)
    assert not more_than(ALPHA, wrong, RUNS)


def test_degraded_candidate_alone_is_rolled_back() -> None:
    """At full weight, with three times the errors that the limit names: rolled back, and none promoted."""
    found = alone(error_rate="6%")
    assert passed(found) == 0
    assert all(run.rollback_ms is not None for run in found)
