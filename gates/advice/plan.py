"""What the stages of a policy will catch at a given traffic, and how long they take, before any rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import inf

from gates.advice.catching import (
    ALL_BAD,
    MEDIAN,
    Catch,
    Smallest,
    StageTraffic,
    below_base,
    catches,
    healthy_breach,
    smallest,
    spent_per_second,
)
from gates.advice.detectability import detectability
from gates.advice.passing import StageWait, check_passes, or_never, stage_wait
from gates.policy import Policy, Stage
from gates.slis.bounds import Bound
from gates.slis.definition import CheckDefinition, Sample
from gates.stats.power import Traffic

BLIND_ABOVE = 10.0
"""A check that can detect neither this regression nor a total failure within the bake is blind in that stage."""

BROKEN_FROM = 0.5
"""A bound that this share of healthy candidates breaks in a stage is a fault of the plan."""

WIDE_MARGIN = 0.02
"""The margin that makes a proof at little traffic possible."""


@dataclass(frozen=True, slots=True)
class HealthyBreach:
    """The chance that a healthy candidate breaks a check's bound in a stage, and the median time to it.

    `known` is false where that is not known in advance. `below_base` is true for a limit that is below the baseline's
    own share of errors.
    """

    chance: float = 0.0
    after: float = inf
    below_base: bool = False
    known: bool = True


UNKNOWN = HealthyBreach(known=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """Seconds until a healthy candidate is shown to be good; a stage with `proof: false` does not wait for them.

    `narrow` is true where a wider `margin` would shorten it.
    """

    seconds: float = 0.0
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What one check catches in one stage; times in seconds, infinite where it never will.

    `catches` has a time by size of the regression, `smallest` the smallest one caught within the bake, None if there is
    none. `advance` is the time to PASS when all is well, `health` how a healthy candidate stands to the bound.
    `foreseeable` is false where the traffic of the check, or the level of its figure, is not known in advance. `proof`
    is None where nothing is compared.
    """

    name: str
    catches: tuple[Catch, ...]
    smallest: Smallest | None
    advance: float
    bound: Bound | None = None
    health: HealthyBreach = UNKNOWN
    required: bool = True
    proof: Proof | None = Proof()
    counts_errors: bool = True
    foreseeable: bool = True

    @property
    def compared(self) -> bool:
        """Whether it compares with a baseline in the stage."""
        return self.proof is not None

    @property
    def detect(self) -> dict[float, float]:
        """The median time by the multiple of the baseline's figure."""
        return {catch.times: catch.median for catch in self.catches if catch.times != ALL_BAD}

    @property
    def broken(self) -> bool:
        """Whether healthy candidates break the bound more often than not, so that the stage cannot be passed."""
        often = self.health.below_base or self.health.chance >= BROKEN_FROM
        return often and self.required and self.foreseeable

    def catches_all_bad(self, within_s: float) -> bool:
        """Whether it catches in time, by its bound or by comparison, a candidate of which every event is bad."""
        return any(catch.times == ALL_BAD and catch.median <= within_s for catch in self.catches)

    def misses(self) -> bool:
        """Whether its comparison would miss `BLIND_ABOVE` times the baseline's figure."""
        matters = self.compared and self.required and self.foreseeable
        return matters and (self.smallest is None or self.smallest.times > BLIND_ABOVE)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: what its checks catch, and what a healthy candidate waits for.

    `base` is the baseline's share of errors. `proves` is false for `proof: false`.
    """

    name: str
    weight: float
    bake_s: float
    base: float
    wait: StageWait
    checks: tuple[CheckPlan, ...]
    proves: bool = True

    @property
    def compared(self) -> bool:
        """Whether a baseline is left to compare with."""
        return self.weight < 1.0

    @property
    def within_s(self) -> float:
        """From the confirmation to the end of the bake."""
        return self.wait.warmup + self.bake_s

    @property
    def blind(self) -> tuple[str, ...]:
        """The comparisons that detect not even `BLIND_ABOVE` within the bake, and no total failure either.

        A check of errors that catches a total failure stands in for each comparison of errors.
        """
        guarded = [check for check in self.checks if check.required and check.catches_all_bad(self.within_s)]
        errors = any(check.counts_errors for check in guarded)
        return tuple(
            check.name
            for check in self.checks
            if check.misses() and check not in guarded and not (check.counts_errors and errors)
        )

    @property
    def broken(self) -> tuple[CheckPlan, ...]:
        """The checks whose bound a healthy candidate breaks."""
        return tuple(check for check in self.checks if check.broken)

    @property
    def advance(self) -> float:
        """Median seconds from the confirmation until a healthy candidate has passed; infinite if it never does."""
        return inf if self.broken else or_never(self.wait.seconds, self.within_s)


def plan(policy: Policy, rps: float, base_error: float) -> tuple[StagePlan, ...]:
    """A plan per stage, for `rps` requests a second of both cohorts and the baseline's share `base_error` of errors.

    Raises:
        ValueError: the traffic is not above 0, or the error share not between 0 and 1.
    """
    if not rps > 0.0 or not 0.0 < base_error < 1.0:
        raise ValueError("requests a second must be above 0, and the share of errors between 0 and 1")
    stages: list[StagePlan] = []
    spent: dict[float, float] = {}
    before = 0.0
    for stage in policy.stages:
        traffic = StageTraffic(rps, stage.weight, before, base_error, policy.pane_ms / 1000.0, partial(_spent, spent))
        stages.append(_stage(policy, stage, traffic, new=stage is policy.stages[0]))
        before = traffic.rate
        if policy.budget is not None:
            lasting = stages[-1].advance if stages[-1].advance < inf else stages[-1].within_s
            slo = policy.budget.slo
            spent[slo] = spent.get(slo, 0.0) + lasting * spent_per_second(traffic, slo, base_error)
    return tuple(stages)


def _spent(spent: Mapping[float, float], slo: float) -> float:
    return spent.get(slo, 0.0)


def _stage(policy: Policy, stage: Stage, traffic: StageTraffic, *, new: bool) -> StagePlan:
    found = {
        name: detectability(policy, name, check, Traffic(traffic.rps, stage.weight), traffic.base, new=new)
        for name, check in policy.checks.items()
    }
    proofs = {name: check_passes(policy, check, found[name], traffic) for name, check in policy.checks.items()}
    passes = proofs
    if not stage.proves:
        passes = {
            name: check_passes(policy, check, None, traffic, proves=False) for name, check in policy.checks.items()
        }
    counting = [name for name, check in policy.checks.items() if check.required and _foreseeable(check.sample, check)]
    slowest = max((passes[name] for name in counting), default=0.0)
    wait = stage_wait(policy, stage, traffic, slowest)
    bake_s = stage.bake_ms / 1000.0
    least = wait.warmup + bake_s
    lasting = wait.seconds if or_never(wait.seconds, least) < inf else least
    checks = []
    for name, definition in policy.judged.items():
        comparison, bound = found.get(name), definition.bound
        checks.append(
            CheckPlan(
                name,
                catches(bound, comparison, traffic),
                smallest(bound, comparison, traffic, wait.warmup + bake_s),
                passes.get(name, 0.0),
                bound,
                _health(bound, traffic, lasting),
                definition.required,
                None if comparison is None else Proof(proofs[name], _narrow(policy.checks.get(name))),
                definition.counts_errors,
                _foreseeable(definition.sample, policy.checks.get(name)),
            )
        )
    return StagePlan(stage.name, stage.weight, bake_s, traffic.base, wait, tuple(checks), stage.proves)


def _health(bound: Bound | None, traffic: StageTraffic, lasting: float) -> HealthyBreach:
    breach = healthy_breach(bound, traffic)
    if breach is None:
        return UNKNOWN
    return HealthyBreach(breach.chance(lasting), breach.time(MEDIAN), below_base(bound, traffic))


def _narrow(check: CheckDefinition | None) -> bool:
    """Whether it has the key `margin`, and the margin could be wider."""
    compared = None if check is None else check.compared
    return compared is not None and compared.clusters and compared.margin.highest < WIDE_MARGIN


def _foreseeable(sample: Sample, check: CheckDefinition | None) -> bool:
    """A mean's level, and the traffic of probes, are not known in advance."""
    compared = None if check is None else check.compared
    return sample != "synthetic" and (compared is None or compared.foreseeable)
