"""What a comparison can detect at a given traffic, and how soon: for plans, and beside each live check.

All times are seconds, all shares are from 0 to 1, and evidence is in nats (natural logarithms of an e-value).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, exp, inf, log

from gates.comparison.dispersion import NO_PRIOR, prior_for
from gates.comparison.joint_test import JointTest
from gates.policy import Policy
from gates.policy.checks import joint_test_of
from gates.slis.definition import CheckDefinition, ComparedFigure
from gates.stats.power import (
    LARGEST_EFFECT,
    Traffic,
    advance_growth,
    alone_growth,
    error_growth,
    latency_growth,
    median_time,
    smallest_effect,
    time_with_dispersion,
)
from gates.verdicts import Measurement, Verdict, significant

EFFECTS = (1.5, 2.0, 5.0)
"""The regressions that plans and statuses report, as multiples of the baseline's figure."""

_WORDS = {times: f"x{times:g}" for times in EFFECTS}

INDEPENDENT = 1.3
"""What is measured as phi where errors are independent: the larger of two noisy estimates, with their margin."""

LEAST_SO_FAR = 1e-6
"""A smaller e-value for an advance counts as this one: what led to it need not last."""

_GRID = tuple(round(1.05 * 1.05**step, 3) for step in range(ceil(log(LARGEST_EFFECT / 1.05) / log(1.05)) + 1))


@dataclass(frozen=True, slots=True)
class Detectability:
    """What one comparison detects, and when it passes.

    `growth` gives the nats a second for a rollback by effect, `growth_when_well` those for an advance if the candidate
    is like the baseline; both are calculated only when asked for. `rollback` and `advance` are the e-values needed.
    `dispersed` and `dispersed_when_well` turn the seconds that undivided evidence takes into those that evidence
    divided by phi takes. `of_errors` is true for a share of bad events, which can be all of them at worst.
    """

    growth: Callable[[float], float]
    growth_when_well: Callable[[], float]
    rollback: float
    advance: float
    dispersed: Callable[[float], float] = float
    dispersed_when_well: Callable[[float], float] = float
    of_errors: bool = False

    def median(self, times: float) -> float:
        """Median seconds to detect a candidate whose figure is `times` the baseline's; infinite for never."""
        return self.dispersed(median_time(self.growth(times), self.rollback))

    def medians(self) -> dict[float, float]:
        """Median seconds to detect each of `EFFECTS`; infinite where it never will."""
        return {times: self.median(times) for times in EFFECTS}

    def smallest(self, within_s: float) -> float | None:
        """The smallest effect whose median time is at most `within_s`; None if there is none."""
        return smallest_effect({times: self.median(times) for times in _GRID}, within_s)

    def passes(self, so_far: float = 1.0) -> float:
        """Seconds until the comparison passes when all is well, from the e-value `so_far`; infinite for never."""
        if so_far >= self.advance:
            return 0.0
        well = self.growth_when_well()
        return self.dispersed_when_well(log(self.advance / max(so_far, LEAST_SO_FAR)) / well) if well > 0.0 else inf


def detectability(
    policy: Policy, name: str, definition: CheckDefinition, traffic: Traffic, base: float | None, *, new: bool = False
) -> Detectability | None:
    """What the check detects at this traffic, if the baseline's share of bad events is `base`.

    None for a check that does not compare, without traffic, without a baseline, and where `base` is needed but unknown.
    At a `new` rollout phi is not measured yet, so the prior applies at first.
    """
    return _detectability(policy, joint_test_of(policy), name, definition, traffic, base, new=new)


def _detectability(
    policy: Policy,
    joint_test: JointTest,
    name: str,
    definition: CheckDefinition,
    traffic: Traffic,
    base: float | None,
    *,
    new: bool = False,
) -> Detectability | None:
    compared = definition.compared
    if compared is None:
        return None
    if traffic.share >= 1.0 or not traffic.rps > 0.0:
        return None
    ratio, quantile = compared.ratio, compared.quantile
    threshold = joint_test.thresholds(name, policy.confidence.advance)
    if quantile is not None:
        return Detectability(
            lambda times: latency_growth(traffic, quantile, times, ratio) if times > ratio else 0.0,
            lambda: latency_growth(traffic, quantile, 1.0, ratio),
            threshold.rollback,
            threshold.advance,
        )
    if base is None or not 0.0 < base < 1.0:
        return None
    return Detectability(
        lambda times: error_growth(traffic, base, times, ratio),
        lambda: advance_growth(traffic, base, ratio),
        threshold.rollback,
        threshold.advance,
        _dispersed(policy, compared, traffic, base, new=new),
        _dispersed(policy, compared, traffic, base, new=False),
        of_errors=True,
    )


def passes_alone(policy: Policy, definition: CheckDefinition, traffic: Traffic, base: float, objective: float) -> float:
    """Seconds until a candidate like the baseline passes alone, with all the traffic, against the share `objective`."""
    well, compared = alone_growth(traffic.rps * traffic.share, base, objective), definition.compared
    if compared is None or well <= 0.0:
        return inf
    return _dispersed(policy, compared, traffic, base, new=False)(log(1.0 / policy.confidence.advance) / well)


def _dispersed(
    policy: Policy, compared: ComparedFigure, traffic: Traffic, base: float, *, new: bool
) -> Callable[[float], float]:
    """How long evidence takes if events carry no users: by the phi that the policy states, or will be measured."""
    stated = policy.confidence.dispersion
    if stated is None and not compared.clusters:
        stated = 1.0
    if stated is not None:
        phi = stated
        return lambda seconds: seconds * phi
    pane_s = policy.pane_ms / 1_000.0
    errors = traffic.rps * (1.0 - traffic.share) * base * pane_s
    blocks_per_s = (1.0 - exp(-3.0 * errors)) / pane_s  # a block counts where it or a neighbour has an error
    prior = prior_for(policy.pane_ms) if new else NO_PRIOR
    return lambda seconds: time_with_dispersion(seconds, INDEPENDENT, blocks_per_s, prior)


def live_passes(
    policy: Policy, joint_test: JointTest, stage: int, rps: float, verdicts: Sequence[Verdict]
) -> dict[str, float | None]:
    """By comparing check, the seconds until it passes at the current `rps` if the candidate is like the baseline.

    None stands for never. Requests that are missing for `min_requests` are not counted here.
    """
    out: dict[str, float | None] = {}
    traffic = Traffic(rps, policy.stages[stage].weight)
    for verdict in verdicts:
        definition = policy.checks.get(verdict.name)
        if definition is None or verdict.advance_e_value is None:
            continue
        base = _base(definition, verdict.baseline)
        found = _detectability(policy, joint_test, verdict.name, definition, traffic, base)
        if found is not None:
            seconds = found.passes(verdict.advance_e_value) if policy.stages[stage].proves else 0.0
            out[verdict.name] = None if seconds == inf else round(seconds, 1)
    return out


def live_detection(
    policy: Policy, joint_test: JointTest, stage: int, rps: float, verdicts: Sequence[Verdict]
) -> dict[str, dict[str, float | None]]:
    """By comparing check, at the current `rps` of both cohorts: the median seconds to detect each of `EFFECTS`.

    None stands for never. `verdicts` are those of the last pane; the baseline's figures come from there.
    """
    out: dict[str, dict[str, float | None]] = {}
    traffic = Traffic(rps, policy.stages[stage].weight)
    for verdict in verdicts:
        definition = policy.checks.get(verdict.name)
        if definition is None:
            continue
        base = _base(definition, verdict.baseline)
        found = _detectability(policy, joint_test, verdict.name, definition, traffic, base)
        if found is not None:
            seconds = found.medians()
            out[verdict.name] = {_WORDS[times]: None if s == inf else round(s, 1) for times, s in seconds.items()}
    return out


def _base(definition: CheckDefinition, baseline: Measurement) -> float | None:
    """The baseline's share of bad events, from its verdict; half an event where it had none yet."""
    if baseline.value is None or not baseline.requests or definition.compared is None:
        return None
    value = significant(baseline.value)  # as published, so that a reader of the status can repeat the calculation
    return min(max(definition.compared.bad_share(value), 0.5 / baseline.requests), 1.0 - 1e-9)
