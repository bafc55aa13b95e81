"""The delays of one comparison, by the rule that its evidence follows: blocks of time, or single events.

All times are seconds, all shares are from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf
from typing import NamedTuple

from gates.comparison.dispersion import NO_PRIOR, prior_for
from gates.policy import Policy
from gates.rules import JudgingRules
from gates.slis.definition import ComparedFigure
from gates.stats import block_power
from gates.stats.block_power import Cohorts, blocks_with_errors, pace, successes_lost, time_to_pass
from gates.stats.error_share import ADVANCE_MARGIN
from gates.stats.power import (
    P95_OVER_MEDIAN,
    Traffic,
    advance_growth,
    error_growth,
    exceeding,
    latency_growth,
    median_time,
    time_with_dispersion,
)

INDEPENDENT = 1.3
"""What is measured as phi where errors are independent: the larger of two noisy estimates, with their margin."""


class Delay(NamedTuple):
    """Seconds to detect a candidate: the median, and what suffices in 95 of 100 cases."""

    median: float
    p95: float


NEVER = Delay(inf, inf)


class BlockDetection:
    """In blocks. `base` is the baseline's share of bad events; of a quantile it is known by construction."""

    def __init__(self, policy: Policy, compared: ComparedFigure, traffic: Traffic, base: float, *, new: bool) -> None:
        self._compared = compared
        self._stated = policy.confidence.dispersion
        self._pane_s = policy.pane_ms / 1_000.0
        self._rates = traffic.rps * traffic.share, traffic.rps * (1.0 - traffic.share)
        self._base = base if compared.quantile is None else 1.0 - compared.quantile
        self._new = new

    def _cohorts(self, bad: float) -> Cohorts:
        return Cohorts(*self._rates, bad, self._base).compared()

    def delay(self, times: float, threshold: float) -> Delay:
        """To detect a candidate `times` as bad as the baseline."""
        compared = self._compared
        if times <= compared.ratio:
            return NEVER
        ratio, least, bad = compared.ratio, 0.0, min(1.0, self._base * times)
        if compared.quantile is not None:  # the ratio is in the thresholds that values are counted by
            ratio, least, bad = 1.0, self._base, exceeding(compared.quantile, times, compared.ratio)
        cohorts = self._cohorts(bad)
        found = pace(cohorts, ratio, self._pane_s, self._stated or 1.0, least)
        lost = successes_lost(cohorts, threshold, self._pane_s) if compared.clusters else inf
        return Delay(min(found.median(threshold), lost), min(found.p95(threshold), lost))

    def passing(self, nats: float, phi: float | None) -> float:
        """Until a candidate like the baseline has gathered these nats for an advance; `phi` if it is known."""
        compared = self._compared
        if compared.quantile is None:
            cohorts = self._cohorts(self._base)
            growth = block_power.advance_growth(cohorts, compared.ratio, compared.margin.at(self._base))
        else:
            cohorts = self._cohorts(exceeding(compared.quantile, 1.0, compared.ratio))
            growth = block_power.advance_growth(cohorts, 1.0, 0.0)
        blocks = blocks_with_errors(cohorts.baseline * self._base)
        return time_to_pass(growth, nats, phi or self._stated, blocks, new=self._new)


class EventDetection:
    """Event by event: where the policy states that errors are independent, and under rules before blocks."""

    def __init__(
        self,
        policy: Policy,
        compared: ComparedFigure,
        traffic: Traffic,
        base: float,
        *,
        new: bool,
        rules: JudgingRules,
    ) -> None:
        self._policy = policy
        self._compared = compared
        self._traffic = traffic
        self._base = base
        self._new = new
        self._margin = compared.margin.at(base) if rules.blocks else ADVANCE_MARGIN

    def delay(self, times: float, threshold: float) -> Delay:
        """To detect a candidate `times` as bad as the baseline."""
        ratio, quantile = self._compared.ratio, self._compared.quantile
        if quantile is not None:
            growth = latency_growth(self._traffic, quantile, times, ratio) if times > ratio else 0.0
            median = median_time(growth, threshold)
        else:
            growth = error_growth(self._traffic, self._base, times, ratio)
            median = self._dispersed(new=self._new)(median_time(growth, threshold))
        return Delay(median, median * P95_OVER_MEDIAN)

    def passing(self, nats: float, phi: float | None) -> float:
        """Until a candidate like the baseline has gathered these nats for an advance."""
        ratio, quantile = self._compared.ratio, self._compared.quantile
        if quantile is not None:
            growth = latency_growth(self._traffic, quantile, 1.0, ratio)
            return nats / growth if growth > 0.0 else inf
        growth = advance_growth(self._traffic, self._base, ratio, self._margin)
        return self._dispersed(new=False)(nats / growth) if growth > 0.0 else inf

    def _dispersed(self, *, new: bool) -> Callable[[float], float]:
        """How long evidence takes if events carry no users: by the phi that the policy states, or will be measured."""
        policy, traffic = self._policy, self._traffic
        stated = policy.confidence.dispersion
        if stated is None and not self._compared.clusters:
            stated = 1.0
        if stated is not None:
            phi = stated
            return lambda seconds: seconds * phi
        pane_s = policy.pane_ms / 1_000.0
        errors = traffic.rps * (1.0 - traffic.share) * self._base * pane_s
        blocks_per_s = (1.0 - exp(-3.0 * errors)) / pane_s  # a block counts where it or a neighbour has an error
        prior = prior_for(policy.pane_ms) if new else NO_PRIOR
        return lambda seconds: time_with_dispersion(seconds, INDEPENDENT, blocks_per_s, prior)
