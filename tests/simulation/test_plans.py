"""What `sluicegate plan` foresees of limits and of healthy candidates, against the whole gate."""

from __future__ import annotations

from math import inf
from statistics import median
from typing import Any

import pytest

from gates.advice.catching import ALL_BAD, StageTraffic, breach_of
from gates.advice.plan import StagePlan, plan
from gates.decisions import Action
from streams.offline.simulation.run import SimulatedRun
from tests.simulation.rollouts import ERRORS, LOG, median_delay_s, policy, runs

pytestmark = pytest.mark.slow

LIMIT = {"sli": "error_rate", "limit": "5%"}
BURN = {"sli": "burn_rate", "slo": "99%", "window": "1m", "spend": "0.02%"}


def first_stage(rollout: Any, rps: float, base: float) -> StagePlan:
    """The plan of the only stage."""
    return plan(rollout, rps, base)[0]


def passed_after_s(found: tuple[SimulatedRun, ...]) -> float:
    """Median seconds until a rollout of one stage is promoted; infinite for never."""
    times = [
        next((each.at_ms / 1_000.0 for each in run.actions if each.action is Action.PROMOTE), inf) for run in found
    ]
    return median(times)


@pytest.mark.parametrize(
    ("check", "rps", "base", "times"),
    [
        (LIMIT, 100.0, 0.01, 10.0),
        (LIMIT, 100.0, 0.01, 100.0),
        (LIMIT, 20.0, 0.01, 100.0),
        (LIMIT, 400.0, 0.02, 3.0),
        (BURN, 200.0, 0.01, 20.0),
    ],
)
def test_a_limit_catches_as_planned(check: dict[str, Any], rps: float, base: float, times: float) -> None:
    """Within a factor of 1.5, or a pane and a half."""
    rollout = policy("10%", checks={"c": check})
    change = {"at": "0s", "candidate": {"error_rate": min(1.0, base * times)}}
    delay = median_delay_s(runs(rollout, 40, 51, rps=rps, error_rate=base, duration="20m", changes=[change]))
    planned = _planned(first_stage(rollout, rps, base), base, times)
    LOG.info("%s at %g/s, base %g, x%g: %g s, planned %g s", check["sli"], rps, base, times, delay, planned)
    assert planned / 1.5 - 1.5 <= delay <= planned * 1.5 + 1.5


def _planned(stage: StagePlan, base: float, times: float) -> float:
    """The plan's median, for the multiples that it has and for others by its bound."""
    (check,) = stage.checks
    if base * times >= 1.0:
        return next(each.median for each in check.catches if each.times == ALL_BAD)
    assert check.bound is not None
    rps = 200.0 / stage.wait.requests / stage.weight
    return breach_of(check.bound, StageTraffic(rps, stage.weight, 0.0, base, 1.0), base * times).time(0.5)


@pytest.mark.parametrize(
    ("stage", "checks", "rps", "base"),
    [
        ({"bake": "2m"}, {"c": LIMIT}, 100.0, 0.01),
        ({"bake": "30s"}, {"c": ERRORS | {"ratio": 1.25, "limit": "5%"}}, 100.0, 0.01),
        ({"bake": "2m", "warmup": "1m", "passes": 10}, {"c": LIMIT}, 30.0, 0.01),
        ({"bake": "5m"}, {"c": LIMIT}, 1.5, 0.01),
    ],
)
def test_a_healthy_candidate_passes_as_planned(
    stage: dict[str, Any], checks: dict[str, Any], rps: float, base: float
) -> None:
    """Bake, warm-up, evidence, passes in a row of thin traffic, gaps and holds: within a factor of two."""
    rollout = policy(checks=checks, stages=[{"name": "s", "weight": "10%", **stage}], min_requests=50)
    found = runs(rollout, 30, 52, rps=rps, error_rate=base, duration="2h")
    planned, took = first_stage(rollout, rps, base).advance, passed_after_s(found)
    LOG.info("%s at %g/s: passed after %g s, planned %g s", stage, rps, took, planned)
    assert planned / 2.0 <= took <= planned * 2.0


@pytest.mark.parametrize(("limit", "rps"), [("0.1%", 1_000.0), ("0.5%", 100.0), ("1.9%", 1_000.0)])
def test_a_limit_below_the_baselines_rate_never_passes(limit: str, rps: float) -> None:
    """No healthy rollout gets through, and the plan has it as a fault."""
    rollout = policy("10%", "50%", bake="2m", checks={"c": LIMIT | {"limit": limit}})
    found = runs(rollout, 20, 53, rps=rps, error_rate="2%", duration="30m")
    assert [each.name for each in first_stage(rollout, rps, 0.02).broken] == ["c"]
    assert not any(each.action is Action.PROMOTE for run in found for each in run.actions)


@pytest.mark.parametrize("limit", ["2.4%", "2.7%", "3%", "4%"])
def test_how_often_a_close_limit_stops_a_healthy_candidate(limit: str) -> None:
    """Within a quarter of all rollouts: the plan needs to know whether it happens rarely, often or always."""
    rollout = policy("10%", bake="10m", checks={"c": LIMIT | {"limit": limit}})
    found = runs(rollout, 40, 54, rps=1_000.0, error_rate="2%", duration="11m")
    stopped = sum(any(each.action in (Action.ROLLBACK, Action.PAUSE) for each in run.actions) for run in found)
    planned = first_stage(rollout, 1_000.0, 0.02).checks[0].health.chance
    LOG.info("limit %s: %d of 40 stopped, planned %.2f", limit, stopped, planned)
    assert stopped / 40 == pytest.approx(planned, abs=0.25)
