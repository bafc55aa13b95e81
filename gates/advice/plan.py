"""What the stages of a policy will be able to detect at a given traffic, before any rollout."""

from __future__ import annotations

from dataclasses import dataclass

from gates.advice.detectability import EFFECTS, Detectability, detectability
from gates.policy import Policy, Stage
from gates.stats.power import P95_OVER_MEDIAN, Traffic

__all__ = ["BLIND_ABOVE", "EFFECTS", "CheckPlan", "StagePlan", "p95", "plan"]

BLIND_ABOVE = 10.0
"""A comparison that cannot detect even a tenfold regression within the bake is blind in that stage."""


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What one comparison can detect in one stage; times in seconds, infinite where it never will.

    `detect` has the median time by effect; the 95th percentile is about 2.3 times that. `smallest` is the smallest
    effect whose median is within the bake, None if there is none. `advance` is the time to pass when all is well.
    """

    name: str
    detect: dict[float, float]
    smallest: float | None
    advance: float


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: what its comparisons detect, and how long until each cohort has `min_requests` (seconds)."""

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
        """The comparisons that detect not even `BLIND_ABOVE` within the bake."""
        return tuple(c.name for c in self.checks if self.compared and (c.smallest is None or c.smallest > BLIND_ABOVE))

    @property
    def advance(self) -> float:
        """Median seconds until the stage is passed when all is well: the bake, or whatever takes longer."""
        return max(self.bake_s, self.enough_requests, *(check.advance for check in self.checks), 0.0)


def plan(policy: Policy, rps: float, base_error: float) -> tuple[StagePlan, ...]:
    """A plan per stage, for `rps` requests a second of both cohorts and the baseline's share `base_error` of errors.

    Raises:
        ValueError: the traffic is not above 0, or the error share not between 0 and 1.
    """
    if not rps > 0.0 or not 0.0 < base_error < 1.0:
        raise ValueError("requests a second must be above 0, and the share of errors between 0 and 1")
    first = policy.stages[0]
    return tuple(_stage(policy, stage, rps, base_error, new=stage is first) for stage in policy.stages)


def _stage(policy: Policy, stage: Stage, rps: float, base_error: float, *, new: bool) -> StagePlan:
    traffic = Traffic(rps, stage.weight)
    compared = stage.weight < 1.0
    smaller = min(stage.weight, 1.0 - stage.weight) if compared else 1.0
    checks = []
    for name, definition in policy.checks.items():
        found = detectability(policy, name, definition, traffic, base_error, new=new)
        if found is not None:
            checks.append(_check(name, found, stage))
    enough_requests = policy.min_requests / (rps * smaller)
    return StagePlan(stage.name, stage.weight, stage.bake_ms / 1000.0, enough_requests, tuple(checks))


def _check(name: str, found: Detectability, stage: Stage) -> CheckPlan:
    return CheckPlan(name, found.medians(), found.smallest(stage.bake_ms / 1000.0), found.passes())


def p95(median: float) -> float:
    """The 95th percentile that goes with a median time to detect."""
    return median * P95_OVER_MEDIAN
