"""The gate, run many times over by policies and scenarios of these suites; and what chance allows of the counts."""

from __future__ import annotations

import logging
from math import exp, inf, lgamma, log
from statistics import median
from typing import Any

from gates.policy import Policy
from streams.offline.simulation.engine import simulate
from streams.offline.simulation.run import SimulatedRun
from streams.offline.simulation.scenario import Scenario

LOG = logging.getLogger("simulation")
"""What was measured; shown by `pytest -rP --log-level=INFO`."""

DOUBT = 0.001
"""A test of a rate fails by mistake with at most this probability."""

ERRORS = {"sli": "error_rate", "ratio": 1}
LATENCY = {"sli": "latency", "quantile": 0.95, "ratio": 1}


def policy(*weights: str, bake: str = "1h", **other: Any) -> Policy:
    """A policy with stages of these weights, all of the same bake time; its default check has ratio 1."""
    stages = [{"name": f"stage-{index}", "weight": weight, "bake": bake} for index, weight in enumerate(weights)]
    document = {
        "schema": "sluicegate.policy/v1",
        "rollout": "simulated",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "stages": stages,
        "checks": {"errors": ERRORS},
    }
    return Policy.parse(document | other)


def runs(plan: Policy, number: int, seed: int, **scenario: Any) -> tuple[SimulatedRun, ...]:
    """Runs of the gate with this policy; the scenario's keys are those of docs/simulate.md."""
    return simulate(plan, Scenario.parse(scenario), number, seed=seed)


def more_than(alpha: float, count: int, total: int) -> bool:
    """Whether `count` of `total` shows a rate above `alpha`: the lower Clopper-Pearson bound at 99.9 % is above it."""
    if not count:
        return False
    tail = sum(
        exp(lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) + k * log(alpha) + (total - k) * log(1.0 - alpha))
        for k in range(count, total + 1)
    )
    return tail < DOUBT


def false_rollbacks(found: tuple[SimulatedRun, ...]) -> int:
    """How many of the runs were rolled back for nothing."""
    return sum(run.falsely_rolled_back for run in found)


def median_delay_s(found: tuple[SimulatedRun, ...]) -> float:
    """Median seconds from the fault to the rollback, of the runs that lived to see the fault; infinite for never."""
    lived = [run for run in found if not run.falsely_rolled_back]
    return median(inf if run.delay_ms is None else run.delay_ms / 1_000.0 for run in lived)


def note(what: str, count: int, total: int) -> None:
    """Log a rate."""
    LOG.info("%s: %d of %d, %.1f %%", what, count, total, 100.0 * count / total)
