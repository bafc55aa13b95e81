"""What a policy's stages will be able to see at a given traffic, before anyone rolls out by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log

from gates.checks import thresholds_of
from gates.policy import ErrorRateCheck, LatencyCheck, Policy, Stage
from gates.stats.power import (
    LARGEST_EFFECT,
    P95_OVER_MEDIAN,
    Traffic,
    advance_growth,
    error_growth,
    latency_growth,
    median_time,
    smallest_effect,
)

EFFECTS = (1.5, 2.0, 5.0)
"""Regressions that a plan speaks of: so many times the baseline's figure."""

BLIND_ABOVE = 10.0
"""A stage that cannot see even a tenfold regression within its bake sees nothing."""

_GRID = tuple(round(1.05 * 1.05**step, 3) for step in range(ceil(log(LARGEST_EFFECT / 1.05) / log(1.05)) + 1))


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What one comparison can see in one stage; times in seconds, infinite where it never will.

    `detect` has the median time by effect; the 95th percentile is about 2.3 times that. `smallest` is the least effect
    whose median is within the bake, None if there is none. `advance` is the time to pass when all is well.
    """

    name: str
    detect: dict[float, float]
    smallest: float | None
    advance: float


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: what its comparisons see, and how long until each cohort has `min_requests` (seconds)."""

    name: str
    weight: float
    bake_s: float
    enough_requests: float
    checks: tuple[CheckPlan, ...]

    @property
    def compared(self) -> bool:
        """Whether a baseline is left to compare with."""
        return self.weight < 1.0

    @property
    def blind(self) -> tuple[str, ...]:
        """The comparisons that see nothing here within the bake."""
        return tuple(c.name for c in self.checks if self.compared and (c.smallest is None or c.smallest > BLIND_ABOVE))

    @property
    def advance(self) -> float:
        """Median seconds until the stage is passed when all is well: the bake, or whatever takes longer."""
        return max(self.bake_s, self.enough_requests, *(check.advance for check in self.checks), 0.0)


def plan(policy: Policy, rps: float, base_error: float) -> tuple[StagePlan, ...]:
    """A plan per stage, for `rps` requests a second of both cohorts and the baseline's error share `base_error`.

    Raises:
        ValueError: the traffic is not above 0, or the error share not between 0 and 1.
    """
    if not rps > 0.0 or not 0.0 < base_error < 1.0:
        raise ValueError("requests a second must be above 0, and the error share between 0 and 1")
    return tuple(_stage(policy, stage, rps, base_error) for stage in policy.stages)


def _stage(policy: Policy, stage: Stage, rps: float, base_error: float) -> StagePlan:
    traffic = Traffic(rps, stage.weight)
    compared = stage.weight < 1.0
    smaller = min(stage.weight, 1.0 - stage.weight) if compared else 1.0
    checks = tuple(
        _check(policy, name, definition, traffic, stage, base_error)
        for name, definition in policy.checks.items()
        if definition.ratio is not None and compared
    )
    return StagePlan(stage.name, stage.weight, stage.bake_ms / 1000.0, policy.min_requests / (rps * smaller), checks)


def _check(
    policy: Policy,
    name: str,
    definition: ErrorRateCheck | LatencyCheck,
    traffic: Traffic,
    stage: Stage,
    base_error: float,
) -> CheckPlan:
    thresholds = thresholds_of(policy)
    growth, advance = _growths(definition, traffic, base_error)
    seen = {times: growth(times) for times in _GRID}
    return CheckPlan(
        name=name,
        detect={times: median_time(growth(times), thresholds.rollback) for times in EFFECTS},
        smallest=smallest_effect(seen, thresholds.rollback, stage.bake_ms / 1000.0),
        advance=log(thresholds.advance) / advance if advance > 0.0 else float("inf"),
    )


def _growths(
    definition: ErrorRateCheck | LatencyCheck, traffic: Traffic, base_error: float
) -> tuple[Callable[[float], float], float]:
    """Evidence a second for a rollback by effect, and for an advance when all is well."""
    ratio = definition.ratio or 1.0
    if isinstance(definition, ErrorRateCheck):
        return lambda times: error_growth(traffic, base_error, times, ratio), advance_growth(traffic, base_error, ratio)
    quantile = definition.quantile
    return (
        lambda times: latency_growth(traffic, quantile, times, ratio) if times > ratio else 0.0,
        latency_growth(traffic, quantile, 1.0, ratio),
    )


def p95(median: float) -> float:
    """The 95th percentile that goes with a median time to detect."""
    return median * P95_OVER_MEDIAN
