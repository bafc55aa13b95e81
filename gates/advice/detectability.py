"""What a comparison can see at a given traffic, and how soon: for plans beforehand, and live beside each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, exp, inf, log
from typing import Any

from gates.comparison.dispersion import NO_PRIOR, prior_for
from gates.policy import AnyCheck, ComparedCheck, LatencyCheck, MetricCheck, Policy
from gates.slis.registry import JointTest
from gates.stats.power import (
    LARGEST_EFFECT,
    Traffic,
    advance_growth,
    error_growth,
    latency_growth,
    median_time,
    smallest_effect,
    time_with_dispersion,
)

EFFECTS = (1.5, 2.0, 5.0)
"""Regressions that are spoken of: so many times the baseline's figure."""

_WORDS = {times: f"x{times:g}" for times in EFFECTS}

INDEPENDENT = 1.3
"""What the clustering of independent errors is measured as: the larger of two estimates, margin included."""

_GRID = tuple(round(1.05 * 1.05**step, 3) for step in range(ceil(log(LARGEST_EFFECT / 1.05) / log(1.05)) + 1))


@dataclass(frozen=True, slots=True)
class Sight:
    """What one comparison sees: nats a second for a rollback by effect, and for an advance when all is well.

    Both are worked out when asked for. `rollback` and `advance` are the e-values that it takes. `dispersed` and
    `dispersed_when_well` say how many seconds it takes to gather the evidence of so many, as clusters are allowed for.
    """

    growth: Callable[[float], float]
    growth_when_well: Callable[[], float]
    rollback: float
    advance: float
    dispersed: Callable[[float], float] = float
    dispersed_when_well: Callable[[float], float] = float

    def _median(self, times: float) -> float:
        return self.dispersed(median_time(self.growth(times), self.rollback))

    def detect(self) -> dict[float, float]:
        """Median seconds to detect each of `EFFECTS`; infinite where it never will."""
        return {times: self._median(times) for times in EFFECTS}

    def smallest(self, within_s: float) -> float | None:
        """The least effect whose median is within so many seconds; None if there is none."""
        return smallest_effect({times: self._median(times) for times in _GRID}, within_s)

    @property
    def well(self) -> float:
        """Nats a second for an advance when all is well."""
        return self.growth_when_well()

    def passes(self) -> float:
        """Seconds until it passes when all is well."""
        well = self.well
        return self.dispersed_when_well(log(self.advance) / well) if well > 0.0 else inf


def sight(
    policy: Policy, name: str, definition: AnyCheck, traffic: Traffic, base: float | None, *, new: bool = False
) -> Sight | None:
    """What the check sees at this traffic, whose baseline has the share `base` of bad events; None if it is unknown.

    None as well for a check that does not compare, and where there is no traffic or no baseline is left. At a `new`
    rollout how clustered errors are is not yet measured, and the worst is assumed.
    """
    return _sight(policy, JointTest.of(policy), name, definition, traffic, base, new=new)


def _sight(
    policy: Policy,
    joint_test: JointTest,
    name: str,
    definition: AnyCheck,
    traffic: Traffic,
    base: float | None,
    *,
    new: bool = False,
) -> Sight | None:
    if not isinstance(definition, ComparedCheck) or definition.ratio is None:
        return None
    if traffic.share >= 1.0 or not traffic.rps > 0.0:
        return None
    ratio, threshold = definition.ratio, joint_test.thresholds(name, policy.confidence.advance)
    quantile = _quantile(definition)
    if quantile is not None:
        return Sight(
            lambda times: latency_growth(traffic, quantile, times, ratio) if times > ratio else 0.0,
            lambda: latency_growth(traffic, quantile, 1.0, ratio),
            threshold.rollback,
            threshold.advance,
        )
    if base is None or not 0.0 < base < 1.0:
        return None
    return Sight(
        lambda times: error_growth(traffic, base, times, ratio),
        lambda: advance_growth(traffic, base, ratio),
        threshold.rollback,
        threshold.advance,
        _dispersed(policy, definition, traffic, base, new=new),
        _dispersed(policy, definition, traffic, base, new=False),
    )


def _dispersed(
    policy: Policy, definition: AnyCheck, traffic: Traffic, base: float, *, new: bool
) -> Callable[[float], float]:
    """How long evidence takes, if events carry no users: by what the policy says, or by what will be measured."""
    stated = policy.confidence.dispersion
    if stated is None and isinstance(definition, MetricCheck):
        stated = 1.0
    if stated is not None:
        phi = stated
        return lambda seconds: seconds * phi
    pane_s = policy.pane_ms / 1_000.0
    errors = traffic.rps * (1.0 - traffic.share) * base * pane_s
    blocks_per_s = (1.0 - exp(-3.0 * errors)) / pane_s  # a block counts where it or a neighbour has an error
    prior = prior_for(policy.pane_ms) if new else NO_PRIOR
    return lambda seconds: time_with_dispersion(seconds, INDEPENDENT, blocks_per_s, prior)


def _quantile(definition: AnyCheck) -> float | None:
    """The quantile that is compared, as one where larger values are worse; None for means and shares."""
    if isinstance(definition, LatencyCheck):
        return definition.quantile
    if isinstance(definition, MetricCheck) and definition.quantile is not None:
        return definition.quantile if definition.better == "lower" else 1.0 - definition.quantile
    return None


def live(
    policy: Policy, joint_test: JointTest, stage: int, rps: float, checks: tuple[Mapping[str, Any], ...]
) -> dict[str, dict[str, float | None]]:
    """By comparing check, at the traffic seen now: the median seconds to see each of `EFFECTS`, None for never.

    `checks` are the last pane's verdicts as documents; the baseline's figures come from there.
    """
    out: dict[str, dict[str, float | None]] = {}
    traffic = Traffic(rps, policy.stages[stage].weight)
    for check in checks:
        name = check["name"]
        definition = policy.checks.get(name)
        found = (
            None
            if definition is None
            else _sight(policy, joint_test, name, definition, traffic, _base(definition, check))
        )
        if found is not None:
            seconds = found.detect()
            out[name] = {_WORDS[times]: None if s == inf else round(s, 1) for times, s in seconds.items()}
    return out


def _base(definition: AnyCheck, check: Mapping[str, Any]) -> float | None:
    """The baseline's share of bad events, as its verdict tells; half an event where it had none yet."""
    measured = check["baseline"]
    value: float | None = measured["value"]
    requests: int = measured["requests"]
    if value is None or not requests:
        return None
    if isinstance(definition, MetricCheck):
        share = value / (definition.ceiling or 1.0)
        share = share if definition.better == "lower" else 1.0 - share
    else:
        share = value
    return min(max(share, 0.5 / requests), 1.0 - 1e-9)
