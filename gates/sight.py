"""What a comparison can see at a given traffic, and how soon: for plans beforehand, and live beside each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, inf, log
from typing import Any

from gates.checks import Jury
from gates.policy import AnyCheck, ComparedCheck, ErrorRateCheck, LatencyCheck, MetricCheck, Policy
from gates.stats.power import (
    LARGEST_EFFECT,
    Traffic,
    advance_growth,
    error_growth,
    latency_growth,
    median_time,
    smallest_effect,
)

EFFECTS = (1.5, 2.0, 5.0)
"""Regressions that are spoken of: so many times the baseline's figure."""

_WORDS = {times: f"x{times:g}" for times in EFFECTS}

_GRID = tuple(round(1.05 * 1.05**step, 3) for step in range(ceil(log(LARGEST_EFFECT / 1.05) / log(1.05)) + 1))


@dataclass(frozen=True, slots=True)
class Sight:
    """What one comparison sees: nats a second for a rollback by effect, and for an advance when all is well.

    Both are worked out when asked for. `rollback` and `advance` are the e-values that it takes.
    """

    growth: Callable[[float], float]
    growth_when_well: Callable[[], float]
    rollback: float
    advance: float

    def detect(self) -> dict[float, float]:
        """Median seconds to detect each of `EFFECTS`; infinite where it never will."""
        return {times: median_time(self.growth(times), self.rollback) for times in EFFECTS}

    def smallest(self, within_s: float) -> float | None:
        """The least effect whose median is within so many seconds; None if there is none."""
        return smallest_effect({times: self.growth(times) for times in _GRID}, self.rollback, within_s)

    @property
    def well(self) -> float:
        """Nats a second for an advance when all is well."""
        return self.growth_when_well()

    def passes(self) -> float:
        """Seconds until it passes when all is well."""
        well = self.well
        return log(self.advance) / well if well > 0.0 else inf


def sight(policy: Policy, name: str, definition: AnyCheck, traffic: Traffic, base: float | None) -> Sight | None:
    """What the check sees at this traffic, whose baseline has the share `base` of bad events; None if it is unknown.

    None as well for a check that does not compare, and where there is no traffic or no baseline is left.
    """
    return _sight(policy, Jury.of(policy), name, definition, traffic, base)


def _sight(
    policy: Policy, jury: Jury, name: str, definition: AnyCheck, traffic: Traffic, base: float | None
) -> Sight | None:
    if not isinstance(definition, ComparedCheck) or definition.ratio is None:
        return None
    if traffic.share >= 1.0 or not traffic.rps > 0.0:
        return None
    ratio, threshold = definition.ratio, jury.threshold(name, policy.confidence.advance)
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
    temper = policy.confidence.dispersion if isinstance(definition, ErrorRateCheck) else 1.0
    return Sight(
        lambda times: error_growth(traffic, base, times, ratio) / temper,
        lambda: advance_growth(traffic, base, ratio) / temper,
        threshold.rollback,
        threshold.advance,
    )


def _quantile(definition: AnyCheck) -> float | None:
    """The quantile that is compared, as one where larger values are worse; None for means and shares."""
    if isinstance(definition, LatencyCheck):
        return definition.quantile
    if isinstance(definition, MetricCheck) and definition.quantile is not None:
        return definition.quantile if definition.better == "lower" else 1.0 - definition.quantile
    return None


def live(
    policy: Policy, jury: Jury, stage: int, rps: float, checks: tuple[Mapping[str, Any], ...]
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
            None if definition is None else _sight(policy, jury, name, definition, traffic, _base(definition, check))
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
