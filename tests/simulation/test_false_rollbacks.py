"""Healthy rollouts through the whole gate, many times over: at most alpha of them are rolled back.

The candidate stands on the boundary of what the policy allows (as many errors as the baseline, at ratio 1), where a
false rollback is likeliest. A count is refused if the true rate is above alpha with 99.9 % confidence.
"""

from __future__ import annotations

from typing import Any

import pytest

from gates.decisions import Action
from tests.simulation.rollouts import ERRORS, LATENCY, false_rollbacks, more_than, note, policy, runs

pytestmark = pytest.mark.slow

ALPHA = 0.1
RUNS = 160
SPARING: dict[str, Any] = {
    "pane": "10s",
    "confidence": {"rollback": ALPHA, "advance": 0.5, "dispersion": 1},
    "min_requests": 1,
}
"""A pane as full as one of a second at ten times the traffic, at a tenth of the cost; quick to advance."""
TRAFFIC: dict[str, Any] = {"rps": 400, "duration": "20m", "error_rate": "1%"}
STEADY = ("5%",)
RAMP = ("5%", "10%", "20%", "40%", "60%")


def burst(minute: int) -> dict[str, Any]:
    """For a minute, both fail ten times as often."""
    return {"at": f"{minute}m", "until": f"{minute + 1}m", "both": {"error_ratio": 10}}


def slow_down(minute: int) -> dict[str, Any]:
    """For three minutes, everything takes half as long again, in both."""
    return {"at": f"{minute}m", "until": f"{minute + 3}m", "both": {"latency_factor": 1.5, "tail_factor": 3}}


BURSTS = [burst(minute) for minute in (1, 4, 9, 13)]
SINE = {"sine": {"period": "6m", "amplitude": "90%"}, "ramp": 3}

HEALTHY: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "constant": (STEADY, {}),
    "ramp": (RAMP, {}),
    "bursts": (STEADY, {"changes": BURSTS}),
    "wrong share, drift": (STEADY, {"share_factor": 3, "drift": SINE}),
    "ramp and bursts": (RAMP, {"changes": BURSTS}),
    "wrong share, bursts": (STEADY, {"share_factor": 0.3, "changes": BURSTS}),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_candidate_is_rarely_rolled_back(name: str) -> None:
    """Whatever both cohorts live through together, and through a ramp of the weights: at most alpha."""
    weights, scenario = HEALTHY[name]
    bake = "2m" if weights is RAMP else "1h"
    found = runs(policy(*weights, bake=bake, **SPARING), RUNS, 21, **(TRAFFIC | scenario))
    wrong = false_rollbacks(found)
    note(name, wrong, RUNS)
    assert not more_than(ALPHA, wrong, RUNS)
    if weights is RAMP:
        ramped = sum(taken.action is Action.ADVANCE for run in found for taken in run.actions)
        assert ramped > RUNS  # it is a ramp that was tested


def clustered(phi: float, alpha: float, pane: str, duration: str, **other: Any) -> int:
    """The false rollbacks where errors come in clusters; measured, unless stated as `dispersion`."""
    confidence = {"rollback": alpha}
    if "dispersion" in other:
        confidence["dispersion"] = other.pop("dispersion")
    plan = policy("5%", pane=pane, confidence=confidence)
    traffic = {"rps": 1_000, "error_rate": "1%", "duration": duration, "clusters": phi}
    return false_rollbacks(runs(plan, RUNS, 22, **(traffic | other)))


@pytest.mark.parametrize(
    ("phi", "alpha", "pane", "duration", "error_rate"),
    [
        (2, 0.05, "10s", "12m", "1%"),
        (5, 0.05, "5s", "10m", "1%"),
        (8, 0.05, "1s", "3m", "1%"),
        (5, 0.01, "5s", "10m", "0.1%"),
    ],
)
def test_measured_clusters_are_allowed_for(phi: float, alpha: float, pane: str, duration: str, error_rate: str) -> None:
    """Their size is measured on the baseline, from the first minute on with doubt: at most alpha, long run or short."""
    wrong = clustered(phi, alpha, pane, duration, error_rate=error_rate, users=True)
    note(f"clusters of {phi}, measured, {error_rate}, alpha {alpha}", wrong, RUNS)
    assert not more_than(alpha, wrong, RUNS)


@pytest.mark.parametrize("phi", [2, 5, 8])
def test_stated_clusters_are_allowed_for(phi: float) -> None:
    """Nothing is measured, the dispersion stands in the policy: at most alpha of 5 %."""
    wrong = clustered(phi, 0.05, "5s", "6m", dispersion=phi)
    note(f"clusters of {phi}, stated", wrong, RUNS)
    assert not more_than(0.05, wrong, RUNS)


@pytest.mark.parametrize(
    ("phi", "alpha", "pane", "duration", "error_rate"),
    [
        (2, 0.05, "5s", "6m", "1%"),
        (5, 0.05, "5s", "6m", "1%"),
        (8, 0.05, "5s", "6m", "1%"),
        (8, 0.05, "1s", "3m", "1%"),
        (5, 0.01, "5s", "10m", "0.1%"),
    ],
)
def test_clusters_without_users_are_allowed_for(
    phi: float, alpha: float, pane: str, duration: str, error_rate: str
) -> None:
    """Neither users nor a stated dispersion: their size is measured by time, and at most alpha are rolled back."""
    wrong = clustered(phi, alpha, pane, duration, error_rate=error_rate)
    note(f"clusters of {phi}, by time, {error_rate}, alpha {alpha}", wrong, RUNS)
    assert not more_than(alpha, wrong, RUNS)


def test_clusters_taken_for_independent_errors_break_the_promise() -> None:
    """The policy states 1 and is wrong: far more than alpha, so the suites above would see a bad rule."""
    wrong = clustered(5, 0.05, "5s", "6m", dispersion=1)
    note("clusters of 5, stated to be independent", wrong, RUNS)
    assert more_than(0.05, wrong, RUNS)


SEVERAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "two checks, weighted": (
        {"checks": {"errors": ERRORS | {"weight": 2}, "p95": LATENCY}},
        {"changes": [slow_down(2), burst(4), slow_down(9)]},
    ),
    "two families of three must fail": (
        {
            "checks": {"errors": ERRORS, "p95": LATENCY, "p50": LATENCY | {"quantile": 0.5, "family": "saturation"}},
            "rollback_on": {"failing": 2},
        },
        {},
    ),
    "latency, both slow down": ({"checks": {"p95": LATENCY}}, {"changes": [slow_down(2), slow_down(8)]}),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_comparisons_share_one_alpha(name: str) -> None:
    """Latency, and several comparisons at once, on an equal candidate: at most alpha for all of them together."""
    checks, scenario = SEVERAL[name]
    found = runs(policy("10%", **(SPARING | checks)), RUNS, 23, **(TRAFFIC | {"duration": "12m"} | scenario))
    wrong = false_rollbacks(found)
    note(name, wrong, RUNS)
    assert not more_than(ALPHA, wrong, RUNS)
