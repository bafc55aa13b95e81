"""Power of the comparisons: growth of evidence by traffic, share and effect.

Evidence grows, in the mean, by a constant number of nats a second; a test stops about when it has gathered the
logarithm of its threshold (Wald 1945: no test stops sooner). The constants 1.5 and 2.3 are fitted to simulations of
this package's own mixtures, good to about half of the time they give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, log
from statistics import NormalDist

from gates.stats.cluster_prior import ClusterPrior
from gates.stats.error_share import ADVANCE_EFFECTS, ADVANCE_MARGIN
from gates.stats.single_arm import log_factor

MIXTURE_COST = 1.5
"""Nats that a mixture needs beyond the threshold, because the effect is not known; fitted to simulations."""

P95_OVER_MEDIAN = 2.3
"""The 95th percentile of the time to detect, as a multiple of its median; fitted to simulations."""

LARGEST_EFFECT = 64.0
"""The largest effect that a mixture looks for."""

LATENCY_SIGMA = 0.7
"""Latency is planned for as log-normal with this sigma of the logarithm: near p95 that is a body with a slow tail."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests a second of both cohorts, and the candidate's share of them."""

    rps: float
    share: float


def _factor(traffic: Traffic, effect: float, ratio: float, errors: tuple[float, float], margin: float) -> float:
    """Mean log e-factor a second, for error rates of (candidate, baseline); linear in counts, so rates do for them."""
    n_c, n_b = traffic.rps * traffic.share, traffic.rps * (1.0 - traffic.share)
    null, alternative = ratio * n_c + n_b, effect * n_c + n_b
    a, b = (effect / ratio) * null / alternative, null / alternative
    return n_c * errors[0] * log(a) + n_b * errors[1] * log(b) - n_c * margin * (a - 1.0)


def error_growth(traffic: Traffic, base: float, times: float, ratio: float) -> float:
    """Nats a second for a rollback, if the candidate fails `times` as often as the baseline's share `base`.

    0 where `times` is not above `ratio`: the policy allows it.

    >>> round(error_growth(Traffic(1000.0, 0.01), 0.001, 5.0, 1.0), 4)
    0.0397
    """
    if base > 0.0:
        times = min(times, 1.0 / base)  # no more than all requests can fail
    if times <= ratio:
        return 0.0
    effect = min(times, ratio * LARGEST_EFFECT)  # a larger one is detected by the bet on the largest
    return max(0.0, _factor(traffic, effect, ratio, (min(1.0, base * times), base), 0.0))


def advance_growth(traffic: Traffic, base: float, ratio: float, margin: float = ADVANCE_MARGIN) -> float:
    """Nats a second for an advance, if the candidate fails exactly as often as the baseline's share `base`."""
    return max(
        0.0,
        *(_factor(traffic, ratio * effect, ratio, (base, base), margin) for effect in ADVANCE_EFFECTS),
    )


def alone_growth(rate: float, base: float, objective: float) -> float:
    """Nats a second for an advance of a candidate alone, of `rate` events a second and the bad share `base`.

    >>> alone_growth(100.0, 0.02, 0.01), round(alone_growth(100.0, 0.01, 0.05), 3)
    (0.0, 2.474)
    """
    return max(0.0, *(rate * log_factor(base, 1, effect, objective) for effect in ADVANCE_EFFECTS))


def latency_growth(traffic: Traffic, quantile: float, times: float, ratio: float) -> float:
    """Nats a second for a rollback (`times` above `ratio`) or an advance (below); each latency is `times` as long."""
    return traffic.rps * traffic.share * (1.0 - traffic.share) * _divergence(quantile, times, ratio)


@lru_cache(maxsize=1 << 12)
def _divergence(quantile: float, times: float, ratio: float) -> float:
    """Nats for each pair of requests, of candidate and baseline."""
    rate, beyond = 1.0 - quantile, exceeding(quantile, times, ratio)
    return beyond * log(beyond / rate) + (1.0 - beyond) * log((1.0 - beyond) / (1.0 - rate))


def exceeding(quantile: float, times: float, ratio: float) -> float:
    """The share of a candidate's latencies beyond `ratio` times the baseline's quantile; each is `times` as long.

    >>> round(exceeding(0.95, 1.0, 1.0), 6), round(exceeding(0.95, 1.5, 1.25), 4)
    (0.05, 0.0831)
    """
    beyond = 1.0 - _NORMAL.cdf(_NORMAL.inv_cdf(quantile) + log(ratio / times) / LATENCY_SIGMA)
    return min(max(beyond, 1e-12), 1.0 - 1e-12)


def median_time(growth: float, threshold: float) -> float:
    """Median seconds until an e-value passes `threshold`; infinite without growth.

    >>> round(median_time(0.0395, 100.0))
    155
    """
    return inf if growth <= 0.0 else (log(threshold) + MIXTURE_COST) / growth


def time_with_dispersion(seconds: float, estimate: float, blocks_per_s: float, prior: ClusterPrior) -> float:
    """Seconds that evidence of `seconds` takes if it is divided by phi, which the `prior` raises at first.

    `estimate` is the phi that the errors lead to, `blocks_per_s` the number of blocks with errors a second.

    >>> time_with_dispersion(100.0, 1.0, 1.0, ClusterPrior(weight=0, until=0))
    100.0
    >>> round(time_with_dispersion(100.0, 1.0, 1.0, ClusterPrior(weight=12, until=60)), 1)
    141.0
    """
    passed = 0.0
    for blocks in range(prior.until if blocks_per_s > 0.0 else 0):
        phi = prior.dispersion(estimate, blocks)
        if seconds * phi * blocks_per_s <= 1.0:
            return passed + seconds * phi
        passed += 1.0 / blocks_per_s
        seconds -= 1.0 / (blocks_per_s * phi)
    return passed + seconds * prior.dispersion(estimate, prior.until)


def smallest_effect(seconds_to_detect: dict[float, float], within_s: float) -> float | None:
    """The smallest effect of those given that takes at most `within_s` to detect; None if there is none."""
    return min((times for times, seconds in seconds_to_detect.items() if seconds <= within_s), default=None)
