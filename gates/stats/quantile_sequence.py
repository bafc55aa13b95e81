"""Confidence sequence for a latency quantile, as epochs under rules 1 and 2 show it beside the estimate.

It is computed on a sliding window, so it does not hold at all panes at once as a sequence should, and at each single
one it is wider than needed. Later rules show `gates.stats.quantile_interval`; this stays so that an old journal folds
to the same bytes.

That `x` is the q-quantile means that each latency is at most `x` with probability q: a binomial null, tested by a
beta-binomial mixture, at every number of latencies at once (Howard and Ramdas, Bernoulli 28(3), 2022). The values of
`x` that are not rejected are an interval; buckets only widen it. It holds for latencies that come from one
distribution, so it is for display, and no decision rests on it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, lgamma, log

import numpy as np

from gates.stats.histogram import BUCKETS, Histogram, lower_edges


def concentration(q: float, alpha: float, t_opt: float) -> float:
    """Concentration of the beta prior that makes the interval narrowest at about `t_opt` latencies.

    >>> round(concentration(0.95, 0.05, 1000), 7)
    125.0056098
    """
    variance = q * (1.0 - q)
    twice = 2.0 * log(1.0 / alpha)
    rho = t_opt * variance / (twice + log(1.0 + twice))
    return max(rho - variance, 1e-3 * variance) / variance


def log_evidence(at_most: int, total: int, q: float, kappa: float) -> float:
    """Log evidence against `x` being the q-quantile when `at_most` of `total` latencies are at most `x`.

    >>> round(log_evidence(930, 1000, 0.95, concentration(0.95, 0.05, 1000)), 9)
    2.130904514
    """
    a, b = kappa * q, kappa * (1.0 - q)
    above = total - at_most
    return _log_beta(a + at_most, b + above) - _log_beta(a, b) - at_most * log(q) - above * log(1.0 - q)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def rank_bounds(total: int, q: float, alpha: float, t_opt: float) -> tuple[int, int]:
    """The least and the most of `total` latencies that may be at most the q-quantile.

    >>> rank_bounds(10_000, 0.95, 0.05, 10_000)
    (9433, 9564)

    Raises:
        ValueError: q or alpha is not between 0 and 1, or t_opt is not positive.
    """
    if not 0.0 < q < 1.0 or not 0.0 < alpha < 1.0 or not t_opt > 0.0:
        raise ValueError(f"q {q} and alpha {alpha} must be between 0 and 1, t_opt {t_opt} positive")
    kappa, limit = concentration(q, alpha, t_opt), log(1.0 / alpha)
    least = ceil(q * (total - 1)) if total else 0  # where the evidence is smallest: it rises to both sides

    def kept(at_most: int) -> bool:
        return log_evidence(at_most, total, q, kappa) < limit

    return _edge(least, 0, kept), _edge(least, total, kept)


def _edge(kept: int, end: int, keeps: Callable[[int], bool]) -> int:
    """The last number that `keeps`, going from `kept`, which does, to `end`."""
    if keeps(end):
        return end
    out = end
    while abs(out - kept) > 1:
        middle = (kept + out) // 2
        if keeps(middle):
            kept = middle
        else:
            out = middle
    return kept


def interval(histogram: Histogram, q: float, alpha: float, t_opt: float) -> tuple[float, float | None] | None:
    """The interval, in milliseconds, that ever misses the q-quantile with probability at most `alpha`.

    `t_opt` is the number of latencies at which it should be narrowest. None without latencies; a lower end of 0, or
    an upper end of None, where the latencies do not bound it.

    >>> low, high = interval(Histogram.of([float(ms) for ms in range(1, 1001)]), 0.5, 0.05, 1000)
    >>> round(low), round(high)
    (449, 555)

    Raises:
        ValueError: q or alpha is not between 0 and 1, or t_opt is not positive.
    """
    total = histogram.total
    fewest, most = rank_bounds(total, q, alpha, t_opt)
    if not total:
        return None
    cumulative = np.cumsum(histogram.counts)
    low = int(histogram.indices[np.searchsorted(cumulative, fewest)]) if fewest else 0
    high = int(histogram.indices[np.searchsorted(cumulative, most, side="right")]) if most < total else BUCKETS - 1
    return _edge_ms(low) if low else 0.0, _edge_ms(high + 1) if high < BUCKETS - 1 else None


def _edge_ms(bucket: int) -> float:
    return 1000.0 * float(lower_edges(np.array([bucket], dtype=np.int64))[0])
